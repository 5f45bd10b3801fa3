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
import { routerPolicy, routerPort, staticRoute } from '../nb/rows/router.ts';
import { logicalSwitch, routerTypePort } from '../nb/rows/switch.ts';
import { subnetDhcp } from './dhcp.ts';
import { gateway } from './gateway.ts';
import { isolation } from './isolation.ts';
import { routerPortNames } from './router-port-name.ts';
import { clusterOf, ofFamily, withLength } from './reconciler.ts';
import type { Reconciler, WorldRead } from './reconciler.ts';

export const subnet: Reconciler<SubnetRow> = {
  kind: 'Subnet',
  *desired(row, read) {
    const { name } = row.meta;
    const network = read.get('network', name);
    if (!network) {
      // Nothing is taken away because of a spec that cannot be read, unless all of it is to go and nobody uses it.
      if (row.meta.deleting && read.at('ipsBySubnet', name).length === 0) return;
      throw new Withheld(`subnet ${name} cannot be used`);
    }
    const cluster = clusterOf(read);
    if (network.overlay) {
      yield logicalSwitch(name);
      yield* subnetDhcp(network, read);
      yield* isolation(network, read.get('network', cluster.joinSubnet)?.cidrs ?? []);
      // A missing router narrows the subnet to itself; the problem is told by the status.
      if (read.get('vpc', network.vpc)) yield* attached(row, network, read);
    }
    yield item(network, cluster);
  },
};

/** Everything on the VPC's router that is there for this subnet. */
function* attached(row: SubnetRow, network: Network, read: WorldRead): Generator<Fact> {
  const { name, vpc } = network;
  const cluster = clusterOf(read);
  const owner = ownerOf(subnetRef(name));
  const { onRouter, onSwitch } = routerPortNames(network, read);
  const mac = derivedMac(cluster.salt, onRouter);
  const networks = withLength(network.gateways, network);
  yield routerPort({ owner, vpc, name: onRouter, mac, networks, routeTable: network.routeTable });
  yield routerTypePort(name, onSwitch, onRouter);
  for (const cidr of network.cidrs) yield allowed(owner, network, cidr);
  if (vpc !== cluster.defaultVpc) yield* sourceRoutes(owner, network);
  else if (name === cluster.joinSubnet) yield* defaultRoutes(owner, network, read);
  else yield* gateway(owner, row, network, read);
}

/**
 * Default routes to the join gateway. Policies decide where traffic goes, but OVN drops what has no route at all before
 * it asks them. One for each route table in use, since a table other than the main one has no other default. They are
 * the join subnet's own, so that they stay when its spec cannot be used any more.
 */
function* defaultRoutes(owner: Owner, { vpc, gateways }: Network, read: WorldRead): Generator<Fact> {
  const overlays = read.at('networksByVpc', vpc).filter(({ overlay }) => overlay);
  const tables = new Set(['', ...overlays.map(({ routeTable }) => routeTable)]);
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

/** In a VPC of its own, what comes from the subnet leaves by its gateway unless a policy or route says otherwise. */
function* sourceRoutes(owner: Owner, { name, vpc, cidrs, gateways, routeTable }: Network): Generator<Fact> {
  for (const prefix of cidrs) {
    const nexthop = ofFamily(gateways, prefix);
    if (nexthop === undefined) continue;
    yield staticRoute({ owner, vpc, prefix, nexthop, policy: 'src-ip', routeTable, external: { subnet: name } });
  }
}

const item = (network: Network, cluster: Cluster): Fact => ({
  plan: `subnet/${network.name}`,
  span: 'all',
  owner: ownerOf(subnetRef(network.name)),
  item: {
    kind: 'subnet',
    name: network.name,
    uid: network.uid,
    vpc: network.vpc,
    cidrs: network.cidrs,
    gateways: network.gateways,
    natOutgoing: network.natOutgoing,
    gatewayType: network.gatewayType,
    mtu: network.mtu,
    provider: network.provider,
    routedByNodes: network.overlay && network.vpc === cluster.defaultVpc,
  },
});
