// A cluster whose northbound database a Kube-OVN filled (kube-ovn.json: its names, random UUIDs and MACs) is taken over
// while its pods run: no binding of a port changes, and what is not Kube-OVN's, or not ours to make, stays as it was.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MemberFact, RowFact } from '../../lib/delta/fact.ts';
import { Northbound } from '../../operator/nb/apply.ts';
import { ownerOf } from '../../operator/world.ts';
import { eventually } from '../eventually.ts';
import { installations, startOvn } from '../ovn-central.ts';
import type { OvnCentral } from '../ovn-central.ts';
import type { PlainRow } from '../ovsdb-server.ts';
import { feed, start } from './process.ts';
import type { Process } from './process.ts';
import { scenario } from './scenario.ts';

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'kube-ovn.json'), 'utf8')) as {
  op: string;
  table: string;
  row: { name?: string; addresses?: string; mac?: string };
}[];

/** MAC that Kube-OVN drew for a port. */
function macOf(port: string): string {
  const row = recorded.find((operation) => operation.op === 'insert' && operation.row.name === port)?.row;
  return (row?.mac ?? row?.addresses ?? '').split(' ')[0] ?? '';
}

interface Claimant {
  readonly at: string;
  readonly node: string;
  readonly subnet: string;
  readonly ip: string;
  /** Its user asked for port security. */
  readonly secured?: true;
}

const pods: Readonly<Record<string, Claimant>> = {
  'coredns-6f6b679f8f-x2k9d.kube-system': {
    at: 'kube-system/coredns-6f6b679f8f-x2k9d',
    node: 'kube-node-1',
    subnet: 'ovn-default',
    ip: '10.16.0.5',
  },
  'web-0.a': { at: 'a/web-0', node: 'kube-node-1', subnet: 'ovn-default', ip: '10.16.0.7' },
  'web-1.a': { at: 'a/web-1', node: 'kube-node-2', subnet: 'ovn-default', ip: '10.16.0.8', secured: true },
  'batch-1.a': { at: 'a/batch-1', node: 'kube-node-1', subnet: 'central', ip: '10.17.0.2' },
  'own-0.b': { at: 'b/own-0', node: 'kube-node-2', subnet: 'own', ip: '10.20.0.2' },
};
const nodes: Readonly<Record<string, Claimant>> = {
  'node-kube-node-1': { at: 'kube-node-1', node: 'kube-node-1', subnet: 'join', ip: '100.64.0.2' },
  'node-kube-node-2': { at: 'kube-node-2', node: 'kube-node-2', subnet: 'join', ip: '100.64.0.3' },
};
const ports = { ...pods, ...nodes };
const chassis: Readonly<Record<string, string>> = {
  'kube-node-1': '6b2f0c9e-41f7-4f0e-9d8e-0b0a0f8f2c11',
  'kube-node-2': 'c0d3a7b4-95ac-4a8e-8f57-2f1f9a3e7d22',
};

/** `owner: ''` is an IP object as Kube-OVN left it; without it, one that has been taken over. */
const ip = ([name, { at, node, subnet, ip: address }]: [string, Claimant], owner: string): string =>
  `IP ${name}  for: ${at}  node: ${node}  subnet: ${subnet}  ip: ${address}  mac: ${macOf(name)}  labels: {ovn.kubernetes.io/subnet: ${subnet}, ovn.kubernetes.io/node-name: ${node}}${owner}`;

/** The router's address in an underlay subnet. */
const interconnection = (owner: string): string =>
  `IP ${routerIp}  for: default/${routerIp}  subnet: wire  ip: 172.30.0.3  mac: ${macOf('ovn-cluster-wire')}${owner}`;
const routerIp = 'u2o-interconnection.ovn-cluster.wire';

/** Annotations as Kube-OVN wrote them. */
const annotated = (port: string, { subnet, ip: address, secured }: Claimant): string => {
  const key = (name: string, value: string): string => `ovn.kubernetes.io/${name}: '${value}'`;
  const said = { allocated: 'true', routed: 'true', ip_address: address, mac_address: macOf(port) };
  return [...Object.entries(said), ['logical_switch', subnet], ['port_security', String(secured === true)]]
    .map(([name, value]) => key(name ?? '', value ?? ''))
    .join(', ');
};

const objects = `
-- world --
Vpc ovn-cluster
Vpc v1  namespaces: [b]
Subnet ovn-default  cidrBlock: 10.16.0.0/16  gateway: 10.16.0.1  default: true  natOutgoing: true  gatewayType: distributed  vpc: ovn-cluster
Subnet join  cidrBlock: 100.64.0.0/16  gateway: 100.64.0.1  vpc: ovn-cluster
Subnet central  cidrBlock: 10.17.0.0/16  gateway: 10.17.0.1  gatewayType: centralized  gatewayNode: kube-node-2  activateGateway: kube-node-2  vpc: ovn-cluster
Subnet own  cidrBlock: 10.20.0.0/16  gateway: 10.20.0.1  vpc: v1
Vlan v7  id: 7  provider: net
Subnet wire  cidrBlock: 172.30.0.0/16  gateway: 172.30.0.1  vlan: v7  u2oInterconnection: true  vpc: ovn-cluster
${interconnection("  owner: ''")}
Namespace a
Namespace b
Namespace kube-system
${Object.entries(nodes)
  .map(
    ([port, at], index) =>
      `Node ${at.node}  ip: 172.18.0.${index + 2}  annotations: {ovn.kubernetes.io/chassis: ${chassis[at.node] ?? ''}, ${annotated(port, at)}}`,
  )
  .join('\n')}
${Object.entries(pods)
  .map(([port, at]) => `Pod ${at.at}  node: ${at.node}  annotations: {${annotated(port, at)}}`)
  .join('\n')}
${Object.entries(ports)
  .map((entry) => ip(entry, "  owner: ''"))
  .join('\n')}
-- then --
${interconnection('  owner: uid-wire')}
${Object.entries(ports)
  .map((entry) => ip(entry, ''))
  .join('\n')}
-- then --
delete Pod a/web-0
delete IP web-0.a
`;
const { steps } = scenario(objects);

/** The product's own session, tracker and differ, told of everything that the process wants. */
class Operator {
  readonly process: Process = start();
  readonly nb: Northbound;
  readonly #told = new Set<string>();

  constructor(remote: string) {
    const always = { settled: () => true, inputsSynced: () => true, mayWrite: () => true };
    this.nb = new Northbound({ remotes: [remote], random: () => 0, ownerOf, ...always });
  }

  async lead(): Promise<void> {
    this.nb.start();
    await eventually(() => this.nb.synced, { what: 'the copy to be synced' });
    this.nb.lead();
  }

  /** Feeds one step and waits until nothing is pending. */
  async step(at: number): Promise<void> {
    feed(this.process, steps[at]?.changes ?? []);
    const { sources } = this.process.sinks.rows;
    for (const source of this.#told) if (!sources.has(source)) this.nb.sink.replace(source, []);
    for (const [source, facts] of sources) {
      this.#told.add(source);
      this.nb.sink.replace(source, facts as (RowFact | MemberFact)[]);
    }
    this.nb.poke();
    await eventually(() => !this.nb.synced || this.nb.counts()['pending'] === 0, { what: 'nothing to be pending' });
  }
}

const contents = async (ovn: OvnCentral): Promise<Map<string, PlainRow>> => {
  const tables = [...new Set(recorded.map(({ table }) => table))].filter((table) => table !== 'NB_Global');
  const dumped = await Promise.all(tables.map((table) => ovn.nb.dump(table)));
  return new Map(dumped.flat().map((row) => [String(row['_uuid']), row]));
};

const bindings = async (ovn: OvnCentral): Promise<PlainRow[]> => {
  const columns = ['_uuid', 'logical_port', 'type', 'tunnel_key', 'datapath', 'mac', 'chassis', 'up'];
  return await ovn.sb.dump('Port_Binding', columns);
};

const datapaths = (ovn: OvnCentral): Promise<PlainRow[]> => ovn.sb.dump('Datapath_Binding', ['_uuid', 'tunnel_key']);

/** What each node's ovn-controller writes when it has bound its ports. */
async function bind(ovn: OvnCentral): Promise<void> {
  for (const [node, name] of Object.entries(chassis)) await ovn.chassis(name, node);
  const ids = new Map((await ovn.sb.dump('Chassis')).map((row) => [row['name'], row['_uuid']]));
  const claim = ([port, { node }]: [string, Claimant]): unknown => ({
    op: 'update',
    table: 'Port_Binding',
    where: [['logical_port', '==', port]],
    row: { chassis: ['uuid', ids.get(chassis[node])], up: true },
  });
  const counts = await ovn.sb.transact(Object.entries(ports).map(claim));
  expect(counts.map(({ count }) => count)).toEqual(counts.map(() => 1));
}

describe.each(installations())('OVN $name, filled by a Kube-OVN', (installation) => {
  let ovn: OvnCentral;
  let operator: Operator;
  const before = { rows: new Map<string, PlainRow>(), bindings: [] as PlainRow[], datapaths: [] as PlainRow[] };

  beforeAll(async () => {
    ovn = await startOvn(installation);
    await ovn.settled();
    await ovn.nb.transact(recorded);
    await ovn.settled();
    await bind(ovn);
    await ovn.settled();
    before.rows = await contents(ovn);
    before.bindings = await bindings(ovn);
    before.datapaths = await datapaths(ovn);
    operator = new Operator(ovn.nb.remote);
    await operator.step(0);
    await operator.lead();
    await operator.step(0);
    await ovn.settled();
  });
  afterAll(async () => {
    await operator.nb.stop();
    await ovn.stop();
  });

  it('is as wanted in the end', () => {
    expect(operator.nb.counts()).toMatchObject({ pending: 0, parked: 0, failing: 0, conflicts: 0, frozen: 0 });
    expect(operator.nb.counts()['batches']).toBeGreaterThan(0);
    expect(operator.nb.counts()['adopted']).toBeGreaterThan(25);
  });

  it("takes over the port to a physical network, which is not tagged as Kube-OVN's", async () => {
    const localnet = rowOf(await contents(ovn), 'localnet.wire');
    expect(localnet).toMatchObject({ ...rowOf(before.rows, 'localnet.wire'), external_ids: localnet['external_ids'] });
    expect(localnet['external_ids']).toMatchObject({ ls: 'wire', vendor: 'kube-ovn' });
  });

  it('keeps every binding of a port and every datapath', async () => {
    expect(before.bindings.length).toBeGreaterThan(14);
    expect(await bindings(ovn)).toEqual(before.bindings);
    expect(await datapaths(ovn)).toEqual(before.datapaths);
  });

  it('asks for no other chassis than the one that has the port', async () => {
    const rows = await ovn.sb.dump('Port_Binding', ['logical_port', 'chassis', 'requested_chassis']);
    const asked = rows.filter((row) => String(row['logical_port']) in ports);
    expect(asked).toHaveLength(Object.keys(ports).length);
    for (const row of asked) expect(row['requested_chassis']).toEqual(row['chassis']);
  });

  it('has every row that was there, under its UUID, and new ones only for what Kube-OVN does not make', async () => {
    const after = await contents(ovn);
    expect([...before.rows.keys()].filter((uuid) => !after.has(uuid))).toEqual([]);
    const added = [...after].filter(([uuid]) => !before.rows.has(uuid)).map(([, row]) => row);
    expect(new Set(added.map((row) => row['name'] ?? row['match'] ?? row['ip_prefix']))).toEqual(
      new Set([
        '0.0.0.0/0',
        'distributed.kube.node.1',
        'distributed.kube.node.2',
        'ip4.src == $distributed.kube.node.1_ip4',
        'ip4.src == $distributed.kube.node.2_ip4',
        'kubeloom.nodes.ip4',
        'kubeloom.nodes.ip6',
      ]),
    );
  });

  it('leaves rows of others, and those of Kube-OVN that it has no use for, as they were', async () => {
    const after = await contents(ovn);
    const taken = (row: PlainRow | undefined): boolean =>
      'kubeloom-id' in ((row?.['external_ids'] ?? {}) as Record<string, string>);
    const left = [...before.rows].filter(([uuid]) => !taken(after.get(uuid)));
    const names = left.map(([, row]) => row['name'] ?? row['ip_prefix'] ?? row['logical_ip'] ?? row['match']);
    expect(names).toEqual(
      expect.arrayContaining([
        'lab',
        'lab-1',
        'lab_group',
        'vm-1',
        'neutron-7a1e',
        '192.0.2.0/24',
        '10.16.200.1',
        '10.20.0.0/16',
        'ip4.src == 10.16.200.1',
        'deny.a',
        'ovn.default.kube.node.1',
        'ip4.src == $ovn.default.kube.node.1_ip4',
      ]),
    );
    for (const [uuid, row] of left) expect(after.get(uuid)).toEqual(row);
    // Of the rows that were taken over, too, only what is ours changes.
    const { ports: had, external_ids: ids, load_balancer_group: _, ...rest } = rowOf(before.rows, 'ovn-default');
    const now = rowOf(after, 'ovn-default');
    expect(now).toMatchObject({ ...rest, ports: had, external_ids: ids as object });
    // The balancers of the VPC are its own still, without the addresses that stand in rows of their own now.
    const balancer = rowOf(after, 'cluster-udp-loadbalancer');
    expect(balancer).toMatchObject({ _uuid: rowOf(before.rows, 'cluster-udp-loadbalancer')['_uuid'], vips: {} });
    expect(taken(balancer)).toBe(true);
    expect(rowOf(after, 'web-1.a')['port_security']).toEqual(rowOf(before.rows, 'web-1.a')['port_security']);
  });

  it('writes its own keys beside those of others in the row that all share', async () => {
    const [row] = await ovn.nb.dump('NB_Global', ['options', 'external_ids']);
    const kept = { ls_dnat_mod_dl_dst: 'true', ls_ct_skip_dst_lport_ips: 'true', northd_probe_interval: '5000' };
    expect(row).toMatchObject({
      options: { ...kept, mac_prefix: expect.any(String) as string, use_ct_inv_match: 'false' },
      external_ids: { 'kube-ovn-version': 'v1.17.0', 'kubeloom-epoch': '1' },
    });
  });

  it('forwards what pods send to the MAC that they know of their gateway', async () => {
    const gateway = macOf('ovn-cluster-ovn-default');
    const packet = `inport == "web-0.a" && eth.src == ${macOf('web-0.a')} && eth.dst == ${gateway} && ip4.src == 10.16.0.7`;
    const traced = async (to: string): Promise<string> =>
      await ovn.trace('ovn-default', `${packet} && ip4.dst == ${to} && ip.ttl == 64 && icmp4.type == 8`);
    expect(await traced('198.51.100.7')).toContain('output("node-kube-node-1")');
    expect(await traced('10.17.0.2')).toContain('output("batch-1.a")');
  });

  it('leaves northd nothing to complain about', async () => {
    expect(await ovn.complaints()).toEqual([]);
  });

  it('has nothing to write when the IP objects are taken over as well', async () => {
    const { batches } = operator.nb.counts();
    await operator.step(1);
    expect(operator.nb.counts()['batches']).toBe(batches);
  });

  it('has nothing to write for a process that begins anew', async () => {
    await operator.nb.stop();
    operator = new Operator(ovn.nb.remote);
    await operator.step(0);
    await operator.step(1);
    await operator.lead();
    expect(operator.nb.counts()).toMatchObject({ batches: 0, pending: 0, failing: 0 });
    expect(await bindings(ovn)).toEqual(before.bindings);
  });

  it('takes the port of a pod away with the pod, also out of the groups that nobody keeps', async () => {
    await operator.step(2);
    await ovn.settled();
    const gone = (row: PlainRow): boolean => row['logical_port'] === 'web-0.a';
    expect(await bindings(ovn)).toEqual(before.bindings.filter((row) => !gone(row)));
    const groups = await ovn.nb.dump('Port_Group', ['name', 'ports']);
    const uuid = rowOf(before.rows, 'web-0.a')['_uuid'];
    expect(groups.filter((group) => [group['ports']].flat().includes(uuid))).toEqual([]);
  });
});

function rowOf(rows: ReadonlyMap<string, PlainRow>, name: string): PlainRow {
  const found = [...rows.values()].find((row) => row['name'] === name);
  if (!found) throw new Error(`no row is called ${name}`);
  return found;
}
