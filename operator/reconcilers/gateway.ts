// How traffic of a subnet of the default VPC leaves the cluster. Distributed: by the node of the pod, which the policies
// of the nodes say for all such subnets at once (node.ts). Centralized: by chosen nodes, said here.
import type { Owner } from '../../lib/delta/fact.ts';
import type { Fact } from '../api/fact.ts';
import { matches, requiredLabel } from '../api/labels.ts';
import { nodeIpName, nodeRef } from '../api/refs.ts';
import type { GatewayNode, Network, WayOut } from '../api/tables.ts';
import { routerPolicy as priority } from '../nb/priorities.ts';
import { routerPolicy } from '../nb/rows/router.ts';
import { assignment } from './assignment.ts';
import { clusterOf, ofFamily } from './reconciler.ts';
import type { Projection, WorldRead } from './reconciler.ts';

/** Table `wayOut`. */
export const wayOut: Projection<Network, WayOut> = function* (network, read) {
  if (!isCentralized(network, read)) return;
  const listed = gatewayNodes(network, read).map((name) => ({ name, joins: joinAddresses(name, read) }));
  yield [network.name, { listed, active: active(network, listed, read) }];
};

/** Leaves the default VPC by nodes of its own. */
function isCentralized({ name, vpc, link, gatewayType }: Network, read: WorldRead): boolean {
  const { defaultVpc, joinSubnet } = clusterOf(read);
  return link === 'gateway' && gatewayType === 'centralized' && vpc === defaultVpc && name !== joinSubnet;
}

/**
 * All usable nodes with ECMP, otherwise one. The one stays as long as it is usable, as status.activateGateway remembers
 * it; the order of gatewayNode counts only when choosing anew. A node that others cannot reach is as good as none, but
 * when there is no better one: then it may be those others who are cut off.
 */
function active({ name, ecmp }: Network, listed: readonly GatewayNode[], read: WorldRead): GatewayNode[] {
  const ready = listed.filter((node) => node.joins.length > 0 && read.get('node', node.name)?.ready === true);
  const reached = ready.filter((node) => read.get('lost', node.name) === undefined);
  const usable = reached.length > 0 ? reached : ready;
  if (ecmp) return usable;
  const chosen = read.get('subnet', name)?.activeGateway;
  return [usable.find((node) => node.name === chosen) ?? usable[0]].filter((node) => node !== undefined);
}

export function* gateway(owner: Owner, network: Network, read: WorldRead): Generator<Fact> {
  const chosen = read.get('wayOut', network.name)?.active ?? [];
  for (const cidr of network.cidrs) {
    const hops = nextHops(chosen, cidr);
    if (hops.length === 0) continue;
    yield routerPolicy({
      owner,
      vpc: network.vpc,
      name: `from/${cidr.includes(':') ? 6 : 4}`,
      priority: priority.gateway,
      match: sourceMatch(cidr),
      action: 'reroute',
      nexthops: hops.map(({ address }) => address),
      external: { ...Object.fromEntries(hops.map(({ node, address }) => [node, address])), subnet: network.name },
    });
  }
}

/** What the policy of a centralized subnet matches, or of a single address. */
export const sourceMatch = (cidr: string): string => `ip${cidr.includes(':') ? 6 : 4}.src == ${cidr}`;

/** Of the family of the CIDR, one for each node that has such an address. */
export const nextHops = (nodes: readonly GatewayNode[], cidr: string): { node: string; address: string }[] =>
  nodes.flatMap(({ name, joins }) => {
    const address = ofFamily(joins, cidr);
    return address === undefined ? [] : [{ node: name, address }];
  });

/** The nodes that are named, else those that are selected, in the order of their names. */
function gatewayNodes({ gatewayNodes: named, gatewayNodeSelectors }: Network, read: WorldRead): string[] {
  if (named.length > 0) return [...named];
  const selected = gatewayNodeSelectors.flatMap((selector) =>
    read.at('nodesByLabel', requiredLabel(selector)).filter(({ meta }) => matches(selector, meta.labels)),
  );
  return [...new Set(selected.map(({ meta }) => meta.name))].sort();
}

/** A node's addresses on the join subnet, none before they are assigned. */
export function joinAddresses(name: string, read: WorldRead): readonly string[] {
  const node = read.get('node', name);
  if (!node) return [];
  const claimant = { ip: nodeIpName(name), ref: nodeRef(name), uid: node.meta.uid };
  return assignment(claimant, read)?.ip.addresses ?? [];
}
