// What nodes do with traffic of a subnet that leaves the cluster by them, as its spec has it: exceptions from NAT, source
// addresses of single nodes, and a gateway outside.
import { createHash } from 'node:crypto';
import { canonicalIp } from '../../lib/net/index.ts';
import type { JsonObject } from './fact.ts';
import { commaList } from './json.ts';
import type { SubnetSpec } from './subnet.gen.ts';
import type { Finding } from './tables.ts';

/** An exception from NAT, in its place among the others: the first that matches decides. */
export interface NatRule {
  /** Names its sets on the nodes. */
  readonly id: string;
  readonly action: 'nat' | 'forward';
  /** Addresses and CIDRs of one family; empty is any. */
  readonly sources: readonly string[];
  readonly targets: readonly string[];
}

/** The address with which what leaves by a node leaves. */
export interface EgressIp {
  readonly node: string;
  readonly ip: string;
}

/** A router outside, to which gateway nodes pass what leaves. */
export interface ExternalEgress {
  readonly gateways: readonly string[];
  /** Route table of the nodes, and priority of the rules that lead there. */
  readonly table: number;
  readonly priority: number;
}

export interface Egress {
  readonly natRules: readonly NatRule[];
  readonly egressIps: readonly EgressIp[];
  readonly externalEgress?: ExternalEgress;
}

type Rule = NonNullable<SubnetSpec['natOutgoingPolicyRules']>[number];

const actions: ReadonlySet<unknown> = new Set<NatRule['action']>(['nat', 'forward']);
const isAction = (action: unknown): action is NatRule['action'] => actions.has(action);

/** Without NAT there is nothing to except from it. */
const rulesOf = ({ natOutgoing, natOutgoingPolicyRules = [] }: SubnetSpec): readonly Rule[] =>
  natOutgoing === true ? natOutgoingPolicyRules : [];

/** Kube-OVN's: people find the sets of a rule on the nodes by the id that the status tells. */
function idOf(subnet: string, index: number, { match: { srcIPs = '', dstIPs = '' } = {}, action = '' }: Rule): string {
  const match = { ...(srcIPs !== '' && { srcIPs }), ...(dstIPs !== '' && { dstIPs }) };
  const text = `${subnet}${index}${JSON.stringify({ match, action })}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

export function egressOf(subnet: string, spec: SubnetSpec): Egress {
  const gateways = commaList(spec.externalEgressGateway ?? '').map((text) => canonicalIp(text) ?? text);
  const { policyRoutingTableID: table = 0, policyRoutingPriority: priority = 0 } = spec;
  return {
    natRules: rulesOf(spec).flatMap((rule, index) => natRule(idOf(subnet, index, rule), rule)),
    egressIps: egressIps(spec),
    ...(gateways.length > 0 && { externalEgress: { gateways, table, priority } }),
  };
}

function natRule(id: string, { match, action }: Rule): NatRule[] {
  if (!isAction(action)) return [];
  return [{ id, action, sources: commaList(match?.srcIPs ?? ''), targets: commaList(match?.dstIPs ?? '') }];
}

/** A node and its address, '' for an entry without one; an IPv6 address has colons of its own. */
const entries = ({ gatewayNode = '' }: SubnetSpec): EgressIp[] =>
  commaList(gatewayNode).map((entry) => {
    const [, node = '', ip = ''] = /^([^:]*):?(.*)$/.exec(entry) ?? [];
    return { node: node.trim(), ip: ip.trim() };
  });

/** Nodes of `gatewayNode` in order. One with an address of each family is there twice. */
export const namedGateways = (spec: SubnetSpec): string[] => [...new Set(entries(spec).map(({ node }) => node))];

const egressIps = (spec: SubnetSpec): EgressIp[] =>
  entries(spec).flatMap(({ node, ip }) => {
    const canonical = canonicalIp(ip);
    return canonical === undefined ? [] : [{ node, ip: canonical }];
  });

/** The status' mirror of the rules, with the id of each. */
export const natRuleFields = (subnet: string, spec: SubnetSpec): JsonObject[] =>
  rulesOf(spec).map((rule, index) => ({ ...(rule as JsonObject), ruleID: idOf(subnet, index, rule) }));

/** The kernel's own (linux/rtnetlink.h): a default route there would be the node's. */
const kernelTables = [0, 252, 253, 254, 255];
/** `ip rule` of table main; what comes after it is never asked. */
const mainPriority = 32_766;

export const isUsable = ({ table, priority }: ExternalEgress): boolean =>
  table > 0 && !kernelTables.includes(table) && priority >= 0 && priority < mainPriority;

/** What cannot be done as it is written. */
export function unusableEgress(subnet: string, spec: SubnetSpec): Finding[] {
  const messages = [
    ...rulesOf(spec).flatMap(({ action = '' }, at) =>
      isAction(action) ? [] : [`natOutgoingPolicyRules[${at}]: action '${action}' is neither nat nor forward`],
    ),
    ...entries(spec).flatMap(({ node, ip }) =>
      ip === '' || canonicalIp(ip) !== undefined ? [] : [`gatewayNode ${node}:${ip}: not an address`],
    ),
  ];
  const { externalEgress: outside } = egressOf(subnet, spec);
  if (outside && !isUsable(outside))
    messages.push(
      `externalEgressGateway needs a policyRoutingTableID that is not the kernel's (0, 252 to 255) and a ` +
        `policyRoutingPriority below ${mainPriority}, and has ${outside.table} and ${outside.priority}`,
    );
  return messages.map((message): Finding => ({ reason: 'EgressInvalid', message }));
}
