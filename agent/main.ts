// Entry of the agent: reads settings, opens the node's OVSDB, watches for the leader, and ends in order on SIGTERM.
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { owner, rowId } from '../lib/delta/ids.ts';
import { processLog } from '../lib/log/log.ts';
import { Session } from '../lib/ovsdb/session.ts';
import { Agent } from './agent.ts';
import type { Deadline } from './cni/commands.ts';
import { ObjectWatch, caCertificate, inClusterApi, leaderAddress } from './discovery.ts';
import type { RowIds } from './drivers/ovs-port.ts';
import { MONITORED, OvsReplica } from './drivers/ovs-replica.ts';
import { exists } from './files.ts';
import { serveHealth } from './health.ts';
import { kernelGauges } from './kernel-metrics.ts';
import { createMetrics } from './metrics.ts';
import type { Metrics } from './metrics.ts';
import { readPlan } from './plan-file.ts';
import { PortRecord } from './port-record.ts';
import { boundedRun } from './run.ts';
import { parseFlags, readFolder, settingsOf } from './settings.ts';
import type { Settings } from './settings.ts';
import { Starter } from './starter.ts';

const LEASE = 'kube-ovn-controller';
const CA_CONFIG_MAP = 'kube-ovn-ca';

const timers = {
  setTimeout: (callback: () => void, ms: number): unknown => setTimeout(callback, ms),
  clearTimeout: (timer: unknown): void => clearTimeout(timer as NodeJS.Timeout),
  random: Math.random,
};

/** Aborts after the milliseconds, with a reason that people can read. */
function deadline(ms: number): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error(`gave up after ${ms / 1000} s`)), ms).unref();
  return { signal: controller.signal, cancel: () => clearTimeout(timer) };
}

async function readSettings(): Promise<Settings> {
  const flags = parseFlags(process.argv.slice(2));
  const folder = await readFolder(flags.get('config-dir') ?? '/etc/kube-ovn');
  return settingsOf(new Map([...folder, ...flags]), process.env);
}

async function version(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Watches the two objects that tell where the leader is; calls `lead` when both are known. */
function findLeader(settings: Settings, log: Logger, lead: Agent['lead']): () => void {
  const found = { address: '', ca: '' };
  const changed = (part: Partial<typeof found>): void => {
    // An object that vanishes for a moment is no reason to let go of a leader that answers.
    if (Object.values(part).includes('')) return;
    Object.assign(found, part);
    if (found.address !== '' && found.ca !== '') lead({ ...found });
  };
  const common = { api: inClusterApi(process.env, settings.serviceAccount), ...timers, log };
  const watches = [
    new ObjectWatch({
      ...common,
      collection: `/apis/coordination.k8s.io/v1/namespaces/${settings.namespace}/leases`,
      name: LEASE,
      seen: (lease) => changed({ address: leaderAddress(lease) }),
    }),
    new ObjectWatch({
      ...common,
      collection: `/api/v1/namespaces/${settings.namespace}/configmaps`,
      name: CA_CONFIG_MAP,
      seen: (configMap) => changed({ ca: caCertificate(configMap) }),
    }),
  ];
  for (const watch of watches) watch.start();
  return () => {
    for (const watch of watches) watch.stop();
  };
}

const portsFile = ({ planFile }: Settings): string => join(dirname(planFile), 'ports.json');

/** What the process says of itself. */
function told({ logLevel, nodeName }: Settings): { readonly log: Logger; readonly metrics: Metrics } {
  const { log, register } = processLog({ level: logLevel, base: { node: nodeName } });
  const metrics = createMetrics(nodeName);
  register(metrics.registry);
  kernelGauges(metrics.registry, nodeName);
  return { log, metrics };
}

async function main(): Promise<void> {
  const settings = await readSettings();
  const { log, metrics } = told(settings);
  const session = new Session({ remotes: [settings.ovsdb], database: 'Open_vSwitch', log });
  const replica = new OvsReplica();
  session.monitor({ tables: MONITORED }, replica);
  const self = owner({ kind: 'Node', namespace: '', name: settings.nodeName });
  const ids: RowIds = (table, name) => rowId(self, table, name);
  const starter = new Starter({ program: settings.starter, log });
  starter.prepare();
  const run = boundedRun({
    atOnce: 8,
    deadlineMs: 20_000,
    start: starter.start,
    started: ([program]) => metrics.programStarted(basename(program)),
  });
  const agent = new Agent({
    settings,
    run,
    ovs: session,
    replica,
    ids,
    hostNetns: `/proc/${process.pid}/ns/net`,
    kept: await readPlan(settings.planFile),
    token: () => readFile(settings.planTokenFile, 'utf8'),
    version: await version(),
    metrics,
    log,
    now: () => performance.now(),
    deadline,
    ...timers,
  });
  const record = new PortRecord({ path: portsFile(settings), replica, ovs: session, ids, run, exists, log, ...timers });
  await record.start();
  session.start();
  await agent.start();
  const forget = findLeader(settings, log, (leader) => agent.lead(leader));
  const health = await serveHealth({
    host: settings.healthAddress,
    port: settings.healthPort,
    unready: () => agent.unready(),
    metrics: async () => {
      metrics.gatewayCounts(await agent.gatewayCounts());
      return { type: metrics.registry.contentType, text: await metrics.registry.metrics() };
    },
  });
  const stop = async (signal: string): Promise<void> => {
    log.info({ signal }, 'stopping');
    forget();
    await agent.stop();
    await record.stop();
    await session.stop();
    await health.stop();
    starter.stop();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => void stop(signal).then(() => process.exit(0)));
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
});
