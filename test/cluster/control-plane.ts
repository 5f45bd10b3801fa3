/** The control plane: etcd, API server, controller manager, scheduler, and the bridges that join the nodes. */
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startPart, tail } from './part.ts';
import { kubeconfig, makePki } from './pki.ts';
import { gone } from './processes.ts';
import { addressesOf } from './family.ts';
import { apiServer, AUDIT_POLICY, controlPlaneArguments } from './settings.ts';
import { API_PORT, paths } from './spec.ts';
import type { ClusterRecord } from './spec.ts';
import { waitFor } from './wait.ts';

export const CONTROL_PLANE = 'control-plane';

/** Certificates, kubeconfigs and arguments of the control plane's programs. */
export async function prepareControlPlane(record: ClusterRecord): Promise<void> {
  const { pki, controlPlane, logs, kubeconfig: admin, socket } = paths(record.dir);
  await makePki(pki, record);
  await Promise.all([controlPlane, join(logs, CONTROL_PLANE)].map((dir) => mkdir(dir, { recursive: true })));
  const files: Record<string, string> = { 'audit-policy.yaml': JSON.stringify(AUDIT_POLICY, null, 2) };
  for (const [program, text] of Object.entries(controlPlaneArguments(record))) files[`${program}.args`] = text;
  const [host] = addressesOf(record.family).controlPlane;
  const forward = [process.execPath, join(import.meta.dirname, 'forward.ts'), socket, host, API_PORT];
  files['forward.args'] = `${forward.join('\n')}\n`;
  for (const name of ['admin', 'kube-controller-manager', 'kube-scheduler']) {
    files[`${name}.conf`] = await kubeconfig(pki, name, apiServer(record.family));
  }
  const writes = Object.entries(files).map(([name, text]) =>
    writeFile(join(controlPlane, name), text, { mode: 0o600 }),
  );
  await Promise.all(writes);
  await writeFile(admin, files['admin.conf'] ?? '', { mode: 0o600 });
}

/** Starts it; resolves with its process 1 when nodes can be connected (the API server needs two more seconds). */
export async function startControlPlane(record: ClusterRecord): Promise<number> {
  const { controlPlane, logs } = paths(record.dir);
  const { controlPlane: ips, prefixOf, node, pods, services } = addressesOf(record.family);
  const gateways = node(1);
  const routes = [pods, services].flatMap((ranges) =>
    ranges.split(',').map((range, index) => `${range} via ${gateways[index] ?? ''}`),
  );
  const ready = join(controlPlane, 'network.ready');
  const log = join(logs, CONTROL_PLANE, 'init.log');
  await rm(ready, { force: true });
  const { init } = await startPart(record, {
    part: CONTROL_PLANE,
    script: 'control-plane-init.sh',
    namespaces: ['net', 'pid', 'mount', 'uts'],
    cgroups: [],
    log,
    env: {
      CP_DIR: controlPlane,
      LOWERS: record.lowers.join(':'),
      KUBE_DIR: record.kubeDir,
      LOG_DIR: join(logs, CONTROL_PLANE),
      ADDRESSES: ips.map((ip) => `${ip}/${prefixOf(ip)}`).join(' '),
      ROUTES: routes.join('\n'),
    },
  });
  await waitFor(
    () => {
      if (gone(init)) throw new Error(`the control plane ended while starting\n${tail(log)}\nlog: ${log}`);
      return existsSync(ready);
    },
    { what: 'the bridges of the control plane', limitMs: 20_000, explain: () => tail(log) },
  );
  return init;
}
