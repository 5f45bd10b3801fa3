// What a policy module answers for a class of workloads, as rules of OVN in the tier between the administrators' and
// NetworkPolicy: the rules of the answer, or a drop of everything where there is none and the module fails closed.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { Owner, RowFact } from '../../lib/delta/fact.ts';
import { selectionKey } from '../../lib/graph/selector.ts';
import type { Collection, Facet } from '../api/facet.ts';
import type { Fact } from '../api/fact.ts';
import type { AclPort, AclRule, PolicyModuleRow, Question } from '../api/policy-module.ts';
import { directions } from '../api/policy-row.ts';
import { policyModuleRef } from '../api/refs.ts';
import { aclTier, moduleAcl as priorities } from '../nb/priorities.ts';
import { type GroupAcl, groupAcl, peerField, portField } from '../nb/rows/policy.ts';
import { groupFacet, setFacet } from './facet.ts';
import { selectionOf } from './module-subject.ts';
import { tracking } from './default-deny.ts';
import { placesOf } from './policy-scope.ts';
import { clusterOf } from './reconciler.ts';
import type { Entry, Reconciler, WorldRead } from './reconciler.ts';

/** Rules, or `closed`: nothing may pass. */
type Ruling = readonly AclRule[] | 'closed';

export const moduleAcl: Reconciler<Question> = {
  kind: 'ModuleAcl',
  *desired(question, read, key) {
    const module = read.get('policyModule', question.module);
    if (!module || module.isShadow) return;
    const ruling = rulingOf(module, key, read);
    if (ruling !== 'closed' && ruling.length === 0) return;
    const facets = new Map<string, Facet>();
    const place = { key, question, facets, owner: ownerOf(policyModuleRef(question.module)) };
    for (const where of placesOf(question.namespace, [], read)) yield* inVpc({ ...place, ...where }, ruling, read);
    for (const [facet, value] of facets) yield { entry: 'facet', key: facet, value } satisfies Entry;
  },
};

/** A module that was never looked at is not in force; one that is refused, or fails, answers as its failurePolicy says. */
function rulingOf({ meta, failsClosed }: PolicyModuleRow, key: string, read: WorldRead): Ruling {
  const state = read.get('moduleState', meta.name);
  if (!state) return [];
  const answer = state.at === 'ready' ? read.get('answer', key) : undefined;
  if (answer && 'rules' in answer) return answer.rules;
  return failsClosed ? 'closed' : [];
}

interface Place {
  readonly key: string;
  readonly question: Question;
  readonly facets: Map<string, Facet>;
  readonly owner: Owner;
  readonly vpc: string;
  readonly families: readonly (4 | 6)[];
}

function* inVpc(place: Place, ruling: Ruling, read: WorldRead): Generator<Fact> {
  const { key, vpc, families, facets } = place;
  const subject = groupFacet({ selection: key, providers: [] }, vpc);
  facets.set(subject.key, subject.value);
  const group = subject.value.into;
  const suffix = vpc === clusterOf(read).defaultVpc ? '' : ` in ${vpc}`;
  if (ruling === 'closed') {
    yield* closed(place, group, suffix);
    return;
  }
  if (ruling.length > 0) yield* tracking(place.owner, group, `${key} track${suffix}`);
  for (const family of families) {
    for (const [at, rule] of ruling.entries()) {
      const acl = aclOf(rule, { ...place, family, group });
      if (acl) yield rowOf(place, group, { ...acl, key: `${key} ${at}/IPv${family}${suffix}` });
    }
  }
}

function* closed(place: Place, group: Collection, suffix: string): Generator<RowFact> {
  for (const direction of directions) {
    const match = `${portField[direction]} == @${group.name} && ip`;
    const key = `${place.key} closed/${direction}${suffix}`;
    yield rowOf(place, group, { key, direction, match, action: 'drop', priority: priorities.closed, needs: [] });
  }
}

type Rule = Pick<GroupAcl, 'key' | 'direction' | 'match' | 'action' | 'priority' | 'needs'>;

const rowOf = ({ owner, question }: Place, group: Collection, rule: Rule): RowFact =>
  groupAcl({
    owner,
    name: `pm/${question.module}.${question.namespace}/${rule.direction}`,
    group: group.id,
    tier: aclTier.module,
    external: { parent: group.name },
    ...rule,
  });

interface InFamily extends Place {
  readonly family: 4 | 6;
  readonly group: Collection;
}

/** Undefined when none of its peers has an address of the family. */
function aclOf(rule: AclRule, place: InFamily): Omit<Rule, 'key'> | undefined {
  const { direction, action, priority } = rule;
  const parts = [`${portField[direction]} == @${place.group.name}`, `ip${place.family}`];
  const sets: Collection[] = [];
  if (rule.peers) {
    const terms = peerTerms(rule, place, sets);
    if (terms.length === 0) return undefined;
    parts.push(`ip${place.family}.${peerField[direction]} == {${terms.join(', ')}}`);
  }
  if (rule.ports) parts.push(`(${rule.ports.map(portTerm).join(' || ')})`);
  return {
    direction,
    action: action === 'allow' ? 'allow-related' : action,
    priority: priorities.highest - 3 * priority - priorities.levels[action],
    match: parts.join(' && '),
    needs: sets.map(({ id }) => id),
  };
}

function peerTerms({ peers = [] }: AclRule, { family, vpc, facets, question }: InFamily, sets: Collection[]): string[] {
  const terms = new Set<string>();
  for (const peer of peers) {
    const selection = selectionOf(peer, question.namespace);
    if (selection) {
      const { key, value } = setFacet({ selection: selectionKey(selection), providers: [] }, vpc, family);
      facets.set(key, value);
      sets.push(value.into);
      terms.add(`$${value.into.name}`);
    } else if ('cidr' in peer && peer.cidr.includes(':') === (family === 6)) terms.add(peer.cidr);
  }
  return [...terms];
}

function portTerm({ protocol, port, endPort }: AclPort): string {
  const name = protocol.toLowerCase();
  if (port === undefined) return name;
  if (endPort === undefined || endPort === port) return `${name}.dst == ${port}`;
  return `(${name}.dst >= ${port} && ${name}.dst <= ${endPort})`;
}
