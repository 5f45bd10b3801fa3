// What the soak runs on: an API server, real or simulated, a real ovsdb-server, the operator in a process of its own, and
// pods that come and go as the kubelets and schedulers of a cluster would make them.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import type { JsonObject } from '../../operator/api/fact.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { systemClock } from '../../operator/kube/clock.ts';
import { resources } from '../../operator/kube/resources.ts';
import { applyCrds } from '../../test/crds.ts';
import { eventually } from '../../test/eventually.ts';
import { startApiServer } from '../../test/kube-apiserver.ts';
import { startServer } from '../../test/ovsdb-server.ts';
import { ensureBuilt } from '../../policies/build.ts';
import { containerEnvironment, containerFlags } from '../container-flags.ts';
import type { Sample } from './operator.ts';
import { SimulatedApi } from './simulated-api.ts';

export interface BedOptions {
  readonly api: 'real' | 'simulated';
  readonly nodes: number;
  /** Further flags of the operator. */
  readonly flags?: readonly string[];
}

/** The API server as the load sees it. */
export interface Load {
  create(object: JsonObject & { readonly kind: keyof typeof resources }): Promise<void>;
  deletePod(name: string): Promise<void>;
}

interface Api extends Load {
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

const token = 'soak';

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'soak',
    clusters: [{ name: 'soak', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'soak', user: { token } }],
    contexts: [{ name: 'soak', context: { cluster: 'soak', user: 'soak' } }],
  });
}

const path = (kind: keyof typeof resources): string => {
  const { apiVersion, plural } = resources[kind];
  return `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}/${plural}`;
};

async function simulated(directory: string): Promise<Api> {
  const api = new SimulatedApi();
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigOf(await api.start()));
  for (const name of ['default', 'kube-system'])
    api.create(path('Namespace'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return {
    kubeconfig,
    create: async (object) => void api.create(path(object.kind), object),
    deletePod: async (name) => void api.delete(path('Pod'), `default/${name}`),
    stop: async () => api.stop(),
  };
}

async function real(): Promise<Api> {
  const api = await startApiServer({ args: ['--audit-log-path='] });
  await applyCrds(api);
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(api.kubeconfig);
  const client = new KubeClient({ kubeConfig, clock: systemClock });
  return {
    kubeconfig: api.kubeconfig,
    create: async (object) => void (await client.create(resources[object.kind], object)),
    deletePod: async (name) => {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', gracePeriodSeconds: 0 };
      await client.request({ method: 'DELETE', path: `/api/v1/namespaces/default/pods/${name}`, body });
    },
    stop: async () => {
      client.close();
      await api.stop();
    },
  };
}

/** A pod as it is once a scheduler has bound it. */
export function podManifest(name: string, node: string): JsonObject & { readonly kind: 'Pod' } {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name, labels: { app: 'soak', 'pod-template-hash': '5d8c7b9f4' } },
    spec: {
      nodeName: node,
      serviceAccountName: 'default',
      containers: [{ name: 'app', image: 'registry.example/app:1.0', env: [{ name: 'MODE', value: 'soak' }] }],
    },
  };
}

const nodeManifest = (index: number): JsonObject & { readonly kind: 'Node' } => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: nodeName(index) },
  status: {
    addresses: [{ type: 'InternalIP', address: `192.168.${index >> 8}.${index & 255}` }],
    conditions: [{ type: 'Ready', status: 'True' }],
  },
});

export const nodeName = (index: number): string => `node-${index}`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export interface Bed {
  readonly load: Load;
  /** A configuration with all rights. */
  readonly kubeconfig: string;
  /** SIGSTOP: the operator hears and does nothing. */
  pause(): void;
  resume(): void;
  /** Of the operator's process. */
  sample(): Promise<Sample>;
  /** Sums of the operator's metrics by name, and by name and first label's value (`workqueue_depth/status`). */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** Every address that is wanted is assigned, every row is in the database, and nothing waits. */
  quiet(ips: number, within: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts everything; the operator leads and has nothing to do. */
export async function startBed({ api: kind, nodes, flags = [] }: BedOptions): Promise<Bed> {
  await ensureBuilt('ipam');
  const directory = await mkdtemp(join(tmpdir(), 'kubeloom-soak-'));
  const api = kind === 'real' ? await real() : await simulated(directory);
  const database = await startServer({ args: ['--remote=ptcp:0:127.0.0.1'] });
  const health = await freePort();
  for (let index = 0; index < nodes; index += 1) await api.create(nodeManifest(index));
  const child = await started(directory, [
    `--kubeconfig=${api.kubeconfig}`,
    `--nb-port=${await database.port()}`,
    `--plan-port=${await freePort()}`,
    `--pprof-port=${health}`,
    '--default-cidr=10.0.0.0/11',
    '--service-cluster-ip-range=172.30.0.0/16',
    '--log-level=warn',
    ...flags,
  ]);
  const metrics = (): Promise<ReadonlyMap<string, number>> => read(health);
  const bed: Bed = {
    load: api,
    kubeconfig: api.kubeconfig,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    metrics,
    sample: async () => {
      const answer = once(child, 'message');
      child.send('sample');
      return (await answer)[0] as Sample;
    },
    quiet: async (ips, within) =>
      void (await eventually(async () => isQuiet(await metrics(), ips), { within, every: 250, what: 'nothing to do' })),
    stop: async () => {
      child.kill('SIGKILL');
      await database.dispose();
      await api.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  try {
    await ready(child);
    await eventually(async () => (await metrics()).get('kubeloom_leader') === 1, { within: 60_000, what: 'a leader' });
    await bed.quiet(nodes, 120_000);
  } catch (error) {
    const log = await readFile(join(directory, 'operator.log'), 'utf8');
    await bed.stop();
    throw new Error(`the operator did not get ready:\n${log.slice(-4000)}`, { cause: error });
  }
  return bed;
}

/** As in the operator's container, where compiled code is kept as well. */
async function started(directory: string, flags: readonly string[]): Promise<ChildProcess> {
  const [nodeFlags, environment] = await Promise.all([containerFlags(), containerEnvironment()]);
  const log = openSync(join(directory, 'operator.log'), 'a');
  const program = new URL('operator.ts', import.meta.url);
  const child = fork(program, flags, {
    execArgv: ['--expose-gc', ...nodeFlags],
    env: { ...process.env, ...environment },
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  return child;
}

async function ready(child: ChildProcess): Promise<void> {
  const ended = new AbortController();
  child.once('exit', () => ended.abort(new Error('the operator ended at its start')));
  await once(child, 'message', { signal: ended.signal });
}

function isQuiet(metrics: ReadonlyMap<string, number>, ips: number): boolean {
  const none = ['kubeloom_rows_pending', 'workqueue_depth'].every((name) => metrics.get(name) === 0);
  return none && metrics.get('kubeloom_reflector_objects/IP') === ips;
}

async function read(port: number): Promise<ReadonlyMap<string, number>> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  const values = new Map<string, number>();
  const add = (name: string, value: number): void => void values.set(name, (values.get(name) ?? 0) + value);
  for (const line of (await answer.text()).split('\n')) {
    const [, name, label, value] =
      /^((?:kubeloom|workqueue|rest_client_requests)_\w+)(?:\{\w+="([^"]*)"[^}]*\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    add(name, Number(value));
    if (label !== undefined) add(`${name}/${label}`, Number(value));
  }
  return values;
}
