// Two operators before a real API server and a real northbound database. The one that leads is stopped (SIGSTOP) in the
// middle of its work until its lease has passed and the other one has taken over; requests of it that were on their way
// arrive even later; then it wakes up.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PlanState } from '../../agent/plan-state.ts';
import { NO_PLAN } from '../../agent/plan-file.ts';
import { Plan } from '../../agent/plan.ts';
import { PlanTables } from '../../agent/tables.ts';
import { applyCrds } from '../crds.ts';
import { eventually } from '../eventually.ts';
import { TcpGate } from '../faults/tcp-gate.ts';
import { type ApiServer, startApiServer } from '../kube-apiserver.ts';
import { startServer } from '../ovsdb-server.ts';
import { type AuditEvent, OperatorProcess } from './process.ts';

const long = { within: 90_000, every: 100 };
const lease = ['--lease-duration=8', '--lease-renew-deadline=5', '--lease-retry-period=1'];

let api: ApiServer;
let database: Awaited<ReturnType<typeof startServer>>;
const undo: (() => void | Promise<void>)[] = [];

beforeAll(async () => {
  api = await startApiServer();
  undo.push(() => api.stop());
  database = await startServer({ args: ['--remote=ptcp:0:127.0.0.1'] });
  undo.push(() => database.dispose());
  await applyCrds(api);
  await api.apply(`
apiVersion: v1
kind: Node
metadata: { name: n1 }
---
apiVersion: v1
kind: ServiceAccount
metadata: { namespace: kube-system, name: kube-ovn-cni }
---
${podOf('agent', { namespace: 'kube-system', account: 'kube-ovn-cni' })}`);
  const addresses = { status: { addresses: [{ type: 'InternalIP', address: '192.168.0.1' }] } };
  await api.kubectl('patch', 'node', 'n1', '--subresource=status', '--type=merge', '-p', JSON.stringify(addresses));
}, 120_000);

afterAll(async () => {
  for (const step of undo.toReversed()) await step();
});

function podOf(name: string, { namespace = 'default', account = 'default' } = {}): string {
  return `
apiVersion: v1
kind: Pod
metadata: { namespace: ${namespace}, name: ${name} }
spec: { nodeName: n1, hostNetwork: ${namespace === 'kube-system'}, serviceAccountName: ${account}, containers: [{ name: c, image: none }] }
`;
}

const createPods = (...names: string[]): Promise<void> => api.apply(names.map((name) => podOf(name)).join('---\n'));

interface Assigned {
  readonly pod: string;
  readonly address: string | undefined;
}

/** Addresses by pod, as the pods' annotations, the IP objects and the ports in the database say. */
async function assigned(): Promise<{ pods: Assigned[]; ips: Assigned[]; ports: Assigned[] }> {
  const columns = (path: string): string => `--output=jsonpath={range .items[*]}{.metadata.name} ${path}{"\\n"}{end}`;
  const read = async (...args: string[]): Promise<Assigned[]> =>
    (await api.kubectl(...args))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => ({ pod: line.split(' ')[0]?.replace('.default', '') ?? '', address: line.split(' ')[1] }));
  const annotation = '{.metadata.annotations.ovn\\.kubernetes\\.io/ip_address}';
  const ports = (await database.dump('Logical_Switch_Port', ['name', 'addresses'])).map(({ name, addresses }) => ({
    pod: String(name).replace('.default', ''),
    address: String(addresses).split(' ')[1],
  }));
  const ofPod = ({ pod }: Assigned): boolean => pod.startsWith('web');
  const byName = (a: Assigned, b: Assigned): number => (a.pod < b.pod ? -1 : 1);
  return {
    pods: (await read('get', 'pods', columns(annotation))).filter(ofPod).toSorted(byName),
    ips: (await read('get', 'ips', columns('{.spec.ipAddress}'))).filter(ofPod).toSorted(byName),
    ports: ports.filter(ofPod).toSorted(byName),
  };
}

/** Every one of these pods has one address, the same wherever it is told, and nobody else has any. */
async function consistent(names: readonly string[]): Promise<true | undefined> {
  const { pods, ips, ports } = await assigned();
  const complete = pods.every(({ address }) => address !== undefined && address !== '');
  const same = JSON.stringify(pods) === JSON.stringify(ips) && JSON.stringify(pods) === JSON.stringify(ports);
  const right = pods.map(({ pod }) => pod).join() === names.toSorted().join();
  return (complete && same && right && new Set(pods.map(({ address }) => address)).size === names.length) || undefined;
}

async function epoch(): Promise<string> {
  const [row] = await database.dump('NB_Global', ['external_ids']);
  const ids = row?.['external_ids'] as Record<string, string> | undefined;
  return ids?.['kubeloom-epoch'] ?? '';
}

const isLease = ({ objectRef }: AuditEvent): boolean => objectRef?.resource === 'leases';
const took = ({ responseStatus }: AuditEvent): boolean => responseStatus?.code === 200;
const said = ({ verb, objectRef, responseStatus }: AuditEvent): string =>
  `${verb} ${objectRef?.resource}/${objectRef?.name ?? ''} ${responseStatus?.code}`;

/** True when the audit log has told of no further request of a stopped process in three looks. */
function noMore(operator: OperatorProcess): () => Promise<boolean> {
  let [known, same] = [-1, 0];
  return async () => {
    const { length } = await operator.writes();
    same = length === known ? same + 1 : 0;
    known = length;
    return same >= 3;
  };
}

/** Writes after `since` and before the process had the lease again, if it ever did. */
function stray(events: readonly AuditEvent[], since: string): AuditEvent[] {
  const after = events.filter(({ requestReceivedTimestamp }) => requestReceivedTimestamp > since);
  const again = after.findIndex((event) => isLease(event) && took(event));
  return (again < 0 ? after : after.slice(0, again)).filter((event) => !isLease(event));
}

/** An agent on node n1 that goes where it is told. */
async function newAgent(): Promise<{ plan: Plan; state: PlanState; keys: () => string[]; streams: () => number }> {
  const bound = ['--bound-object-kind=Pod', '--bound-object-name=agent', '--audience=kubeloom-plan'];
  const token = (await api.kubectl('-n', 'kube-system', 'create', 'token', 'kube-ovn-cni', ...bound)).trim();
  const tables = new PlanTables();
  const state = new PlanState(tables, NO_PLAN);
  let streams = 0;
  const plan = new Plan({
    state,
    token: async () => token,
    agentVersion: 'test',
    chassis: () => '',
    revised: () => plan.applied(state.revision, state.malformed),
    connection: (following) => (streams += following ? 1 : 0),
    setTimeout: (callback, ms) => setTimeout(callback, ms),
    clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
    random: Math.random,
    log: { info: () => undefined, warn: () => undefined },
  });
  undo.push(() => plan.stop());
  return { plan, state, keys: () => [...tables.entries()].map(([key]) => key).toSorted(), streams: () => streams };
}

const ca = (): Promise<string> =>
  api.kubectl('-n', 'kube-system', 'get', 'configmap', 'kube-ovn-ca', '--output=jsonpath={.data.ca\\.crt}');

describe('a leader that is stopped in the middle of its work and wakes up when another one leads', () => {
  it('writes nothing, and what of it arrives late changes nothing', { timeout: 300_000 }, async () => {
    const northboundPort = await database.port();
    const gates = { api: await TcpGate.start(Number(new URL(api.url).port)), nb: await TcpGate.start(northboundPort) };
    undo.push(
      () => gates.api.stop(),
      () => gates.nb.stop(),
    );
    const one = await OperatorProcess.start('one', {
      api,
      apiPort: gates.api.port,
      northboundPort: gates.nb.port,
      flags: lease,
    });
    undo.push(() => one.stop());
    await eventually(() => one.leads(), { ...long, what: 'the first one to lead' });
    const two = await OperatorProcess.start('two', {
      api,
      apiPort: Number(new URL(api.url).port),
      northboundPort,
      flags: lease,
    });
    undo.push(() => two.stop());
    await eventually(() => two.log.some((line) => line.includes('all inputs are in')), long);

    const first = Array.from({ length: 10 }, (_, index) => `web-${index}`);
    await createPods(...first);
    await eventually(() => consistent(first), { ...long, what: 'the first pods' });
    const agent = await newAgent();
    agent.plan.lead({ address: `127.0.0.1:${one.planPort}`, ca: await ca() });
    await eventually(() => agent.state.complete && agent.keys().length > 10, { ...long, what: 'the plan' });

    // Work is under way to both sides, and does not get there.
    gates.nb.close();
    const during = ['web-late', ...Array.from({ length: 9 }, (_, index) => `web-during-${index}`)];
    await createPods(...during);
    await eventually(() => gates.nb.held.includes('"transact"'), { ...long, what: 'a transaction on its way' });
    gates.api.close();
    await api.kubectl('delete', 'pod', 'web-0', '--grace-period=0', '--force');
    const requests = gates.api.sent.length;
    await eventually(() => gates.api.sent.length > requests, { ...long, what: 'requests on their way' });
    const before = { epoch: await epoch(), planEpoch: agent.state.epoch, keys: agent.keys() };
    one.signal('SIGSTOP');

    await eventually(() => two.leads(), { ...long, what: 'the second one to lead' });
    const since = (await two.writes()).filter((event) => isLease(event) && took(event)).at(0)?.requestReceivedTimestamp;
    await api.kubectl('delete', 'pod', 'web-late', '--grace-period=0', '--force');
    const after = Array.from({ length: 5 }, (_, index) => `web-after-${index}`);
    await createPods(...after);
    const all = [...first, ...during, ...after].filter((name) => name !== 'web-0' && name !== 'web-late');
    await eventually(() => consistent(all), { ...long, what: 'the work of the second one' });
    const fenced = await epoch();
    expect(Number(fenced)).toBe(Number(before.epoch) + 1);

    // The requests arrive: the transaction is refused by the fence, those to the API meet what has changed.
    const answers = await gates.nb.openAnew();
    expect(answers.filter((text) => text.includes('"error":"timed out"'))).toHaveLength(1);
    gates.api.open();
    await eventually(() => consistent(all), { ...long, what: 'everything to be as it was' });
    expect(await epoch()).toBe(fenced);
    await eventually(noMore(one), { ...long, every: 500, what: 'the last of its late requests' });
    const settledAt = new Date().toISOString();

    // It wakes up.
    const bytes = gates.nb.sent.length;
    one.signal('SIGCONT');
    await eventually(() => one.log.some((line) => line.includes('"deposed"')), { ...long, what: 'it to notice' });
    await api.kubectl('delete', 'pod', 'web-1', '--grace-period=0', '--force');
    await createPods('web-last');
    const now = [...all.filter((name) => name !== 'web-1'), 'web-last'];
    await eventually(() => consistent(now), { ...long, what: 'the second one to go on' });
    const strays = stray(await one.writes(), since ?? '');
    const afterwards = strays.filter(({ requestReceivedTimestamp }) => requestReceivedTimestamp > settledAt);
    expect(afterwards.map(said)).toEqual([]);
    const transactions = gates.nb.sent.slice(bytes).filter(({ text }) => text.includes('"transact"'));
    expect(transactions).toEqual([]);
    expect(await epoch()).toBe(fenced);

    // The agent was never told otherwise; it has heard nothing from the one that woke up.
    expect([agent.state.epoch, agent.keys()]).toEqual([before.planEpoch, before.keys]);
    agent.plan.lead({ address: `127.0.0.1:${two.planPort}`, ca: await ca() });
    await eventually(() => agent.state.epoch !== before.planEpoch && agent.keys().join().includes('web-last'), long);
    expect(BigInt(agent.state.epoch)).toBeGreaterThan(BigInt(before.planEpoch));
    await eventually(async () => !(await one.leads()), long);

    // It is well: when the other one goes, it leads and writes again.
    two.signal('SIGTERM');
    await eventually(() => one.leads(), { ...long, what: 'it to lead again' });
    await createPods('web-end');
    await eventually(() => consistent([...now, 'web-end']), { ...long, what: 'its work' });
    expect(Number(await epoch())).toBe(Number(fenced) + 1);
    expect((await one.writes()).map(said)).toContain('patch pods/web-end 200');
  });
});
