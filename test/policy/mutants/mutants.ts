// The broken builds. Each is a mistake that one could make and that must not go unseen; none of them is a matter of taste.
import type { NbFact } from '../product.ts';
import type { JudgeName } from './judges.ts';
import type { Mutant, Patch, RowChange } from './mutant.ts';

const source = (name: string, judge: JudgeName, patch: Patch): Mutant => ({ name, judge, broken: patch });
const rows = (name: string, judge: JudgeName, change: RowChange['rows']): Mutant => ({
  name,
  judge,
  broken: { rows: change },
});

const module = 'policies/networkpolicy/assembly/index.ts';
const rule = 'policies/networkpolicy/assembly/rule.ts';
const form = 'operator/policy/form.ts';
const policy = 'operator/reconcilers/network-policy.ts';
const deny = 'operator/reconcilers/default-deny.ts';
const membership = 'operator/reconcilers/membership.ts';
const selectors = 'lib/graph/selector.ts';

const isRule = (fact: NbFact): fact is Extract<NbFact, { row: string }> => 'row' in fact && fact.row === 'ACL';

/** Members that were there once and whose row still is. */
function stale(): (facts: NbFact[]) => NbFact[] {
  const seen = new Map<string, NbFact>();
  return (facts) => {
    const ids = new Set(facts.flatMap((fact) => ('row' in fact ? [fact.id] : [])));
    for (const fact of facts) if ('member' in fact) seen.set(`${fact.id} ${fact.column} ${String(fact.element)}`, fact);
    return [...facts, ...[...seen.values()].filter(({ id }) => ids.has(id))];
  };
}

export const mutants: readonly Mutant[] = [
  source('the last rule of egress is dropped', 'cases', {
    source: module,
    text: 'index < egress && !malformed',
    by: 'index + 1 < egress && !malformed',
  }),
  source('rules of a direction that policyTypes leaves out count', 'cases', {
    source: module,
    text: 'if (malformed || !counts) return;',
    by: 'if (malformed) return;',
  }),
  source('without policyTypes egress is isolated too', 'cases', {
    source: module,
    text: 'return egressRules > 0 ? INGRESS | EGRESS : INGRESS;',
    by: 'return INGRESS | EGRESS;',
  }),
  source('named ports are those of the wrong pod', 'cases', {
    source: module,
    text: 'word(ingress ? BY_SUBJECT : BY_PEER);',
    by: 'word(ingress ? BY_PEER : BY_SUBJECT);',
  }),
  source('prefixes beside selected pods are left out', 'worlds', {
    source: rule,
    text: 'values(peers + others, blocks(family), family);',
    by: 'values(peers, peers > 0 ? 0 : blocks(family), family);',
  }),
  source('a range ends one port early', 'cases', {
    source: rule,
    text: "text('.dst <= ');\n    decimal(portLast(index));",
    by: "text('.dst <= ');\n    decimal(portLast(index) - 1);",
  }),
  source('a range ends one port late', 'cases', {
    source: form,
    text: 'this.#port(NUMBERS, port, endPort ?? port);',
    by: 'this.#port(NUMBERS, port, endPort === undefined ? port : endPort + 1);',
  }),
  source('exceptions are ignored', 'cases', {
    source: form,
    text: 'less.filter(({ family }) => family === cidr.family)',
    by: 'less.filter(() => false)',
  }),
  source('an absent namespaceSelector is all namespaces', 'cases', {
    source: form,
    text: 'selector === undefined ? 0 :',
    by: 'selector === undefined ? 1 :',
  }),
  source('NotIn does not hold for what lacks the label', 'cases', {
    source: selectors,
    text: "return operator === 'In' ? among : !among;",
    by: "return operator === 'In' ? among : present && !among;",
  }),
  source('DoesNotExist is Exists', 'cases', {
    source: selectors,
    text: "if (operator === 'DoesNotExist') return !present;",
    by: "if (operator === 'DoesNotExist') return present;",
  }),
  source('labels that every object has are there', 'worlds', {
    source: selectors,
    text: 'const present = Object.hasOwn(labels, key);',
    by: 'const present = labels[key] !== undefined;',
  }),
  source('a namespace that is relabelled is not looked at again', 'worlds', {
    source: 'lib/graph/matching.ts',
    text: 'if (this.#regroup(scope)) {\n      for',
    by: 'if (!this.#regroup(scope)) {\n      for',
  }),
  source('nobody is isolated', 'corpus', {
    source: membership,
    text: 'for (const facet of facets) if (!isDropped(facet, facets)) yield* members(facet, port);',
    by: "for (const facet of facets) if (facet.kind !== 'deny') yield* members(facet, port);",
  }),
  source('isolation is of IPv4 alone', 'corpus in IPv6', {
    source: deny,
    text: "standard: 'ip',",
    by: "standard: 'ip4',",
  }),
  source('lax isolation forgets SCTP', 'worlds', {
    source: deny,
    text: "lax: '(tcp || udp || sctp)'",
    by: "lax: '(tcp || udp)'",
  }),
  source('a pod does not reach itself through a Service', 'services', {
    source: deny,
    text: "{ action: 'allow-related', priority: priority.allow });\n    if",
    by: "{ action: 'drop', priority: priority.allow });\n    if",
  }),
  source('whoever has its address is the pod itself', 'forgery', {
    source: deny,
    text: "action: 'drop',\n    external",
    by: "action: 'allow-related',\n    external",
  }),
  source('rules of a policy that logs are the same in every VPC', 'cases', {
    source: policy,
    text: "return vpc === this.#given.cluster.defaultVpc ? '' : ` in ${vpc}`;",
    by: "return vpc === '' ? vpc : '';",
  }),
  source('the drop is a tier above what allows', 'corpus', {
    source: deny,
    text: '      tier: aclTier.namespace,\n      match,\n      external',
    by: '      tier: aclTier.namespace - 1,\n      match,\n      external',
  }),
  source('what allows is a tier below the drop', 'corpus', {
    source: policy,
    text: 'tier: aclTier.namespace,',
    by: 'tier: aclTier.namespace + 1,',
  }),
  source('the drop is as high as what allows', 'corpus', {
    source: 'operator/nb/priorities.ts',
    text: 'deny: 2000,',
    by: 'deny: 2001,',
  }),
  source('there is no rule for the own node', 'cases', {
    source: 'operator/reconcilers/node.ts',
    text: "if (read.get('isolation', anyIsolation) === undefined) return;",
    by: "if (read.get('isolation', anyIsolation) !== undefined) return;",
  }),
  source('ingress and egress are swapped', 'corpus', {
    source: 'operator/nb/rows/policy.ts',
    text: "{ ingress: 'to-lport', egress: 'from-lport' }",
    by: "{ ingress: 'from-lport', egress: 'to-lport' }",
  }),
  source('egress is judged before load balancing', 'services', {
    source: 'operator/nb/rows/policy.ts',
    text: "new Map([['apply-after-lb', 'true']])",
    by: 'new Map()',
  }),
  source('a set has the addresses of another VPC', 'cases', {
    source: membership,
    text: "if (facet.kind === 'set' && !isReachable(facet.vpc, port, read)) return false;",
    by: '',
  }),
  source('a policy is in force in every network', 'cases', {
    source: membership,
    text: 'if (facet.providers.length > 0 && !facet.providers.includes(port.provider)) return false;',
    by: '',
  }),
  source('addresses of IPv6 are in no set', 'corpus in IPv6', {
    source: membership,
    text: "if (address.includes(':') === (facet.family === 6))",
    by: "if (!address.includes(':') && facet.family === 4)",
  }),
  source('pods have the named ports of others', 'worlds', {
    source: membership,
    text: 'return facet.port === undefined || hasPort(facet.port, port, read);',
    by: 'return true;',
  }),
  source('ports of init containers count', 'cases', {
    source: 'operator/api/policy-row.ts',
    text: "=== 'Always'",
    by: "!== 'Never'",
  }),
  source('a completed pod is still a peer', 'worlds', {
    source: 'operator/reconcilers/demand.ts',
    text: ' && !pod.completed;',
    by: ';',
  }),
  rows('a rule is missing', 'corpus', () => (facts) => {
    const first = facts.find((fact) => isRule(fact) && fact.owner.startsWith('NetworkPolicy/'));
    return facts.filter((fact) => fact !== first);
  }),
  rows('members stay that have gone', 'worlds', stale),
  rows(
    'nothing tracks connections',
    'corpus without load balancing',
    () => (facts) =>
      facts.map((fact) =>
        isRule(fact) && fact.columns['action'] === 'allow-related'
          ? { ...fact, columns: { ...fact.columns, action: 'allow' } }
          : fact,
      ),
  ),
];
