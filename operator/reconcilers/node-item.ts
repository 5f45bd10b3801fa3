// What nodes are told of nodes: each of itself, and all of the addresses of all.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { Fact } from '../api/fact.ts';
import { nodeNetworks } from '../api/node-networks.ts';
import type { NodeNetworks } from '../api/node-networks.ts';
import { nodeIpName, nodeRef, only } from '../api/refs.ts';
import type { NodeRow } from '../api/tables.ts';
import type { Assignment } from './assignment.ts';
import { clusterOf, withLength } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';

/** Sent before the join address is known too: the node needs the southbound remotes first of all. */
export function nodeItem(row: NodeRow, join: Assignment | undefined, read: WorldRead): Fact {
  const { name, uid } = row.meta;
  return {
    plan: `node/${name}`,
    span: new Set([name]),
    owner: ownerOf(nodeRef(name)),
    item: {
      kind: 'node',
      name,
      uid,
      internalIps: row.internalIps,
      join: {
        ifaceId: nodeIpName(name),
        mac: join?.ip.mac ?? '',
        addresses: join ? withLength(join.ip.addresses, join.network) : [],
        gateways: join?.network.gateways ?? [],
        cidrs: join?.network.cidrs ?? [],
      },
      southbound: southbound(read),
      serviceCidrs: serviceCidrs(read),
      networks: networksOf(row).networks,
    },
  };
}

/** Addresses for the tunnels of subnets that name them. */
export const networksOf = ({ meta }: NodeRow): NodeNetworks =>
  nodeNetworks(meta.annotations['ovn.kubernetes.io/node_networks'] ?? '');

/** Those of the setting, and those of ServiceCIDR objects; a cluster that has the latter names the former there again. */
export const serviceCidrs = (read: WorldRead): string[] => [
  ...new Set([
    ...clusterOf(read).serviceCidrs,
    ...read
      .at('serviceCidrs', only)
      .flatMap(({ cidrs }) => cidrs)
      .sort(),
  ]),
];

/** All members, also those that are not ready: a client tries one after the other. */
function southbound(read: WorldRead): string[] {
  const { scheme, port } = clusterOf(read).southbound;
  const hosts = read.at('centrals', only).map(({ hostIp }) => (hostIp.includes(':') ? `[${hostIp}]` : hostIp));
  return [...new Set(hosts)].sort().map((address) => `${scheme}:${address}:${port}`);
}

export const peerItem = ({ meta: { name }, internalIps }: NodeRow): Fact => ({
  plan: `peer/${name}`,
  span: 'all',
  owner: ownerOf(nodeRef(name)),
  item: { kind: 'peer', name, internalIps },
});
