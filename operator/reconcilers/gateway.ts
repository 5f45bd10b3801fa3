// How traffic of a subnet of the default VPC leaves the cluster. Distributed: by the node of the pod, which the policies
// of the nodes say for all such subnets at once (node.ts). Centralized: by chosen nodes, said here.
import type { Owner } from '../../lib/delta/fact.ts';
import type { Fact } from '../api/fact.ts';
import { matches, requiredLabel } from '../api/labels.ts';
import { nodeIpName, nodeRef } from '../api/refs.ts';
import type { Network, SubnetRow } from '../api/tables.ts';
import { routerPolicy as priority } from '../nb/priorities.ts';
import { routerPolicy } from '../nb/rows/router.ts';
import { assignment } from './assignment.ts';
import type { WorldRead } from './reconciler.ts';

export function* gateway(owner: Owner, row: SubnetRow, network: Network, read: WorldRead): Generator<Fact> {
  if (network.link !== 'gateway' || network.gatewayType !== 'centralized') return;
  const active = activeGateways(row, network, read);
  const joins = active.flatMap((node) => joinAddresses(node, read));
  for (const cidr of network.cidrs) {
    const v6 = cidr.includes(':');
    const nexthops = joins.filter((address) => address.includes(':') === v6);
    if (nexthops.length === 0) continue;
    yield routerPolicy({
      owner,
      vpc: network.vpc,
      name: `from/${v6 ? 6 : 4}`,
      priority: priority.gateway,
      match: `ip${v6 ? 6 : 4}.src == ${cidr}`,
      action: 'reroute',
      nexthops,
      external: { subnet: network.name },
    });
  }
}

/**
 * The nodes by which a centralized subnet leaves: all usable ones with ECMP, otherwise one. The one stays as long as it
 * is usable, as status.activateGateway remembers it; the order of gatewayNode counts only when choosing anew.
 */
export function activeGateways(row: SubnetRow, network: Network, read: WorldRead): string[] {
  const usable = gatewayNodes(network, read).filter(
    (node) => read.get('node', node)?.ready === true && joinAddresses(node, read).length > 0,
  );
  if (network.ecmp) return usable;
  return usable.includes(row.activeGateway) ? [row.activeGateway] : usable.slice(0, 1);
}

/** The nodes that are named, else those that are selected, in the order of their names. */
export function gatewayNodes({ gatewayNodes: named, gatewayNodeSelectors }: Network, read: WorldRead): string[] {
  if (named.length > 0) return [...named];
  const selected = gatewayNodeSelectors.flatMap((selector) =>
    read.at('nodesByLabel', requiredLabel(selector)).filter(({ meta }) => matches(selector, meta.labels)),
  );
  return [...new Set(selected.map(({ meta }) => meta.name))].sort();
}

/** A node's addresses on the join subnet, none before they are assigned. */
function joinAddresses(name: string, read: WorldRead): readonly string[] {
  const node = read.get('node', name);
  if (!node) return [];
  const claimant = { ip: nodeIpName(name), ref: nodeRef(name), uid: node.meta.uid };
  return assignment(claimant, read)?.ip.addresses ?? [];
}
