// Subnets become networks: each is checked by itself, then against what it may not overlap. Of two that want the same
// addresses the older is right, so that a new object never takes something from one in use.
import { containsIp, overlaps, parseCidr, parseIp } from '../../lib/net/index.ts';
import type { Cidr } from '../../lib/net/index.ts';
import { overlapKeys, usedKey } from '../api/keys.ts';
import { checkedSubnet } from '../api/subnet-check.ts';
import type { Candidate, CheckedSubnet, Finding, Indexes, Network, NodeRow, SubnetRow } from '../api/tables.ts';
import { textOf } from '../api/json.ts';
import { Withheld } from '../api/withheld.ts';
import { finalizer } from './assignment.ts';
import { clusterOf } from './reconciler.ts';
import type { Projection, WorldRead } from './reconciler.ts';
import { vlanFindings } from './underlay.ts';

/** Scope of the index of node addresses. */
export const nodeScope = 'node';

/** Table `checked`: one subnet by itself, and its Vlan. */
export const checked: Projection<SubnetRow, CheckedSubnet> = function* (row, read) {
  const { network, findings, ...rest } = checkedSubnet(row, clusterOf(read));
  const wrong = [...findings, ...vlanFindings(textOf(row.spec['vlan']), read)];
  yield [row.meta.name, { ...rest, findings: wrong, ...(network && wrong.length === 0 && { network }) }];
};

/**
 * Table `candidate`: what its own spec allows. A subnet that could be used before and cannot now keeps what it had: an
 * edit that went wrong must neither cut off the pods that run nor give their addresses to another subnet.
 */
export const candidate: Projection<CheckedSubnet, Candidate> = function* ({ name, uid, created, network, findings }) {
  if (!network) throw new Withheld(findings[0]?.message ?? `subnet ${name} cannot be used`);
  yield [name, { name, uid, created, network }];
};

/** Table `network`: what can be used. Here too, what is refused now keeps what it had. */
export const network: Projection<Candidate, Network> = function* (row, read) {
  const [conflict] = conflicts(row, read);
  if (conflict !== undefined) throw new Withheld(conflict);
  yield [row.name, row.network];
};

/** Everything that is wrong with a subnet, alone and among others. */
export function findingsOf(row: CheckedSubnet, read: WorldRead): Finding[] {
  const { name, uid, created, network } = row;
  const found = network ? conflicts({ name, uid, created, network }, read) : [];
  return [...row.findings, ...found.map((message): Finding => ({ reason: 'ValidateLogicalSwitchFailed', message }))];
}

/** Without OVN addresses may overlap. */
function conflicts(row: Candidate, read: WorldRead): string[] {
  if (!row.network.switched) return [];
  return [
    ...overlapping(row, read),
    ...onNodes(row, read),
    ...onGateway(row.network, read),
    ...sharingTable(row, read),
    ...ofOtherNamespaces(row.network, read),
  ];
}

function* overlapping(row: Candidate, read: WorldRead): Generator<string> {
  const { vpc, cidrs } = row.network;
  for (const cidr of parsed(cidrs)) {
    for (const other of found('candidatesByBlock', vpc, cidr, read)) {
      const rival = other.network;
      if (other.name === row.name || !isOneSpace(row.network, rival) || !isOlder(other, row)) continue;
      const met = parsed(rival.cidrs).some((range) => overlaps(range, cidr));
      if (met) yield `cidrBlock ${cidrs.join(',')} overlaps subnet ${other.name} (${rival.cidrs.join(',')})`;
    }
  }
}

/** Of one VPC: on one wire, or on its router. */
function isOneSpace(a: Network, b: Network): boolean {
  if (!a.switched || !b.switched) return false;
  return a.vlan === b.vlan || (a.link !== 'none' && b.link !== 'none');
}

/** Nodes may stand in an underlay subnet: that is what they share a wire for. */
function* onNodes(row: Candidate, read: WorldRead): Generator<string> {
  const { vpc, cidrs, vlan } = row.network;
  if (vpc !== clusterOf(read).defaultVpc || vlan !== '') return;
  for (const cidr of parsed(cidrs)) {
    for (const node of found('nodesByBlock', nodeScope, cidr, read)) {
      const inside = node.internalIps.find((text) => contains(cidr, text));
      if (inside && givesWay(row, node, read)) {
        yield `cidrBlock ${cidrs.join(',')} contains the address ${inside} of node ${node.meta.name}`;
      }
    }
  }
}

/** A gateway that moves onto an address in use would take it from whoever runs with it. */
function* onGateway({ name, gateways }: Network, read: WorldRead): Generator<string> {
  for (const gateway of gateways) {
    const holder = read.at('ipsByAddress', usedKey(name, gateway)).find(({ ownerUid }) => ownerUid !== '');
    if (holder) yield `gateway ${gateway} is the address of IP ${holder.meta.name}`;
  }
}

/** Key of the index `candidatesByTable`. */
export const tableKeys = ({ network: { vpc, vlan, externalEgress } }: Candidate): string[] =>
  externalEgress === undefined ? [] : [`${vpc}|${vlan}|${externalEgress.table}`];

/** A route table of the nodes has one way out. */
function* sharingTable(row: Candidate, read: WorldRead): Generator<string> {
  for (const other of tableKeys(row).flatMap((key) => read.at('candidatesByTable', key))) {
    if (other.name !== row.name && isOlder(other, row))
      yield `policyRoutingTableID ${row.network.externalEgress?.table} is that of subnet ${other.name}`;
  }
}

/** A VPC of its own says whose pods it takes, and the default VPC takes those of all others. */
function* ofOtherNamespaces({ vpc, namespaces }: Network, read: WorldRead): Generator<string> {
  const { defaultVpc } = clusterOf(read);
  const own = read.get('realm', vpc);
  for (const namespace of namespaces) {
    if (vpc !== defaultVpc && own && !own.namespaces.includes(namespace))
      yield `namespace ${namespace} is not one of VPC ${vpc}`;
    const others = vpc === defaultVpc ? read.at('vpcsByNamespace', namespace) : [];
    for (const { meta } of others)
      if (meta.name !== defaultVpc) yield `namespace ${namespace} is one of VPC ${meta.name}`;
  }
}

type Ranged = 'candidatesByBlock' | 'nodesByBlock';

function found<N extends Ranged>(index: N, scope: string, cidr: Cidr, read: WorldRead): Indexes[N][] {
  return overlapKeys(scope, cidr).flatMap((key) => [...read.at(index, key)]);
}

const parsed = (cidrs: readonly string[]): Cidr[] => cidrs.map(parseCidr).filter((cidr) => cidr !== undefined);

function contains(cidr: Cidr, text: string): boolean {
  const ip = parseIp(text);
  return ip !== undefined && containsIp(cidr, ip);
}

function isOlder(a: Candidate, b: Candidate): boolean {
  if (a.created !== b.created) return a.created < b.created;
  return a.uid === b.uid ? a.name < b.name : a.uid < b.uid;
}

/**
 * Of a node and a subnet that covers its address the younger is told, and in one second the node is right: it cannot be
 * given another address here. But a subnet whose addresses are in use is never refused because of a node, since a node's
 * address changes while pods run: then the node is told.
 */
export const givesWay = (subnet: Candidate, node: NodeRow, read: WorldRead): boolean =>
  node.created <= subnet.created && !isUsed(subnet.name, read);

/** Asked only where a node is in the way: the list is as long as the subnet has addresses in use. */
const isUsed = (subnet: string, read: WorldRead): boolean =>
  read.at('ipsBySubnet', subnet).some(({ meta }) => meta.finalizers.includes(finalizer));
