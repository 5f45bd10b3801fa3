// Routes of the node into OVN, and for subnets with an external egress gateway the rules and route tables that lead what
// leaves to it. Undefined means "not known yet": the driver is left alone, so nothing is pruned for want of knowledge.
import { containsIp, parseCidr, parseIp } from '../lib/net/index.ts';
import { NODE_PORT } from './desired.ts';
import type { Want, Wanted } from './drivers/driver.ts';
import { PROBE_MARKS } from './drivers/iptables-rules.ts';
import { EVERYTHING, LOCAL, routeKey, routeText } from './drivers/route.ts';
import { RULE_TEXT, ruleKey } from './drivers/rule.ts';
import type { ExternalEgressSpec, NodeSpec, SubnetSpec } from './items.ts';
import { family, host, ofFamily } from './state.ts';
import type { NodeState } from './state.ts';

export function routeWant(state: NodeState): Want | undefined {
  const node = state.node;
  if (!state.complete || node === undefined || !state.links.has(NODE_PORT)) return undefined;
  // The join network first: by it gateways are reached. It is a subnet as well, and what is said of that comes second.
  const own = new Map(joinRoutes(node));
  return new Map([
    ...own,
    ...[...subnetRoutes(state, node.item)].filter(([key]) => !own.has(key)),
    ...egressRoutes(state),
    ...probeRoutes(state),
  ]);
}

function* joinRoutes({ key, item: { join } }: NonNullable<NodeState['node']>): Iterable<[string, Wanted]> {
  for (const cidr of join.cidrs) {
    const address = ofFamily(join.addresses, family(cidr));
    if (address === undefined) continue;
    const text = routeText({ dev: NODE_PORT, gateway: '', source: host(address) });
    yield [routeKey(cidr), { text, from: key }];
  }
}

function* subnetRoutes({ subnets }: NodeState, node: NodeSpec): Iterable<[string, Wanted]> {
  for (const { key, item } of subnets.filter(({ item }) => item.routedByNodes))
    for (const cidr of item.cidrs) {
      const text = subnetRoute(cidr, node);
      if (text !== undefined) yield [routeKey(cidr), { text, from: key }];
    }
}

/** The kernel finds the link by which a gateway is reached. */
function* egressRoutes(state: NodeState): Iterable<[string, Wanted]> {
  for (const { key, egress } of passing(state))
    for (const gateway of egress.gateways) {
      const text = routeText({ dev: '', gateway, source: '' });
      yield [routeKey(EVERYTHING[family(gateway)], egress.table), { text, from: key }];
    }
}

/** Kube-OVN's table, in which everything is the node's own. */
const PROBE_TABLE = 10_001;
/** Before the main table's, and behind those of users. */
const PROBE_PRIORITY = 32_000;

/** The families in which probes are led into pods. */
const probeFamilies = ({ captured = [] }: NodeState): (4 | 6)[] =>
  ([4, 6] as const).filter((af) => captured.some(({ address }) => family(address) === af));

function* probeRoutes(state: NodeState): Iterable<[string, Wanted]> {
  for (const af of probeFamilies(state))
    yield [routeKey(EVERYTHING[af], PROBE_TABLE), { text: LOCAL, from: state.node?.key ?? '' }];
}

function* probeRules(state: NodeState): Iterable<[string, Wanted]> {
  for (const af of probeFamilies(state))
    for (const mark of Object.values(PROBE_MARKS)) {
      const key = ruleKey({ from: EVERYTHING[af], mark, table: PROBE_TABLE, priority: PROBE_PRIORITY });
      yield [key, { text: RULE_TEXT, from: state.node?.key ?? '' }];
    }
}

function subnetRoute(cidr: string, { join, internalIps }: NodeSpec): string | undefined {
  const gateway = ofFamily(join.gateways, family(cidr));
  if (gateway === undefined || holdsAny(cidr, internalIps)) return undefined;
  return routeText({ dev: NODE_PORT, gateway, source: ofFamily(internalIps, family(cidr)) ?? '' });
}

/** A subnet that holds the node's own address must not take the node's traffic away from its NIC. */
function holdsAny(cidr: string, ips: readonly string[]): boolean {
  const net = parseCidr(cidr);
  return ips.some((text) => {
    const ip = parseIp(text);
    return net !== undefined && ip !== undefined && net.family === ip.family && containsIp(net, ip);
  });
}

export function ruleWant(state: NodeState): Want | undefined {
  if (!state.complete || state.node === undefined) return undefined;
  const want = new Map<string, Wanted>(probeRules(state));
  for (const { key, egress, sources } of passing(state))
    for (const gateway of egress.gateways)
      for (const from of sources.filter((source) => family(source) === family(gateway)))
        want.set(ruleKey({ from, table: egress.table, priority: egress.priority }), { text: RULE_TEXT, from: key });
  return want;
}

interface Passing {
  readonly key: string;
  readonly egress: ExternalEgressSpec;
  /** Whose traffic this node passes on: all of a centralized subnet, single pods of a distributed one. */
  readonly sources: readonly string[];
}

/** Subnets whose traffic this node passes on to a gateway outside. */
function* passing({ node, subnets, passed }: NodeState): Iterable<Passing> {
  for (const { key, item } of subnets) {
    if (item.externalEgress === undefined) continue;
    const pods = passed.filter(({ item: port }) => port.subnet === item.name);
    const sources = isPerPod(item)
      ? pods.flatMap(({ item: port }) => port.addresses.map(host))
      : item.gatewayNodes.some(({ name }) => name === node?.item.name)
        ? item.cidrs
        : [];
    if (sources.length > 0) yield { key, egress: item.externalEgress, sources };
  }
}

/** Each node passes on what its own pods send, and is asked for their ports. */
export const isPerPod = ({ externalEgress, gatewayType }: SubnetSpec): boolean =>
  externalEgress !== undefined && gatewayType === 'distributed';

/** Links by which gateways outside are reached: the kernel takes routes away with them, and tells nobody. */
export function egressLinks({ subnets, links }: NodeState): string[] {
  const gateways = subnets.flatMap(({ item }) => item.externalEgress?.gateways ?? []).map(parseIp);
  const reaches = (prefix: string): boolean => {
    const net = parseCidr(prefix);
    return gateways.some((ip) => net !== undefined && ip?.family === net.family && containsIp(net, ip));
  };
  return gateways.length === 0
    ? []
    : [...links.values()].filter(({ addresses }) => addresses.some(reaches)).map(({ name }) => name);
}
