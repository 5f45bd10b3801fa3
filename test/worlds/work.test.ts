// What an event costs, counted in runs of derivations and not in time: the same for ten pods as for ten thousand.
import { describe, expect, it } from 'vitest';
import type { Change } from '../expand.ts';
import { build } from './objects.ts';
import { factsOf, feed, start } from './process.ts';
import type { Process } from './process.ts';

const put = (kind: string, key: string, fields: Record<string, unknown>): Change => ({
  kind,
  key,
  object: build(kind, key, fields),
});

const mac = (index: number): string =>
  `02:00:00:00:${(index >> 8).toString(16).padStart(2, '0')}:${(index & 255).toString(16).padStart(2, '0')}`;

const pod = (index: number): Change[] => [
  put('Pod', `a/p${index}`, { node: `n${index % 5}` }),
  put('IP', `p${index}.a`, {
    for: `a/p${index}`,
    subnet: 'ovn-default',
    ip: `10.16.${(index >> 8) + 1}.${index & 255}`,
    mac: mac(index),
  }),
];

function cluster(pods: number): Process {
  const process = start();
  const nodes = Array.from({ length: 5 }, (_, index) => put('Node', `n${index}`, { ip: `172.18.0.${index + 2}` }));
  feed(process, [
    put('Vpc', 'ovn-cluster', {}),
    put('Subnet', 'ovn-default', { cidrBlock: '10.16.0.0/16', default: true }),
    put('Subnet', 'join', { cidrBlock: '100.64.0.0/16' }),
    put('Namespace', 'a', {}),
    put('Namespace', 'b', {}),
    ...nodes,
  ]);
  feed(process, Array.from({ length: pods }, (_, index) => pod(index)).flat());
  return process;
}

/** Runs per derivation that the changes cost, each fed by itself. */
function runs(process: Process, changes: readonly Change[]): Record<string, number> {
  const before = process.graph.counters;
  for (const change of changes) feed(process, [change]);
  const after = Object.entries(process.graph.counters);
  const cost = after.map(([name, { runs }]) => [name, runs - (before[name]?.runs ?? 0)] as const);
  return Object.fromEntries(cost.filter(([, count]) => count > 0));
}

/** What a pod's coming or going costs without any policy. */
const ofPolicies = { matched: 1, presence: 1, Membership: 1 };

describe.each([10, 1000, 10_000])('with %i pods', (count) => {
  const process = cluster(count);

  it('adds one pod', () => {
    const before = factsOf(process, 'rows').length;
    expect(runs(process, pod(20_000))).toEqual({ 'demand/pod': 1, kept: 1, Pod: 2, ...ofPolicies });
    expect(factsOf(process, 'rows').length - before).toBe(3);
  });

  it('completes one pod', () => {
    const done = put('Pod', 'a/p3', { node: 'n3', phase: 'Failed' });
    expect(runs(process, [done])).toEqual({ 'demand/pod': 1, Pod: 1, presence: 1, Membership: 1 });
  });

  it('deletes one pod, then its address', () => {
    const before = factsOf(process, 'rows').length;
    expect(
      runs(
        process,
        pod(5).map((change) => ({ ...change, object: undefined })),
      ),
    ).toEqual({ 'demand/pod': 1, kept: 1, Pod: 1, ...ofPolicies });
    expect(factsOf(process, 'rows').length - before).toBe(-3);
  });

  it('sees another address of a pod, and one that is only told again', () => {
    const [, address] = pod(6);
    const ip = `10.16.200.${count === 10 ? 1 : 2}`;
    expect(runs(process, [put('IP', 'p6.a', { for: 'a/p6', subnet: 'ovn-default', ip, mac: mac(6) })])).toEqual({
      kept: 1,
      Pod: 1,
      presence: 1,
      Membership: 1,
    });
    expect(runs(process, address ? [address, address] : [])).toEqual({ kept: 1, Pod: 1, presence: 1, Membership: 1 });
    expect(runs(process, pod(7))).toEqual({});
  });

  it('sees a namespace that has no pods relabelled, and one more of them', () => {
    const labelled = put('Namespace', 'b', { labels: { team: 'x' } });
    expect(Object.keys(runs(process, [labelled]))).not.toContain('Pod');
    expect(Object.keys(runs(process, [put('Namespace', 'c', {})]))).not.toContain('Pod');
  });

  it('sees a heartbeat of a node, a relabelled pod and a counted subnet', () => {
    const changes = [
      put('Node', 'n1', { ip: '172.18.0.3', annotations: { 'example.com/heartbeat': '1' } }),
      put('Pod', 'a/p4', { node: 'n4', labels: { app: 'web' } }),
      put('Usage', 'ovn-default', { using4: count, available4: 1 }),
    ];
    expect(runs(process, changes)).toEqual({ SubnetStatus: 1, matched: 1 });
  });

  it('sees another route and another policy of a VPC with many subnets', () => {
    const staticRoutes = [{ cidr: '198.51.100.0/24', nextHopIP: '100.64.0.9' }];
    const policyRoutes = [{ priority: 10, match: 'ip4.src == 10.16.0.9', action: 'drop' }];
    const change = (spec: object): Change => put('Vpc', 'ovn-cluster', { ...spec });
    const cost = { realm: 1, uplink: 1, Vpc: 1 };
    expect(runs(process, [change({ staticRoutes })])).toEqual(cost);
    expect(runs(process, [change({ staticRoutes, policyRoutes })])).toEqual(cost);
  });

  it('sees a node that is not ready any more', () => {
    const change = put('Node', 'n1', { ip: '172.18.0.3', ready: false });
    expect(runs(process, [change])).toEqual({ host: 1, 'demand/node': 1, nodeLabels: 1, Node: 1 });
  });
});

describe.each([10, 1000])('with %i Services', (count) => {
  const process = cluster(10);
  const slice = (index: number, endpoints: readonly string[]): Change =>
    put('EndpointSlice', `a/s${index}-1`, { for: `a/s${index}`, ports: ['8080'], endpoints });
  const service = (index: number, fields: Record<string, unknown> = {}): Change =>
    put('Service', `a/s${index}`, { ip: `10.96.${(index >> 8) + 1}.${index & 255}`, ports: ['80'], ...fields });
  const some = Array.from({ length: count }, (_, index) => [service(index), slice(index, ['10.16.1.1 p1 n1'])]);
  feed(process, some.flat());

  it('sees another endpoint of one: no other Service is looked at, and no other row is another', () => {
    const rows = new Set(factsOf(process, 'rows'));
    expect(runs(process, [slice(7, ['10.16.1.1 p1 n1', '10.16.1.2 p2 n2'])])).toEqual({ Service: 1 });
    const vips = factsOf(process, 'rows').filter((fact) => !rows.has(fact) && 'member' in fact);
    // The first says the same as before.
    expect(vips).toMatchObject([
      { member: 'Load_Balancer_Group' },
      { column: 'vips', element: '10.96.1.7:80', value: '10.16.1.1:8080,10.16.1.2:8080' },
    ]);
  });

  it('adds one, and sees the same slice again', () => {
    expect(runs(process, [service(5000)])).toEqual({ Service: 1, NodePort: 1, LbService: 1 });
    expect(runs(process, [slice(7, ['10.16.1.1 p1 n1', '10.16.1.2 p2 n2'])])).toEqual({});
  });

  it('sees the chassis of a node: Services are looked at that are balanced by node', () => {
    feed(process, [service(8, { internalTrafficPolicy: 'Local' })]);
    const node = put('Node', 'n1', { ip: '172.18.0.3', annotations: { 'ovn.kubernetes.io/chassis': 'c1' } });
    expect(runs(process, [node])['Service']).toBe(1);
  });
});
