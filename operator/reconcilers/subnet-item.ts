// What nodes are told of a subnet: routes to it, and what is done with its traffic where it leaves the cluster by them.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { isUsable } from '../api/egress.ts';
import type { Fact } from '../api/fact.ts';
import { subnetRef } from '../api/refs.ts';
import type { Cluster, Network, WayOut } from '../api/tables.ts';
import type { GatewayNodeItem, SubnetItem } from '../plan/item.ts';
import { reachesServicesByNodes } from './interconnection.ts';
import { clusterOf } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';

export function subnetItem(network: Network, read: WorldRead): Fact {
  const cluster = clusterOf(read);
  const leaves = leavesByNodes(network, cluster);
  const routesOnly = !leaves && reachesServicesByNodes(network, cluster);
  const item: SubnetItem = {
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
    routedByNodes: leaves || routesOnly,
    routesOnly,
    natRules: leaves ? network.natRules : [],
    gatewayNodes: gatewayNodes(network, read.get('wayOut', network.name)),
    ...(leaves && egress(network)),
  };
  return { plan: `subnet/${network.name}`, span: 'all', owner: ownerOf(subnetRef(network.name)), item };
}

const leavesByNodes = ({ link, vpc }: Network, { defaultVpc }: Cluster): boolean =>
  link === 'gateway' && vpc === defaultVpc;

/** An address of its own is a form of NAT. */
function gatewayNodes({ natOutgoing, egressIps }: Network, way: WayOut | undefined): GatewayNodeItem[] {
  return (way?.listed ?? []).map(({ name, joins }) => ({
    name,
    joinAddresses: joins,
    egressIps: natOutgoing ? egressIps.filter(({ node }) => node === name).map(({ ip }) => ip) : [],
  }));
}

const egress = ({ externalEgress }: Network): Pick<SubnetItem, 'externalEgress'> =>
  externalEgress && isUsable(externalEgress) ? { externalEgress } : {};
