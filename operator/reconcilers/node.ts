// A node in OVN: its join port, by which it and the pods reach each other, the groups of its pods, and the policies that
// send traffic to it and, for distributed gateways, out by it. And in the API: annotations of the join port.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { containsIp, parseCidr, parseIp } from '../../lib/net/index.ts';
import type { Fact } from '../api/fact.ts';
import { coveringKeys } from '../api/keys.ts';
import { manager } from '../api/managers.ts';
import { directions } from '../api/policy-row.ts';
import type { Direction } from '../api/policy-row.ts';
import { nodeIpName, nodeRef } from '../api/refs.ts';
import type { Host, NodeRow } from '../api/tables.ts';
import {
  baselineGroupName,
  distributedGroupName,
  interconnectedGroupName,
  nodeGroupName,
  suffixed,
} from '../nb/names.ts';
import { aclTier, adminAcl, networkPolicyAcl, routerPolicy as priority } from '../nb/priorities.ts';
import { addressMember, nodesSetId } from '../nb/rows/address-set.ts';
import { nodeGroup, nodeGroupId } from '../nb/rows/group.ts';
import type { NodeGroup } from '../nb/rows/group.ts';
import { chassisVariables } from '../nb/rows/load-balancer.ts';
import { groupAcl, peerField, portField } from '../nb/rows/policy.ts';
import type { GroupAcl } from '../nb/rows/policy.ts';
import { routerPolicy } from '../nb/rows/router.ts';
import { vifPort } from '../nb/rows/switch.ts';
import { assignment } from './assignment.ts';
import type { Assignment } from './assignment.ts';
import { anyIsolation, baselineIsolation, judgedIsolation } from './default-deny.ts';
import { isFirst } from './chassis.ts';
import { excludedMembers, servicePriorities } from './interconnection.ts';
import { givesWay } from './network.ts';
import { networksOf, nodeItem, peerItem, serviceCidrs } from './node-item.ts';
import { nodeMembers } from './outside.ts';
import { clusterOf, ofFamily, problem } from './reconciler.ts';
import type { Projection, Reconciler, WorldRead } from './reconciler.ts';
import { unassigned } from './unassigned.ts';

const chassisOf = ({ meta }: NodeRow): string => meta.annotations['ovn.kubernetes.io/chassis'] ?? '';

const zoneLabel = 'topology.kubernetes.io/zone';

/** Table `host`. */
export const host: Projection<NodeRow, Host> = function* (row) {
  const { name } = row.meta;
  const groups = {
    all: nodeGroupId(name, 'all'),
    distributed: nodeGroupId(name, 'distributed'),
    interconnected: nodeGroupId(name, 'interconnected'),
  };
  yield [name, { name, zone: row.meta.labels[zoneLabel] ?? '', chassis: chassisOf(row), groups }];
};

export const node: Reconciler<NodeRow> = {
  kind: 'Node',
  *desired(row, read) {
    const { name, uid } = row.meta;
    const ref = nodeRef(name);
    const join = assignment({ ip: nodeIpName(name), ref, uid }, read);
    yield* groups(row, read);
    yield* variables(row, read);
    yield* addresses(row, read);
    yield* ownPods(row, join, read);
    yield* nodeMembers(name, { addresses: ownAddresses(row, join), owner: ownerOf(ref) }, read);
    if (join) yield* joined(row, join, read);
    else yield* unassigned(nodeIpName(name), ref, read);
    yield nodeItem(row, join, read);
    yield peerItem(row);
    yield* inSubnets(row, read);
    for (const fault of networksOf(row).faults) yield problem(ref, 'NodeNetworksInvalid', fault);
    const { joinSubnet } = clusterOf(read);
    const without = `subnet ${joinSubnet} ${read.get('checked', joinSubnet) ? 'cannot be used' : 'does not exist'}`;
    if (!read.get('network', joinSubnet)) yield problem(ref, 'NodeNetworkUnavailable', without);
  },
};

/** Names of the node's groups: two nodes can come to one name, and the later in the order of names gives way. */
function groupNames(name: string, read: WorldRead): Readonly<Record<NodeGroup, string>> & { readonly taken: boolean } {
  const taken = read.at('hostsByGroup', nodeGroupName(name)).some((other) => other.name < name);
  const called = (bare: string): string => (taken ? suffixed(bare, ownerOf(nodeRef(name))) : bare);
  return {
    all: called(nodeGroupName(name)),
    distributed: called(distributedGroupName(name)),
    interconnected: called(interconnectedGroupName(name)),
    baseline: called(baselineGroupName(name)),
    taken,
  };
}

/** Where Services that are balanced by node have their backends. */
function* variables({ meta: { name } }: NodeRow, read: WorldRead): Generator<Fact> {
  const own = read.get('host', name);
  if (own && clusterOf(read).enableLb && isFirst(own, read)) yield chassisVariables(name, own.chassis);
}

/** The groups of the node's pods; they exist with the node, whether or not it has pods. */
function* groups({ meta: { name } }: NodeRow, read: WorldRead): Generator<Fact> {
  const { all, distributed, interconnected, taken } = groupNames(name, read);
  yield nodeGroup(name, 'all', all);
  yield nodeGroup(name, 'distributed', distributed);
  // New groups are dear in OVN, and few clusters have such subnets.
  const external = { lr: clusterOf(read).defaultVpc, u2o: 'true' };
  if (servicePriorities(read).length > 0) yield nodeGroup(name, 'interconnected', interconnected, external);
  const message = `port group ${nodeGroupName(name)}: another node has this name`;
  if (taken) yield problem(nodeRef(name), 'NameCollision', message);
}

/** By which subnets that keep others out, or go to nodes by a gateway of their own, know them. */
function* addresses({ meta: { name }, internalIps }: NodeRow, read: WorldRead): Generator<Fact> {
  const owner = ownerOf(nodeRef(name));
  for (const address of internalIps) yield addressMember(nodesSetId(familyOf(address)), address, owner);
  yield* excludedMembers(owner, internalIps, read);
}

/** What the node is reached by: addresses that its status names, and that of its join port. */
const ownAddresses = ({ internalIps, externalIps }: NodeRow, join: Assignment | undefined): string[] => [
  ...new Set([...internalIps, ...externalIps, ...(join?.ip.addresses ?? [])]),
];

/** A pod and its own node reach each other whatever policies say: kubelets probe. */
function* ownPods(
  { meta: { name }, internalIps }: NodeRow,
  join: Assignment | undefined,
  read: WorldRead,
): Generator<Fact> {
  if (read.get('isolation', anyIsolation) === undefined) return;
  const group = { id: nodeGroupId(name, 'all'), name: groupNames(name, read).all };
  const joins = (join?.ip.addresses ?? []).filter((address) => ofFamily(internalIps, address) === undefined);
  const addresses = [...internalIps, ...joins];
  yield* leftToBaseline(name, addresses, read);
  const between: Between = (direction, address) =>
    `${portField[direction]} == @${group.name} && ip${familyOf(address)}.${peerField[direction]} == ${address}`;
  const rule = (fields: NodeRule): Fact =>
    groupAcl({ owner: ownerOf(nodeRef(name)), group: group.id, external: { parent: group.name }, ...fields });
  for (const address of addresses) {
    for (const direction of directions) {
      const [match, key] = [between(direction, address), `${direction}/${address}`];
      const at = { tier: aclTier.namespace, priority: networkPolicyAcl.node };
      yield rule({ key, direction, match, action: 'allow-related', needs: [], ...at });
    }
    if (read.get('isolation', judgedIsolation) !== undefined) yield rule(notJudged(address, between));
  }
}

type Between = (direction: Direction, address: string) => string;
type NodeRule = Pick<GroupAcl, 'key' | 'direction' | 'tier' | 'priority' | 'match' | 'action' | 'needs'>;

/** The administrator's rules are of pods, and a rule that denies because it cannot be understood spares the kubelet, too. */
const notJudged = (address: string, between: Between): NodeRule => ({
  key: `judged/${address}`,
  direction: 'ingress',
  tier: aclTier.admin,
  priority: adminAcl.alive,
  match: between('ingress', address),
  action: 'pass',
  needs: [],
});

/**
 * Pods that no NetworkPolicy isolates, and that tier Baseline is to judge: of the way to their own node, which would be
 * allowed here, nothing is said.
 */
function* leftToBaseline(name: string, addresses: readonly string[], read: WorldRead): Generator<Fact> {
  if (read.get('isolation', baselineIsolation) === undefined) return;
  const group = { id: nodeGroupId(name, 'baseline'), name: groupNames(name, read).baseline };
  yield nodeGroup(name, 'baseline', group.name);
  for (const address of addresses) {
    yield groupAcl({
      owner: ownerOf(nodeRef(name)),
      key: `baseline/${address}`,
      group: group.id,
      direction: 'egress',
      tier: aclTier.namespace,
      priority: networkPolicyAcl.baseline,
      match: `inport == @${group.name} && ip${familyOf(address)}.dst == ${address}`,
      action: 'pass',
      external: { parent: group.name },
      needs: [],
    });
  }
}

function* joined(row: NodeRow, join: Assignment, read: WorldRead): Generator<Fact> {
  const { name } = row.meta;
  const owner = ownerOf(nodeRef(name));
  const { mac, addresses } = join.ip;
  const chassis = chassisOf(row) || name;
  yield vifPort({ owner, name: nodeIpName(name), subnet: join.network.name, mac, addresses, chassis });
  for (const address of addresses) {
    yield* toNode(row, address, read);
    yield fromPods(row, address, read);
    yield* toServices(row, address, read);
  }
  yield annotations(row, join);
}

const familyOf = (address: string): 4 | 6 => (address.includes(':') ? 6 : 4);

/** Traffic to the node's own addresses goes by its join port, not out by some gateway and back. */
function* toNode(row: NodeRow, join: string, read: WorldRead): Generator<Fact> {
  const { name } = row.meta;
  const af = familyOf(join);
  for (const address of row.internalIps) {
    if (familyOf(address) !== af) continue;
    yield routerPolicy({
      owner: ownerOf(nodeRef(name)),
      vpc: clusterOf(read).defaultVpc,
      name: `to ${address}`,
      priority: priority.node,
      match: `ip${af}.dst == ${address}`,
      action: 'reroute',
      nexthops: [join],
      external: { node: name, 'address-family': String(af) },
    });
  }
}

/** One policy for all pods on the node whose subnets have a distributed gateway: pods come and go in the group. */
function fromPods(row: NodeRow, join: string, read: WorldRead): Fact {
  const { name } = row.meta;
  const af = familyOf(join);
  const group = groupNames(name, read).distributed;
  return routerPolicy({
    owner: ownerOf(nodeRef(name)),
    vpc: clusterOf(read).defaultVpc,
    name: `from/${af}`,
    priority: priority.gateway,
    match: `ip${af}.src == $${group}_ip${af}`,
    action: 'reroute',
    nexthops: [join],
    external: { node: name, 'address-family': String(af) },
    needs: [nodeGroupId(name, 'distributed')],
  });
}

/** Pods of underlay subnets without load balancers find those of the node. */
function* toServices(row: NodeRow, join: string, read: WorldRead): Generator<Fact> {
  const { name } = row.meta;
  const { defaultVpc } = clusterOf(read);
  const af = familyOf(join);
  const group = groupNames(name, read).interconnected;
  for (const priority of servicePriorities(read)) {
    for (const svcCidr of serviceCidrs(read).filter((cidr) => familyOf(cidr) === af)) {
      yield routerPolicy({
        owner: ownerOf(nodeRef(name)),
        vpc: defaultVpc,
        name: `services ${priority} ${svcCidr}`,
        priority,
        match: `ip${af}.src == $${group}_ip${af} && ip${af}.dst == ${svcCidr}`,
        action: 'reroute',
        nexthops: [join],
        external: { node: name, svcCidr, isU2ONoLBRoutePolicy: 'true' },
        needs: [nodeGroupId(name, 'interconnected')],
      });
    }
  }
}

const annotations = (row: NodeRow, { ip, network }: Assignment): Fact => ({
  object: nodeRef(row.meta.name),
  uid: row.meta.uid,
  owner: ownerOf(nodeRef(row.meta.name)),
  manager,
  after: 'applied',
  generated: false,
  manifest: {
    metadata: {
      annotations: {
        'ovn.kubernetes.io/allocated': 'true',
        'ovn.kubernetes.io/ip_address': ip.addresses.join(','),
        'ovn.kubernetes.io/mac_address': ip.mac,
        'ovn.kubernetes.io/cidr': network.cidrs.join(','),
        'ovn.kubernetes.io/gateway': ip.addresses.map((address) => ofFamily(network.gateways, address) ?? '').join(','),
        'ovn.kubernetes.io/logical_switch': network.name,
        'ovn.kubernetes.io/port_name': nodeIpName(row.meta.name),
      },
    },
  },
});

/** Pods of such a subnet take the node for a pod beside them. A subnet that can still be refused is, instead. */
function* inSubnets(row: NodeRow, read: WorldRead): Generator<Fact> {
  const { defaultVpc } = clusterOf(read);
  for (const address of row.internalIps) {
    const candidates = coveringKeys(defaultVpc, address).flatMap((key) => read.at('candidatesByBlock', key));
    for (const subnet of candidates) {
      const { network } = subnet;
      if (!network.switched || network.vlan !== '' || !covers(network.cidrs, address)) continue;
      if (givesWay(subnet, row, read)) continue;
      const message = `InternalIP ${address} is in subnet ${subnet.name} (${network.cidrs.join(',')})`;
      yield problem(nodeRef(row.meta.name), 'NodeAddressConflictWithSubnet', message);
    }
  }
}

function covers(cidrs: readonly string[], address: string): boolean {
  const ip = parseIp(address);
  return cidrs.map(parseCidr).some((cidr) => ip && cidr && containsIp(cidr, ip));
}
