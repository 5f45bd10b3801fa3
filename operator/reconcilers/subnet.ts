// A subnet in OVN and on the nodes: its logical switch, the link to its VPC's router, the way out of it, and its plan
// item. What is wrong with it is said in subnet-status.ts.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { Owner } from '../../lib/delta/fact.ts';
import { derivedMac } from '../../lib/net/index.ts';
import type { Fact } from '../api/fact.ts';
import { subnetRef } from '../api/refs.ts';
import type { Cluster, Network, SubnetRow } from '../api/tables.ts';
import { Withheld } from '../api/withheld.ts';
import { routerPolicy as priority } from '../nb/priorities.ts';
import { balancersOn } from '../nb/rows/load-balancer.ts';
import { routerPolicy, routerPort, staticRoute } from '../nb/rows/router.ts';
import { logicalSwitch, routerTypePort, switchId } from '../nb/rows/switch.ts';
import { subnetDhcp } from './dhcp.ts';
import { gateway } from './gateway.ts';
import { excludedSets, interconnectionPolicies } from './interconnection.ts';
import { isolation } from './isolation.ts';
import { querierPort, snooping } from './multicast.ts';
import { addressesOfOthers, ownAddress } from './own-address.ts';
import { routerPortNames } from './router-port-name.ts';
import { subnetItem } from './subnet-item.ts';
import { clusterOf, ofFamily, withLength } from './reconciler.ts';
import type { Entry, Reconciler, WorldRead } from './reconciler.ts';
import { localnet } from './underlay.ts';
import { defaultKey, everything } from './vpc-routes.ts';
import { virtualPorts } from './virtual-port.ts';
import { borrowerOf } from './vip-holding.ts';

export const subnet: Reconciler<SubnetRow> = {
  kind: 'Subnet',
  *desired(row, read) {
    const { name } = row.meta;
    const network = read.get('network', name);
    // Nothing is taken away because of a spec that cannot be read, or a Vlan that went first, unless all of it is to go and
    // nobody uses it.
    const isUsable = network && read.get('checked', name)?.network;
    if (!isUsable && row.meta.deleting && addressesOfOthers(name, read) === 0) return;
    if (!network) throw new Withheld(`subnet ${name} cannot be used`);
    if (network.switched) {
      yield* switched(network, read);
      // A missing router narrows the subnet to itself; the problem is told by the status.
      if (read.get('realm', network.vpc)) {
        if (network.balanced) yield* balancersOn(onSwitch(name), network.vpc, ownerOf(subnetRef(name)));
        yield* attached(network, read);
      }
    }
    yield subnetItem(network, read);
  },
};

const onSwitch = (name: string): Parameters<typeof balancersOn>[0] => ({ row: 'Logical_Switch', id: switchId(name) });

/** The switch, what it does for its pods, and who may talk to them. */
function* switched(network: Network, read: WorldRead): Generator<Fact | Entry> {
  const { name } = network;
  const owner = ownerOf(subnetRef(name));
  yield logicalSwitch(name, snooping(network, read));
  if (network.vlan !== '') yield localnet(network, read);
  yield* querierPort(owner, network, read);
  yield* virtualPorts(owner, network, read);
  yield* subnetDhcp(network, read);
  yield* excludedSets(network, read);
  yield* isolation(network, read.get('network', clusterOf(read).joinSubnet)?.cidrs ?? [], read);
}

/** Everything on the VPC's router that is there for this subnet. */
function* attached(network: Network, read: WorldRead): Generator<Fact> {
  const end = routersEnd(network, read);
  if (!end) return;
  const { name, vpc, routeTable, advertised = {} } = network;
  const cluster = clusterOf(read);
  const owner = ownerOf(subnetRef(name));
  const { onRouter, onSwitch } = routerPortNames(network, read);
  yield routerPort({ owner, vpc, name: onRouter, ...end, routeTable, advertised });
  yield routerTypePort({ subnet: name, name: onSwitch, routerPort: onRouter, proxied: proxied(name, read) });
  if (network.link === 'interconnection') yield* interconnectionPolicies(owner, network, read);
  if (isRoutedAsUsual(network, cluster)) for (const cidr of network.cidrs) yield allowed(owner, network, cidr);
  if (vpc !== cluster.defaultVpc) yield* ownRoutes(owner, network, read);
  else if (name === cluster.joinSubnet) yield* defaultRoutes(owner, network, read);
  else yield* gateway(owner, network, read);
}

/** MAC and addresses of the router's port; undefined where there is none, or as long as it has no address. */
function routersEnd(
  network: Network,
  read: WorldRead,
): { readonly mac: string; readonly networks: readonly string[] } | undefined {
  if (network.link === 'none') return undefined;
  if (network.link === 'interconnection') {
    const own = ownAddress(network, 'interconnection', read);
    return own && { mac: own.mac, networks: withLength(own.addresses, network) };
  }
  const mac = derivedMac(clusterOf(read).salt, routerPortNames(network, read).onRouter);
  return { mac, networks: withLength(network.gateways, network) };
}

/** An interconnected subnet has policies of its own that say so, of other priorities. */
const isRoutedAsUsual = ({ link, vpc, interconnection }: Network, { defaultVpc }: Cluster): boolean =>
  link === 'gateway' || (vpc !== defaultVpc && !interconnection.overlayOnly);

/** Addresses of load balancers on the switch. IPv4 first, so that the text depends on nothing else. */
function proxied(subnet: string, read: WorldRead): string[] {
  const vips = read.at('proxiesBySubnet', subnet).filter((vip) => borrowerOf(vip, read) === undefined);
  return [...new Set(vips.flatMap(({ addresses }) => addresses))].sort();
}

/**
 * Default routes to the join gateway. Policies decide where traffic goes, but OVN drops what has no route at all before
 * it asks them. One for each route table in use, since a table other than the main one has no other default. They are
 * the join subnet's own, so that they stay when its spec cannot be used any more.
 */
function* defaultRoutes(owner: Owner, { vpc, gateways }: Network, read: WorldRead): Generator<Fact> {
  const attached = read.at('networksByVpc', vpc).filter(({ link }) => link !== 'none');
  const tables = new Set(['', ...attached.map(({ routeTable }) => routeTable)]);
  for (const prefix of ['0.0.0.0/0', '::/0']) {
    const nexthop = ofFamily(gateways, prefix);
    if (nexthop === undefined) continue;
    for (const routeTable of tables) {
      yield staticRoute({ owner, vpc, prefix, nexthop, policy: 'dst-ip', routeTable });
    }
  }
}

const family = (cidr: string): 4 | 6 => (cidr.includes(':') ? 6 : 4);

/** Traffic towards the subnet is routed as usual, before any policy sends it elsewhere. */
const allowed = (owner: Owner, { name, vpc }: Network, cidr: string): Fact =>
  routerPolicy({
    owner,
    vpc,
    name: `to/${family(cidr)}`,
    priority: priority.subnet,
    match: `ip${family(cidr)}.dst == ${cidr}`,
    action: 'allow',
    external: { subnet: name },
  });

/**
 * In a VPC of its own, what comes from an interconnected subnet leaves by its physical gateway. An overlay has no way out
 * but what policies and routes of the user say, and policies are asked of what has a route only: one default route for
 * all, which loses against every other. A route of length 0 by source would not do: it has the priority of OVN's drop.
 */
function* ownRoutes(owner: Owner, network: Network, read: WorldRead): Generator<Fact> {
  const { name, vpc, link, cidrs, gateways, routeTable } = network;
  for (const cidr of cidrs) {
    const nexthop = ofFamily(gateways, cidr);
    if (nexthop === undefined || (link === 'gateway' && !isFirst(network, cidr, read))) continue;
    const [prefix, policy] =
      link === 'gateway' ? ([everything[family(cidr)], 'dst-ip'] as const) : ([cidr, 'src-ip'] as const);
    yield staticRoute({ owner, vpc, prefix, nexthop, policy, routeTable, external: { subnet: name } });
  }
}

/**
 * Of the overlay subnets of a VPC that share a route table and a family, one says it for all; none does beside a default
 * route of the user's, which would share the traffic with it.
 */
function isFirst({ name, vpc, routeTable }: Network, cidr: string, read: WorldRead): boolean {
  if (read.get('realm', vpc)?.defaults.includes(defaultKey(family(cidr), routeTable))) return false;
  const alike = read
    .at('networksByVpc', vpc)
    .filter((other) => other.link === 'gateway' && other.routeTable === routeTable && ofFamily(other.cidrs, cidr));
  return alike.every((other) => other.name >= name);
}
