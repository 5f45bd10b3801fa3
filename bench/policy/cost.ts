// What policies cost everybody behind the northbound database, counted: rows and bytes of groups and sets in the southbound
// one, flows of a policy, and OpenFlow flows of a node. Beside it, the same policies as one would write them by hand.
import { startOvn } from '../../test/ovn-central.ts';
import type { OvnCentral } from '../../test/ovn-central.ts';
import type { Figure } from '../compare.ts';
import { Product } from '../nb/product.ts';
import { RawClient } from '../nb/raw.ts';
import type { WireOperation } from '../nb/raw.ts';
import { feed } from '../nb/rounds.ts';
import { enterBase, enterPolicy, podEvents } from '../nb/scene.ts';
import type { Shape } from '../nb/scene.ts';
import { installed } from '../nb/southbound.ts';
import { hypervisor } from './hypervisor.ts';
import type { Hypervisor } from './hypervisor.ts';

/** Ten subnets on ten nodes, 100 pods on each of these. */
const shape: Shape = { subnets: 10, nodes: 10, spread: 10 };
const PODS = 1000;
/** Each isolates ten pods and lets ten others in: all pods have to do with one. */
const POLICIES = 50;
const NODE = 'node-3';

interface Counts {
  /** Of Port_Group and Address_Set. */
  readonly rows: number;
  readonly bytes: number;
  /** Logical flows in all. */
  readonly logical: number;
  readonly openflow: number;
}

async function counts(ovn: OvnCentral, node: Hypervisor): Promise<Counts> {
  const openflow = await node.flows();
  const held = [...(await ovn.sb.dump('Port_Group')), ...(await ovn.sb.dump('Address_Set'))];
  const logical = (await ovn.sb.dump('Logical_Flow', ['_uuid'])).length;
  return { rows: held.length, bytes: Buffer.byteLength(JSON.stringify(held)), logical, openflow };
}

interface Pod {
  readonly name: string;
  readonly address: string;
  readonly node: string;
}

const pods = podEvents(0, PODS, shape).map(({ ip }): Pod => {
  const { metadata, spec } = ip as { metadata: { name: string }; spec: { nodeName: string; ipAddress: string } };
  return { name: metadata.name, address: spec.ipAddress, node: spec.nodeName };
});

/**
 * What somebody writes who knows the pods: a group for those that a policy isolates, a set for those that it lets in, one
 * rule that says so, and one group for all who are isolated, with what nobody is let in by.
 */
function byHand(ports: ReadonlyMap<string, string>, policies: number): WireOperation[] {
  const team = (at: number): readonly Pod[] => pods.slice(at * 10, at * 10 + 10);
  const uuids = (some: readonly Pod[]): unknown => ['set', some.map(({ name }) => ['uuid', ports.get(name) ?? ''])];
  const acl = (id: string, row: object): WireOperation => ({
    op: 'insert',
    table: 'ACL',
    'uuid-name': id,
    row: { direction: 'to-lport', tier: 2, ...row },
  });
  const group = (row: object): WireOperation => ({ op: 'insert', table: 'Port_Group', row });
  const isolated: Pod[] = [];
  const each = Array.from({ length: policies }, (_, at) => {
    const [subjects, peers] = [team(at * 2), team(at * 2 + 1)];
    isolated.push(...subjects);
    const match = `outport == @to${at} && ip4.src == $from${at} && tcp.dst == 80`;
    return [
      {
        op: 'insert',
        table: 'Address_Set',
        row: { name: `from${at}`, addresses: ['set', peers.map(({ address }) => address)] },
      },
      acl(`allow${at}`, { priority: 2001, match, action: 'allow-related' }),
      group({ name: `to${at}`, ports: uuids(subjects), acls: ['named-uuid', `allow${at}`] }),
    ];
  }).flat();
  return [
    ...each,
    acl('drop', { priority: 2000, match: 'outport == @isolated && ip', action: 'drop' }),
    group({ name: 'isolated', ports: uuids(isolated), acls: ['named-uuid', 'drop'] }),
  ];
}

async function written(ovn: OvnCentral): Promise<Product> {
  const product = new Product([ovn.nb.remote]);
  await product.start(() => undefined);
  product.graph.enter(() => enterBase(product.world, shape));
  await feed(product, podEvents(0, PODS, shape));
  await product.committed();
  return product;
}

const localPorts = (): string[] => pods.filter(({ node }) => node === NODE).map(({ name }) => name);

async function onCluster<T>(fn: (ovn: OvnCentral, node: Hypervisor, product: Product) => Promise<T>): Promise<T> {
  const ovn = await startOvn(installed());
  const product = await written(ovn);
  const node = await hypervisor(ovn, NODE, localPorts());
  try {
    return await fn(ovn, node, product);
  } finally {
    await product.stop();
    await node.stop();
    await ovn.stop();
  }
}

interface Cost {
  readonly without: Counts;
  readonly one: Counts;
  readonly all: Counts;
}

const ours = (): Promise<Cost> =>
  onCluster(async (ovn, node, product) => {
    const without = await counts(ovn, node);
    const enter = async (from: number, to: number): Promise<Counts> => {
      product.graph.enter(() => {
        for (let at = from; at < to; at++) enterPolicy(product.world, at);
      });
      await product.committed();
      return await counts(ovn, node);
    };
    return { without, one: await enter(0, 1), all: await enter(1, POLICIES) };
  });

/** Beside the product's rows without policies; the product would not leave alone what is not its own. */
const hand = (policies: number): Promise<Counts> =>
  onCluster(async (ovn, node, product) => {
    const ports = await portsOf(ovn);
    await product.stop();
    const client = await RawClient.open(ovn.nb.remote);
    try {
      await client.transact(byHand(ports, policies));
    } finally {
      client.close();
    }
    return await counts(ovn, node);
  });

async function portsOf({ nb }: OvnCentral): Promise<Map<string, string>> {
  const client = await RawClient.open(nb.remote);
  try {
    const select = { op: 'select', table: 'Logical_Switch_Port', where: [], columns: ['_uuid', 'name'] };
    const [result] = (await client.transact([select])) as { rows: { _uuid: [string, string]; name: string }[] }[];
    return new Map(result?.rows.map(({ _uuid: [, uuid], name }) => [name, uuid]));
  } finally {
    client.close();
  }
}

const figureOf = (name: string, unit: string, product: number, raw: number): Figure => {
  const ratio = product / raw;
  return { name, case: 'counted', unit, product, raw, ratio, low: ratio, high: ratio, goal: null, holds: null };
};

/** Of one direction and family, with one rule: at most so many logical flows. */
const FLOWS = 2.25;

export async function cost(note: (text: string) => void): Promise<Figure[]> {
  note(`policy: ${POLICIES} policies, ${PODS} pods, ${localPorts().length} of them on one node`);
  const { without, one, all } = await ours();
  const theirs = { one: await hand(1), all: await hand(POLICIES) };
  const further = (some: { one: Counts; all: Counts }, of: 'logical' | 'openflow'): number =>
    (some.all[of] - some.one[of]) / (POLICIES - 1);
  const flows = further({ one, all }, 'logical');
  return [
    figureOf('groups and sets in SB', 'rows', all.rows, theirs.all.rows),
    figureOf('groups and sets in SB', 'kB', all.bytes / 1000, theirs.all.bytes / 1000),
    {
      ...figureOf('a further policy', 'logical flows', flows, further(theirs, 'logical')),
      limit: FLOWS,
      least: flows,
      holds: flows <= FLOWS,
    },
    figureOf('all policies', 'logical flows', all.logical - without.logical, theirs.all.logical - without.logical),
    figureOf('a further policy', 'OpenFlow flows', further({ one, all }, 'openflow'), further(theirs, 'openflow')),
    figureOf('a node with 100 pods', 'OpenFlow flows', all.openflow, theirs.all.openflow),
  ];
}
