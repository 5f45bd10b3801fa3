/**
 * One node: a light container with network, pid, mount, uts, ipc and cgroup namespaces of its own. What it writes lies below
 * its folder and outlives a "power cut" (`stopNode`, then `startNode`), like the disk of a real machine.
 */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeCgroups, parkLauncher, removeCgroups } from './cgroups.ts';
import { CONTROL_PLANE } from './control-plane.ts';
import { attempt, run } from './exec.ts';
import { addressesOf } from './family.ts';
import { cloneGolden } from './golden.ts';
import { startPart, tail } from './part.ts';
import { kubeconfig } from './pki.ts';
import { CLUSTER_MARK, gone, initOf, killAll } from './processes.ts';
import { apiServer, nodeFiles } from './settings.ts';
import { nodeName, paths } from './spec.ts';
import type { ClusterRecord } from './spec.ts';
import { waitFor } from './wait.ts';

const NAMESPACES = ['net', 'pid', 'mount', 'uts', 'ipc', 'cgroup'];
/** NICs in order of their number, with the bridge each is on. */
const NETWORKS = ['cluster', 'underlay', 'tunnels'];

/** Folder of a node's state. */
export const nodeDir = (record: ClusterRecord, n: number): string => join(record.dir, nodeName(n));

/** Writes what the node needs before its first start. Needs the cluster's certificates. */
export async function prepareNode(record: ClusterRecord, n: number): Promise<void> {
  const dir = nodeDir(record, n);
  const { pki } = paths(record.dir);
  for (const part of ['kubelet', 'containerd', 'kubernetes']) await mkdir(join(dir, part), { recursive: true });
  const files = nodeFiles(record, n);
  files['kubelet.conf'] = await kubeconfig(pki, nodeName(n), apiServer(record.family));
  files['kube-proxy.conf'] = await kubeconfig(pki, 'kube-proxy', apiServer(record.family));
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, 'kubernetes', name), text);
  await copyFile(join(pki, 'ca.crt'), join(dir, 'kubernetes', 'ca.crt'));
  if (record.golden !== undefined && !existsSync(join(dir, 'containerd', 'io.containerd.metadata.v1.bolt'))) {
    await cloneGolden(record.golden, join(dir, 'containerd'));
  }
}

/** Starts a node and connects it; resolves with its process 1 when its kubelet and containerd are started. */
export async function startNode(record: ClusterRecord, n: number): Promise<number> {
  const name = nodeName(n);
  const controlPlane = initOf(record.id, CONTROL_PLANE);
  if (controlPlane === undefined)
    throw new Error(`no control plane runs in cluster "${record.name}": start it with "up" first`);
  if (initOf(record.id, name) !== undefined) throw new Error(`node ${name} runs already`);
  const logs = join(paths(record.dir).logs, name);
  const log = join(logs, 'init.log');
  // Groups that a killed node left make the next kubelet wait for containers that are no more.
  await removeCgroups(join(record.id, name));
  const cgroups = await makeCgroups(join(record.id, name));
  const env = {
    NODE: name,
    NODE_IP: addressesOf(record.family).node(n).join(','),
    NODE_DIR: nodeDir(record, n),
    LOWERS: record.lowers.join(':'),
    KUBE_DIR: record.kubeDir,
    LOG_DIR: logs,
  };
  const part = { part: name, script: 'node-init.sh', namespaces: NAMESPACES, cgroups, log, env };
  const { launcher, init } = await startPart(record, part);
  await parkLauncher(record.id, launcher);
  const reached = (flag: string): Promise<true> =>
    waitFor(
      () => {
        if (gone(init)) throw new Error(`node ${name} ended while starting\n${tail(log)}\nlog: ${log}`);
        return existsSync(`/proc/${init}/root/run/${flag}`);
      },
      { what: `node ${name} (${flag})`, limitMs: 60_000, explain: () => `${tail(log)}\nlog: ${log}` },
    );
  await reached('node.ready');
  await connect(record, n, { controlPlane, init });
  await writeFile(`/proc/${init}/root/run/network.ready`, '');
  await reached('node.up');
  await writeFile(join(nodeDir(record, n), 'pid'), `${init}\n`);
  return init;
}

/** A power cut: everything that runs on the node is killed at once; resolves when all of it is gone. */
export async function stopNode(record: ClusterRecord, n: number): Promise<void> {
  await killAll(record.id, nodeName(n));
  await removeCgroups(join(record.id, nodeName(n)));
}

/** Three virtual cables between the node and the control plane's bridges; no end of them is ever in the machine's namespace. */
async function connect(record: ClusterRecord, n: number, pids: { controlPlane: number; init: number }): Promise<void> {
  const end = (nic: number): string => `${nodeName(n)}e${nic}`;
  const marked = { env: { [CLUSTER_MARK]: record.id } };
  const inside = (pid: number): string[] => ['nsenter', `--net=/proc/${pid}/ns/net`];
  // After a power cut the kernel takes its time to remove the old cables.
  for (const nic of NETWORKS.keys())
    await attempt([...inside(pids.controlPlane), 'ip', 'link', 'del', end(nic)], marked);
  const cables = NETWORKS.map(
    (bridge, nic) =>
      `link add ${end(nic)} type veth peer name eth${nic} netns ${pids.init}\n` +
      `link set ${end(nic)} master ${bridge} up\n`,
  );
  await run([...inside(pids.controlPlane), 'ip', '-batch', '-'], { ...marked, input: cables.join('') });
  await run([...inside(pids.init), 'ip', '-batch', '-'], { ...marked, input: nics(record, n) });
  // The userspace switch takes frames from these two as they are: without this their TCP checksums are not yet filled in.
  for (const nic of ['eth1', 'eth2']) await run([...inside(pids.init), 'ethtool', '-K', nic, 'tx', 'off'], marked);
}

/** Addresses, links and the way out of a node, for `ip -batch`. Nobody waits until duplicates of IPv6 addresses are looked for. */
function nics(record: ClusterRecord, n: number): string {
  const { node, tunnel, controlPlane, prefixOf } = addressesOf(record.family);
  const flags = (ip: string): string => (ip.includes(':') ? ' nodad' : '');
  const added = (ips: readonly string[], nic: string): string[] =>
    ips.map((ip) => `address add ${ip}/${prefixOf(ip)} dev ${nic}${flags(ip)}`);
  return [
    ...added(node(n), 'eth0'),
    ...added(tunnel(n), 'eth2'),
    ...NETWORKS.map((_, nic) => `link set eth${nic} up`),
    ...controlPlane.map((ip) => `route add default via ${ip}`),
    '',
  ].join('\n');
}
