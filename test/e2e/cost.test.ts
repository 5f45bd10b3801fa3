/** What a pod costs: writes to the API server, transactions with the northbound database, and nothing when there is nothing to do. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { pods, readyPods } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { apply, cluster, freshNamespace, inCentral, nbctl, object, podManifest, readyPod, settled } from './shared.ts';

const ns = 'e2e-cost';
const soon = { limitMs: 30_000, everyMs: 200 };
const operator = /kube-ovn-controller|:kube-system:ovn$/;

interface AuditEvent {
  readonly verb: string;
  readonly stage: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource: string; readonly namespace?: string; readonly name?: string };
}

/** Writes of the operator since `from` (an offset in the audit log) about an object name, as `verb resource`. */
function writes(from: number, name: string): string[] {
  const text = readFileSync(cluster().auditLog, 'utf8').slice(from);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ stage, user }) => stage === 'ResponseComplete' && operator.test(user.username))
    .filter(({ objectRef }) => objectRef?.name?.startsWith(name) === true && objectRef.resource !== 'events')
    .map(({ verb, objectRef }) => `${verb} ${objectRef?.resource}`);
}

const audited = (): number => readFileSync(cluster().auditLog, 'utf8').length;

/** A figure of the leader's metrics. */
async function metric(name: string): Promise<number> {
  const leader = await cluster().kubectl([
    '--namespace=kube-system',
    'get',
    'lease',
    'kube-ovn-controller',
    '--output=jsonpath={.metadata.annotations.kubeloom\\.io/plan-address}',
  ]);
  const { stdout } = await cluster().inNode(1, ['curl', '-sS', `http://${leader.replace(/:\d+$/, '')}:10660/metrics`]);
  const line = new RegExp(`^${name}(?:\\{[^}]*\\})? ([0-9.e+]+)$`, 'gm');
  const values = [...stdout.matchAll(line)].map(([, value]) => Number(value));
  if (values.length === 0) throw new Error(`no metric ${name}`);
  return values.reduce((sum, value) => sum + value, 0);
}

beforeAll(() => freshNamespace(ns));

describe('a pod', () => {
  it('costs two API writes when it is created, two when it goes', async () => {
    const created = audited();
    await apply(podManifest(ns, 'one', { node: 'n1' }));
    await readyPod(ns, 'one');
    expect(writes(created, 'one').toSorted()).toEqual(['create ips', 'patch pods']);
    const deleted = audited();
    await cluster().kubectl(['--namespace', ns, 'delete', 'pod', 'one', '--wait=true']);
    await waitFor(async () => (await object('ips.kubeovn.io', `one.${ns}`)) === undefined, {
      what: 'the IP object to go',
      ...soon,
    });
    expect(writes(deleted, 'one').toSorted()).toEqual(['delete ips', 'patch ips']);
  });

  it('costs one transaction with the northbound database when idle, and less in a burst', async () => {
    const before = await metric('kubeloom_nb_transactions_total');
    await apply(podManifest(ns, 'single', { node: 'n1' }));
    await readyPod(ns, 'single');
    const afterOne = await metric('kubeloom_nb_transactions_total');
    expect(afterOne - before).toBe(1);
    const names = Array.from({ length: 20 }, (_, index) => `burst-${index}`);
    await apply(...names.map((name) => podManifest(ns, name, { node: 'n2', labels: { burst: 'yes' } })));
    await readyPods(cluster(), ns, 'burst=yes', { count: names.length, limitMs: 90_000 });
    const afterBurst = await metric('kubeloom_nb_transactions_total');
    expect(afterBurst - afterOne).toBeLessThan(names.length);
    await cluster().kubectl(['--namespace', ns, 'delete', 'pods', '--all', '--wait=true']);
  });
});

describe('a restart of the operator with nothing to change', () => {
  it('writes nothing to the northbound database', async () => {
    await apply(podManifest(ns, 'stays', { node: 'n1' }));
    await readyPod(ns, 'stays');
    await waitFor(async () => (await metric('kubeloom_rows_pending')) === 0, {
      what: 'nothing to be pending',
      ...soon,
    });
    const tables = ['Logical_Switch', 'Logical_Switch_Port', 'Logical_Router', 'Logical_Router_Port', 'Port_Group'];
    const logged = [...tables, 'Logical_Router_Policy', 'Logical_Router_Static_Route', 'NB_Global'];
    const control = ['ovs-appctl', '-t', '/run/ovn/ovnnb_db.ctl', 'ovsdb-server/tlog-set'];
    for (const table of logged) await inCentral(...control, `OVN_Northbound:${table}`, 'on');
    const log = ['--namespace=kube-system', 'logs', 'deployment/ovn-central', '--since=300s'];
    const changes = async (): Promise<number> =>
      (await cluster().kubectl(log)).split('\n').filter((line) => line.includes('|transaction|INFO|')).length;
    const sample = await changes();
    await nbctl('set', 'NB_Global', '.', 'external_ids:e2e-probe=1');
    await waitFor(async () => (await changes()) > sample, { what: 'the probe to be logged', ...soon });
    const before = await changes();
    const down = ['--namespace=kube-system', 'delete', 'pods', '--selector=app=kube-ovn-controller', '--wait=true'];
    await cluster().kubectl(down);
    await settled('app=kube-ovn-controller', 2);
    const elected = async (): Promise<boolean> => (await metric('kubeloom_leader')) === 1;
    await waitFor(elected, { what: 'a leader', limitMs: 60_000, everyMs: 250 });
    await waitFor(async () => (await metric('kubeloom_rows_pending')) === 0, {
      what: 'nothing to be pending',
      ...soon,
    });
    const agents = async (): Promise<boolean> =>
      (await pods(cluster(), 'kube-system', 'app=kube-ovn-cni')).every(({ ready }) => ready);
    await waitFor(agents, { what: 'the agents', ...soon });
    const after = await changes();
    // It does lead and write: the log is not empty because nobody was there.
    await apply(podManifest(ns, 'proof', { node: 'n1' }));
    await readyPod(ns, 'proof');
    const proven = await changes();
    for (const table of logged) await inCentral(...control, `OVN_Northbound:${table}`, 'off');
    await nbctl('remove', 'NB_Global', '.', 'external_ids', 'e2e-probe');
    expect(after - before).toBe(0);
    expect(proven).toBeGreaterThan(after);
  });
});
