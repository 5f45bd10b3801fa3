// One interface of a pod: its port, the port's place in the groups of the node, and the item by which the node's agent
// makes the interface. It stands on an assignment.
import type { RowFact } from '../../lib/delta/fact.ts';
import { annotationKey } from '../api/annotation-key.ts';
import type { Fact } from '../api/fact.ts';
import { ipRef, objectKey, podRef } from '../api/refs.ts';
import type { PortRow } from '../api/policy-tables.ts';
import type { Network, PodRow } from '../api/tables.ts';
import { routerPolicy as priority } from '../nb/priorities.ts';
import { groupMember } from '../nb/rows/group.ts';
import { routerPolicy } from '../nb/rows/router.ts';
import { vifPort } from '../nb/rows/switch.ts';
import type { PortItem } from '../plan/item.ts';
import type { Assignment } from './assignment.ts';
import { portDhcp } from './dhcp.ts';
import type { PortDhcp } from './dhcp.ts';
import { sourceMatch } from './gateway.ts';
import type { Identity } from './identity.ts';
import { podGateways, reachesServicesByNodes } from './interconnection.ts';
import type { Nic } from './nics.ts';
import { clusterOf, ofFamily, problem, withLength } from './reconciler.ts';
import type { Entry, WorldRead } from './reconciler.ts';
import { groupsOf, missingGroups, securityIds } from './security-membership.ts';
import { pairAddresses } from './vip-pair.ts';

export interface Interface {
  readonly nic: Nic;
  readonly self: Identity;
  readonly assigned: Assignment;
}

export type Annotations = Readonly<Record<string, string>>;

/** Answers the annotations that tell of it. */
export function* podPort(row: PodRow, one: Interface, read: WorldRead): Generator<Fact | Entry, Annotations> {
  const { self, nic } = one;
  const { namespace, name, uid } = row.meta;
  yield { hold: ipRef(nic.ip), reason: `pod ${namespace}/${name} uses it`, owner: self.owner };
  if (!nic.isForeign && self.pods[0]?.meta.uid === uid) {
    const answered = dhcp(row, one, read);
    yield* answered.rows;
    for (const fault of answered.faults) yield problem(podRef(namespace, name), 'OptionInvalid', fault);
    const vips = vipsOf(row, one, read);
    const lsp = port(row, one, { dhcp: answered.ids, vips }, read);
    yield lsp;
    yield* memberships(row, one.assigned, lsp, read);
    yield* missingGroups(row, nic.port.groups, read);
    yield* northGateways(one, read);
    const groups = groupsOf(nic.port.groups, one.assigned.network, read);
    const node = isOfNode(row, one.assigned, read) ? row.node : '';
    yield {
      entry: 'port',
      key: nic.ip,
      value: { ...portRow(row, one, { lsp, dhcp: answered.ids, vips, groups }), node },
    };
  }
  const nicType = clusterOf(read).podNicType;
  const values = annotations(one, nicType, read);
  yield {
    plan: `port/${namespace}/${name}/${nic.provider}`,
    span: new Set([row.node]),
    owner: self.owner,
    item: item(row, one, { nicType, values, gateways: podGateways(one.assigned.network, read) }, read),
  };
  return values;
}

function dhcp(row: PodRow, { nic, self, assigned: { ip, network } }: Interface, read: WorldRead): PortDhcp {
  const asked = row.meta.annotations;
  const texts = {
    4: asked[annotationKey(nic.provider, 'dhcp-v4-options')] ?? '',
    6: asked[annotationKey(nic.provider, 'dhcp-v6-options')] ?? '',
  };
  return portDhcp(network, { owner: self.owner, name: nic.ip, addresses: ip.addresses, texts }, read);
}

/** Further addresses that the port answers for. */
function vipsOf(row: PodRow, { nic, assigned: { network } }: Interface, read: WorldRead): readonly string[] {
  const pairs = pairAddresses(row, network.name, read);
  return pairs.length === 0 ? nic.port.vips : [...new Set([...pairs, ...nic.port.vips])];
}

interface Answers {
  readonly dhcp: PortDhcp['ids'];
  readonly vips: readonly string[];
}

function port(row: PodRow, one: Interface, { dhcp, vips }: Answers, read: WorldRead): RowFact {
  const {
    assigned: { ip, network },
    self,
    nic: { ip: name, port: wish },
  } = one;
  // ovn-controller compares with the name and with the hostname of its chassis, and the agent sets the latter.
  const chassis = self.pods.map(({ node }) => read.get('host', node)?.chassis || node);
  return vifPort({
    owner: self.owner,
    name,
    subnet: network.name,
    mac: ip.mac,
    addresses: ip.addresses,
    chassis: [...new Set(chassis)].join(','),
    dhcp,
    forwards: wish.forwards,
    security: wish.security ? [ip.mac, ...ip.addresses, ...vips] : [],
    external: {
      pod: `${row.meta.namespace}/${self.name}`,
      ...(vips.length > 0 && { vips: vips.join(','), 'attach-vips': 'true' }),
      ...securityIds(wish.groups, network, read),
    },
  });
}

/** Table `port`. */
const portRow = (
  { meta: { namespace, name } }: PodRow,
  { nic, assigned: { ip, network } }: Interface,
  { lsp, dhcp: { v4, v6 }, vips, groups }: Answers & { readonly lsp: RowFact; readonly groups: readonly string[] },
): Omit<PortRow, 'node'> => ({
  pod: objectKey(namespace, name),
  namespace,
  id: lsp.id,
  owner: lsp.owner,
  provider: nic.network,
  subnet: network.name,
  vpc: network.vpc,
  underlay: network.vlan !== '',
  addresses: ip.addresses,
  dhcp: v4 !== undefined || v6 !== undefined,
  groups,
  sources: nic.port.security && vips.length > 0 ? [...ip.addresses, ...vips] : ip.addresses,
});

/**
 * Overlay pods of other VPCs are in no group of a node: their addresses may be those of others, and no node reaches them.
 * An underlay is reached over its wire, whatever VPC it is of.
 */
const isOfNode = ({ node }: PodRow, { network }: Assignment, read: WorldRead): boolean =>
  read.get('host', node) !== undefined && (network.vpc === clusterOf(read).defaultVpc || network.vlan !== '');

function* memberships(row: PodRow, assigned: Assignment, lsp: RowFact, read: WorldRead): Generator<Fact> {
  const { network } = assigned;
  const host = read.get('host', row.node);
  if (!host || !isOfNode(row, assigned, read)) return;
  const isDefault = network.vpc === clusterOf(read).defaultVpc;
  yield groupMember(host.groups.all, lsp.id, lsp.owner);
  const isDistributed = isDefault && network.link === 'gateway' && network.gatewayType === 'distributed';
  if (isDistributed) yield groupMember(host.groups.distributed, lsp.id, lsp.owner);
  if (reachesServicesByNodes(network, clusterOf(read)))
    yield groupMember(host.groups.interconnected, lsp.id, lsp.owner);
}

/** The way out that the pod asks for by `north_gateway`, as far as its subnet has a router of the default VPC. */
function* northGateways({ nic, self, assigned: { ip, network } }: Interface, read: WorldRead): Generator<Fact> {
  if (network.link !== 'gateway' || network.vpc !== clusterOf(read).defaultVpc) return;
  for (const address of ip.addresses) {
    const hop = ofFamily(nic.port.northGateways, address);
    if (hop === undefined) continue;
    const match = sourceMatch(address);
    yield routerPolicy({
      owner: self.owner,
      vpc: network.vpc,
      name: `north/${nic.ip}/${match}`,
      priority: priority.northGateway,
      match,
      action: 'reroute',
      nexthops: [hop],
      external: { subnet: network.name },
    });
  }
}

type NicType = PortItem['nicType'];

/** `allocated` and `routed` come together: the port, its groups and its address are one transaction. */
function annotations(
  { nic, self, assigned: { ip, network } }: Interface,
  nicType: NicType,
  read: WorldRead,
): Annotations {
  const values: Record<string, string> = {};
  const tell = (suffix: string, value: string): void => void (values[annotationKey(nic.provider, suffix)] = value);
  tell('allocated', 'true');
  tell('ip_address', ip.addresses.join(','));
  tell('cidr', network.cidrs.join(','));
  tell('gateway', network.gateways.join(','));
  if (nic.foreignMac !== '') tell('mac_address', nic.foreignMac);
  if (!nic.isForeign) {
    tell('routed', 'true');
    tell('mac_address', ip.mac);
    tell('logical_switch', network.name);
    tell('pod_nic_type', nicType);
    if (network.link !== 'none') tell('logical_router', network.vpc);
    const vlan = network.vlan === '' ? undefined : read.get('vlan', network.vlan);
    if (vlan) {
      tell('vlan_id', String(vlan.id));
      tell('provider_network', vlan.provider);
    }
  }
  if (self.pods.some((pod) => pod.meta.name !== self.name)) tell('virtualmachine', self.name);
  return values;
}

/**
 * On a wire without a router of ours nothing is wrapped: the MTU is that of the node's interface there, which its agent
 * tells by a label. 0 leaves it to the node.
 */
function wireMtu(node: string, { vlan, link }: Network, read: WorldRead): number {
  const provider = vlan === '' || link !== 'none' ? undefined : read.get('vlan', vlan)?.provider;
  if (provider === undefined) return 0;
  const label = read.get('node', node)?.meta.labels[`${provider}.provider-network.kubernetes.io/mtu`];
  return Number(label) || 0;
}

/**
 * On an overlay an address that somebody has chosen goes from pod to pod, with another MAC each time: whoever knew the one
 * before would send to it for seconds. Any other address is new to everybody, and telling would go to every port of the switch.
 * A machine on its way to another node has its addresses on both; a router of OVN needs no asking for.
 */
function wireOf({ nic, self, assigned: { network } }: Interface): PortItem['wire'] {
  if (nic.isForeign) return '';
  if (network.vlan === '') return nic.wish?.fixed || nic.wish?.pools ? 'announce' : '';
  if (self.pods.length > 1) return 'announce';
  return network.link === 'gateway' || network.unaskedGateway === true ? 'detect' : 'gateway';
}

/** The kubelet asks at the pod's first address, which on the overlay of another VPC no node reaches. */
const isProbedHere = ({ nic, assigned: { network } }: Interface, read: WorldRead): boolean =>
  nic.isFirst && !nic.isForeign && network.vpc !== clusterOf(read).defaultVpc && network.vlan === '';

interface Given {
  readonly nicType: NicType;
  readonly values: Annotations;
  readonly gateways: readonly string[];
}

function item(row: PodRow, one: Interface, { nicType, values, gateways }: Given, read: WorldRead): PortItem {
  const { namespace, name, uid } = row.meta;
  const seen = row.meta.annotations;
  const { nic, assigned } = one;
  const { ip, network } = assigned;
  return {
    kind: 'port',
    pod: { namespace, name, uid },
    provider: nic.network,
    ifname: nic.ifname,
    ifaceId: nic.ip,
    subnet: network.name,
    mac: ip.mac,
    addresses: withLength(ip.addresses, network),
    gateways: ip.addresses.map((address) => ofFamily(gateways, address) ?? ''),
    routes: nic.port.routes,
    defaultRoute: nic.port.defaultRoute ?? nic.isFirst,
    mtu: network.mtu || wireMtu(row.node, network, read),
    nicType,
    wire: wireOf(one),
    nodeNetwork: (nic.isForeign ? undefined : network.nodeNetwork) ?? '',
    announced: Object.keys(values).every((key) => seen[key] === values[key]),
    probes: isProbedHere(one, read) ? row.probes : [],
  };
}
