// What the allocator needs to know of a subnet: its range, and what nobody is given though it lies inside.
import { containsIp, derivedMac, parseCidr, parseIp } from '../../lib/net/index.ts';
import { overlapKeys } from '../api/keys.ts';
import type { Network, Space } from '../api/tables.ts';
import { nodeScope } from './network.ts';
import { clusterOf } from './reconciler.ts';
import type { Projection, WorldRead } from './reconciler.ts';
import { routerPortNames } from './router-port-name.ts';

/** Table `space`. */
export const space: Projection<Network, Space> = function* (network, read) {
  const { name, cidrs, excludeIps, gateways, deleting } = network;
  yield [
    name,
    { name, cidrs, excludeIps, gateways, deleting, reserved: ofNodes(network, read), mac: routerMac(network, read) },
  ];
};

/** InternalIPs of nodes that stand in the subnet, as they may in an underlay, or came when it was there. */
function ofNodes({ cidrs, switched }: Network, read: WorldRead): string[] {
  if (!switched) return [];
  const found = cidrs.map(parseCidr).flatMap((cidr) => {
    const nodes = cidr ? overlapKeys(nodeScope, cidr).flatMap((key) => [...read.at('nodesByBlock', key)]) : [];
    return nodes.flatMap(({ internalIps }) =>
      internalIps.filter((text) => {
        const ip = parseIp(text);
        return ip !== undefined && cidr !== undefined && containsIp(cidr, ip);
      }),
    );
  });
  return [...new Set(found)].sort();
}

/** Of the router's port, '' without one: a pod with that MAC would take what goes to the gateway. */
const routerMac = (network: Network, read: WorldRead): string =>
  network.link === 'none' ? '' : derivedMac(clusterOf(read).salt, routerPortNames(network, read).onRouter);
