// What the node's ipsets and iptables should be. Undefined means "not known yet": the driver is left alone, so nothing is
// pruned for want of knowledge.
import type { Want, Wanted } from './drivers/driver.ts';
import { addressSetText, IPSET_NAMES, ipsetName, ipsetText, natRuleSet } from './drivers/ipset.ts';
import type { IpsetName } from './drivers/ipset.ts';
import { rules } from './drivers/iptables-rules.ts';
import type { RuleInput, SubnetRules } from './drivers/iptables-rules.ts';
import { tableKey, tableText } from './drivers/iptables.ts';
import type { NodeSpec, SubnetSpec } from './items.ts';
import { family, ofFamily } from './state.ts';
import type { NodeState } from './state.ts';

type Family = 4 | 6;

/** The subnets whose traffic leaves the cluster by nodes; the same list is counted. */
const leaving = ({ subnets }: NodeState): SubnetSpec[] =>
  subnets.map(({ item }) => item).filter(({ routedByNodes, routesOnly }) => routedByNodes && !routesOnly);

const hasNatRules = ({ natOutgoing, natRules }: SubnetSpec): boolean => natOutgoing && natRules.length > 0;

function setMembers(state: NodeState, node: NodeSpec): Record<IpsetName, readonly string[]> {
  const all = leaving(state);
  const cidrs = (which: (subnet: SubnetSpec) => boolean): string[] => all.filter(which).flatMap(({ cidrs }) => cidrs);
  return {
    services: node.serviceCidrs,
    subnets: [...node.join.cidrs, ...cidrs(() => true)],
    'subnets-nat': cidrs(({ natOutgoing }) => natOutgoing),
    'subnets-distributed-gw': cidrs(({ gatewayType }) => gatewayType === 'distributed'),
    'subnets-nat-policy': cidrs(hasNatRules),
    'other-node': state.peers.filter(({ name }) => name !== node.name).flatMap(({ internalIps }) => internalIps),
  };
}

/** Families that the cluster's networks have; a node may run without IPv6 altogether. */
function families(state: NodeState, node: NodeSpec): readonly Family[] {
  const cidrs = [...node.join.cidrs, ...node.serviceCidrs, ...state.subnets.flatMap(({ item }) => item.cidrs)];
  return ([4, 6] as const).filter((wanted) => ofFamily(cidrs, wanted) !== undefined);
}

export function ipsetWant(state: NodeState): Want | undefined {
  const node = state.node;
  if (!state.complete || node === undefined) return undefined;
  const members = setMembers(state, node.item);
  return new Map(
    families(state, node.item).flatMap((af): [string, Wanted][] => [
      ...IPSET_NAMES.map((name): [string, Wanted] => [
        ipsetName(af, name),
        { text: ipsetText(members[name], af), from: node.key },
      ]),
      // Kube-OVN filled it once; whoever looks for it finds it.
      [ipsetName(af, 'local-pod-ip-nat'), { text: addressSetText(af), from: node.key }],
      ...natRuleSets(state, af),
    ]),
  );
}

function* natRuleSets({ subnets }: NodeState, af: Family): Iterable<[string, Wanted]> {
  for (const { key, item } of subnets.filter(({ item }) => hasNatRules(item)))
    for (const { id, sources, targets } of item.natRules.filter((rule) => isOf(rule, af))) {
      if (sources.length > 0) yield [natRuleSet(af, id, 'src'), { text: ipsetText(sources, af), from: key }];
      if (targets.length > 0) yield [natRuleSet(af, id, 'dst'), { text: ipsetText(targets, af), from: key }];
    }
}

/** Its addresses are of one family; without any it is of each. */
const isOf = ({ sources, targets }: SubnetSpec['natRules'][number], af: Family): boolean =>
  [...sources, ...targets].every((text) => family(text) === af);

export function iptablesWant(state: NodeState): Want | undefined {
  const node = state.node;
  if (!state.complete || node === undefined) return undefined;
  // What leaves pods by their first interface is another plugin's, and so are its rules.
  if (state.settings.nonPrimary) return new Map();
  return new Map(
    families(state, node.item).flatMap((af) =>
      [...rules(ruleInput(state, node.item, af))].map(([name, table]): [string, Wanted] => [
        tableKey(af, name),
        { text: tableText(table), from: node.key },
      ]),
    ),
  );
}

function ruleInput(state: NodeState, node: NodeSpec, af: Family): RuleInput {
  const { randomFully, proxySets } = state;
  const subnets = leaving(state)
    .flatMap((subnet) => subnetRules(subnet, node, af))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    family: af,
    nodeIp: ofFamily(node.internalIps, af) ?? '',
    randomFully,
    proxySets,
    subnets,
    ...(state.captured !== undefined && { captured: state.captured }),
  };
}

function subnetRules(subnet: SubnetSpec, node: NodeSpec, af: Family): SubnetRules[] {
  const cidr = ofFamily(subnet.cidrs, af);
  if (cidr === undefined) return [];
  const here = subnet.gatewayNodes.find(({ name }) => name === node.name);
  const egressIp = subnet.natOutgoing ? ofFamily(here?.egressIps ?? [], af) : undefined;
  const natRules = hasNatRules(subnet)
    ? subnet.natRules
        .filter((rule) => isOf(rule, af))
        .map(({ id, action, sources, targets }) => ({
          action,
          ...(sources.length > 0 && { source: natRuleSet(af, id, 'src') }),
          ...(targets.length > 0 && { target: natRuleSet(af, id, 'dst') }),
        }))
    : [];
  return [{ name: subnet.name, uid: subnet.uid, cidr, natRules, ...(egressIp !== undefined && { egressIp }) }];
}
