// Underlay to overlay: pods of an underlay subnet take the router of their VPC for what goes to overlay subnets, and a
// physical gateway for everything else. Policies of the router tell the two apart.
import type { Owner, RowFact } from '../../lib/delta/fact.ts';
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { Fact } from '../api/fact.ts';
import { only, subnetRef, vpcRef } from '../api/refs.ts';
import type { Cluster, Network } from '../api/tables.ts';
import { overlaySetName } from '../nb/names.ts';
import { interconnectionPolicy as priority } from '../nb/priorities.ts';
import { addressMember, addressSet, addressSetId } from '../nb/rows/address-set.ts';
import type { Family } from '../nb/rows/address-set.ts';
import { routerPolicy } from '../nb/rows/router.ts';
import type { Policy } from '../nb/rows/router.ts';
import { ownAddress } from './own-address.ts';
import { clusterOf, ofFamily } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';
import { excludedSetNames } from './router-port-name.ts';

const families = [4, 6] as const;
const familiesOf = ({ cidrs }: Network): Family[] => cidrs.map(familyOf);
const familyOf = (text: string): Family => (text.includes(':') ? 6 : 4);

const ofSubnet = (subnet: string): Readonly<Record<string, string>> => ({ subnet, isU2ORoutePolicy: 'true' });
const ofOverlayOnly = (subnet: string): Readonly<Record<string, string>> => ({
  ...ofSubnet(subnet),
  isU2OOverlayOnlyRoutePolicy: 'true',
});

/** Gateways of the pods of a subnet: as its spec has them, or the router where it has an address beside them. */
export function podGateways(network: Network, read: WorldRead): readonly string[] {
  if (network.link !== 'interconnection') return network.gateways;
  const own = ownAddress(network, 'interconnection', read)?.addresses ?? [];
  return network.gateways.map((gateway) => ofFamily(own, gateway) ?? gateway);
}

/** Whether its pods leave by the physical gateway towards nodes also. */
const excludesNodes = ({ link, vpc, interconnection }: Network, { defaultVpc }: Cluster): boolean =>
  link === 'interconnection' && (vpc === defaultVpc || interconnection.overlayOnly);

/** Whether its pods find Services at their node alone: nothing on their way there knows these addresses. */
export const reachesServicesByNodes = ({ link, vpc, balanced }: Network, { defaultVpc }: Cluster): boolean =>
  link === 'interconnection' && vpc === defaultVpc && !balanced;

/** The priorities at which a node's policies towards Services stand; empty when nobody needs them. */
export function servicePriorities(read: WorldRead): number[] {
  const needy = read.at('interconnections', only).filter((network) => reachesServicesByNodes(network, clusterOf(read)));
  const ranks = needy.map(({ interconnection }) =>
    interconnection.overlayOnly ? priority.servicesAtOnce : priority.services,
  );
  return [...new Set(ranks)].sort((a, b) => a - b);
}

/** The sets of the nodes' addresses; they exist as long as the subnet is interconnected. */
export function* excludedSets(network: Network, read: WorldRead): Generator<RowFact> {
  if (!excludesNodes(network, clusterOf(read))) return;
  const { name } = network;
  const { names } = excludedSetNames(network, read);
  const owner = ownerOf(subnetRef(name));
  for (const family of familiesOf(network)) {
    yield addressSet({ owner, key: excludedKey(family), name: names[family], external: ofSubnet(name) });
  }
}

const excludedKey = (family: Family): string => `u2o_exclude_ip/${family}`;

/** The addresses of a node in those sets. */
export function* excludedMembers(owner: Owner, addresses: readonly string[], read: WorldRead): Generator<Fact> {
  for (const network of read.at('interconnections', only)) {
    if (!excludesNodes(network, clusterOf(read))) continue;
    for (const address of addresses.filter((each) => ofFamily(network.cidrs, each) !== undefined)) {
      yield addressMember(excludedSetId(network.name, familyOf(address)), address, owner);
    }
  }
}

const excludedSetId = (subnet: string, family: Family): ReturnType<typeof addressSetId> =>
  addressSetId(ownerOf(subnetRef(subnet)), excludedKey(family));

/** The ranges of a VPC's overlay subnets, for the policies of those that take the router for them alone. */
export function* overlaySets(vpc: string, networks: readonly Network[]): Generator<Fact> {
  const isRead = networks.some(
    ({ link, interconnection }) => link === 'interconnection' && interconnection.overlayOnly,
  );
  if (!isRead) return;
  const owner = ownerOf(vpcRef(vpc));
  for (const family of families) {
    const name = overlaySetName(vpc, family);
    yield addressSet({ owner, key: overlayKey(family), name, external: { vpc, isU2OOverlayCIDRs: 'true' } });
  }
  for (const cidr of networks.filter((network) => network.vlan === '').flatMap(({ cidrs }) => cidrs)) {
    yield addressMember(addressSetId(owner, overlayKey(familyOf(cidr))), cidr, owner);
  }
}

const overlayKey = (family: Family): string => `u2o_overlay_cidrs/${family}`;

/** The policies of one subnet on the router of its VPC. */
export function* interconnectionPolicies(owner: Owner, network: Network, read: WorldRead): Generator<Fact> {
  const { vpc, name, interconnection } = network;
  for (const cidr of network.cidrs) {
    const gateway = ofFamily(network.gateways, cidr);
    if (gateway === undefined) continue;
    const subject = { owner, vpc, subnet: name, cidr, gateway, family: familyOf(cidr) };
    if (excludesNodes(network, clusterOf(read))) yield toNodes(subject, network, read);
    if (interconnection.overlayOnly) yield* overlayOnly(subject);
    else yield* everything(subject, vpc === clusterOf(read).defaultVpc);
  }
}

interface Subject {
  readonly owner: Owner;
  readonly vpc: string;
  readonly subnet: string;
  readonly cidr: string;
  readonly gateway: string;
  readonly family: Family;
}

type Rule = Pick<Policy, 'name' | 'priority' | 'match' | 'external'> & Partial<Pick<Policy, 'needs'>>;

const allow = ({ owner, vpc, family }: Subject, rule: Rule): Fact =>
  routerPolicy({ owner, vpc, ...rule, name: `${rule.name}/${family}`, action: 'allow' });

const byGateway = ({ owner, vpc, family, gateway }: Subject, rule: Rule): Fact =>
  routerPolicy({ owner, vpc, ...rule, name: `${rule.name}/${family}`, action: 'reroute', nexthops: [gateway] });

/** Nodes stand beside the physical gateway as a rule, and not behind the join subnet. */
function toNodes(subject: Subject, network: Network, read: WorldRead): Fact {
  const { subnet, cidr, family } = subject;
  const ids = network.interconnection.overlayOnly ? ofOverlayOnly(subnet) : ofSubnet(subnet);
  return byGateway(subject, {
    name: 'interconnection/nodes',
    priority: priority.nodes,
    match: `ip${family}.dst == $${excludedSetNames(network, read).names[family]} && ip${family}.src == ${cidr}`,
    external: ids,
    needs: [excludedSetId(subnet, family)],
  });
}

function* everything(subject: Subject, isDefaultVpc: boolean): Generator<Fact> {
  const { subnet, cidr, family } = subject;
  const external = ofSubnet(subnet);
  const to = { name: 'interconnection/to', priority: priority.toSubnet, match: `ip${family}.dst == ${cidr}`, external };
  if (isDefaultVpc) yield allow(subject, to);
  yield byGateway(subject, {
    name: 'interconnection/from',
    priority: priority.fromSubnet,
    match: `ip${family}.src == ${cidr}`,
    external,
  });
}

function* overlayOnly(subject: Subject): Generator<Fact> {
  const { vpc, subnet, cidr, family } = subject;
  const external = ofOverlayOnly(subnet);
  yield allow(subject, {
    name: 'interconnection/from-overlay',
    priority: priority.toSubnet,
    match: `ip${family}.src == $${overlaySetName(vpc, family)} && ip${family}.dst == ${cidr}`,
    external,
    needs: [addressSetId(ownerOf(vpcRef(vpc)), overlayKey(family))],
  });
  yield allow(subject, {
    name: 'interconnection/inside',
    priority: priority.insideSubnet,
    match: `ip${family}.src == ${cidr} && ip${family}.dst == ${cidr}`,
    external,
  });
  yield byGateway(subject, {
    name: 'interconnection/from',
    priority: priority.fromSubnetAtOnce,
    match: `ip${family}.src == ${cidr}`,
    external: ofSubnet(subnet),
  });
}
