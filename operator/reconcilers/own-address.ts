// Addresses that a subnet needs for itself: the router's in an underlay subnet, and the one by which it asks for
// multicast. They are assigned like those of pods, and their IP objects have Kube-OVN's names and fields.
import { interconnectionIpName, querierIpName, subnetRef } from '../api/refs.ts';
import type { Demand, IpRow, Network } from '../api/tables.ts';
import { assignment } from './assignment.ts';
import type { Projection, WorldRead } from './reconciler.ts';

/** A purpose for which a subnet can need an address. */
export type Purpose = 'interconnection' | 'querier';

const purposes: readonly Purpose[] = ['interconnection', 'querier'];

/** Where Kube-OVN says that such an address is. */
const namespace = 'default';

export const ownIpName = ({ vpc, name }: Network, purpose: Purpose): string =>
  purpose === 'querier' ? querierIpName(name) : interconnectionIpName(vpc, name);

const needs = ({ switched, link, multicastSnoop, cidrs }: Network, purpose: Purpose): boolean =>
  purpose === 'querier' ? multicastSnoop && switched && cidrs.length > 0 : link === 'interconnection';

/** Table `demand`, of networks. A subnet that is being deleted needs nothing once nobody else has an address there. */
export const subnetDemand: Projection<Network, Demand> = function* (network, read) {
  const { name, uid, deleting } = network;
  if (deleting && addressesOfOthers(name, read) === 0) return;
  for (const purpose of purposes.filter((each) => needs(network, each))) {
    const ip = ownIpName(network, purpose);
    const fixed = purpose === 'interconnection' ? network.interconnection.addresses : [];
    const demand: Demand = {
      ip,
      owner: subnetRef(name),
      uid,
      node: '',
      subnets: [name],
      podName: ip,
      namespace,
      podType: '',
      labels: {},
      moves: true,
      ...(fixed.length > 0 && { wish: { fixed: [fixed] } }),
    };
    yield [ip, demand];
  }
};

/** The names of the demands that the subnet has now. */
export const ownDemands = (network: Network): string[] =>
  purposes.filter((each) => needs(network, each)).map((each) => ownIpName(network, each));

/**
 * The subnet's address for a purpose; undefined when it needs none, before it is assigned, and as soon as it is to go:
 * what was built with it goes first.
 */
export function ownAddress(network: Network, purpose: Purpose, read: WorldRead): IpRow | undefined {
  if (!needs(network, purpose)) return undefined;
  const ip = ownIpName(network, purpose);
  // Kube-OVN's objects name nobody but themselves.
  const ref = { ...subnetRef(ip), namespace };
  const assigned = assignment({ ip, ref, uid: network.uid }, read);
  return assigned && !assigned.ip.meta.deleting ? assigned.ip : undefined;
}

/** How many objects other than its own hold addresses of the subnet. The list is as long as the subnet has addresses. */
export const addressesOfOthers = (subnet: string, read: WorldRead): number =>
  read.at('ipsBySubnet', subnet).filter((ip) => !isOwn(ip)).length + read.at('holdingsBySubnet', subnet).length;

/** Pods and nodes have other names than their IP objects. */
export const isOwn = ({ meta, podName }: IpRow): boolean => podName === meta.name;
