// Whom policy modules are asked about. A module sees of a pod what it declares to read, so pods that are alike in that
// are one question; and the pods behind a question are selected by its key, exactly those.
import { rankOf } from '../../lib/delta/ids.ts';
import { type Selection, selectionKey } from '../../lib/graph/selector.ts';
import type { JsonObject } from '../api/fact.ts';
import type { LabelledRow } from '../api/policy-row.ts';
import { only } from '../api/refs.ts';
import type { AclPeer, Answer, PolicyModuleRow } from '../api/policy-module.ts';
import type { Entry, Projection, WorldRead } from './reconciler.ts';

/** Table `selection`, shared, and index `modulesBySelection`: whom a module decides for. */
export const theirs: Projection<PolicyModuleRow, Selection> = function* (row) {
  for (const key of selectionOfModule(row)) yield [key, subjectsOf(row)];
};

export const selectionOfModule = (row: PolicyModuleRow): string[] =>
  row.hook === 'acl' && !row.meta.deleting ? [selectionKey(subjectsOf(row))] : [];

const subjectsOf = ({ namespaces, pods }: PolicyModuleRow): Selection => ({ scopes: namespaces, entities: pods });

/** Tables `classed` and, shared, `question`. */
export function* subjects(matched: readonly string[], read: WorldRead, pod: string): Generator<Entry> {
  const modules = modulesFor(matched, read);
  if (modules.length === 0) return;
  const row = read.get('labelled', pod);
  const scope = read.get('scope', row?.scope ?? '');
  if (!row || !scope) return;
  const keys: string[] = [];
  for (const { meta } of modules) {
    const state = read.get('moduleState', meta.name);
    if (!state) continue;
    const input = inputOf(state.at === 'ready' ? state.inputs : [], row, scope.labels);
    const key = questionKey(meta.name, input);
    keys.push(key);
    yield { entry: 'question', key, value: { module: meta.name, namespace: row.scope, input } };
  }
  if (keys.length > 0) yield { entry: 'classed', key: pod, value: keys.sort() };
}

/** One read for all pods of a cluster without modules, instead of one for each selection of each pod. */
function modulesFor(matched: readonly string[], read: WorldRead): readonly PolicyModuleRow[] {
  if (read.at('aclModules', only).length === 0) return [];
  return matched.flatMap((selection) => read.at('modulesBySelection', selection));
}

function inputOf(inputs: readonly string[], { scope, labels }: LabelledRow, namespaceLabels: JsonObject): JsonObject {
  const namespace = { name: scope, ...(inputs.includes('namespace.labels') && { labels: sorted(namespaceLabels) }) };
  return { namespace, ...(inputs.includes('pod.labels') && { pod: { labels: sorted(labels) } }) };
}

/** In one order, so that equal labels are one question. */
const sorted = (labels: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));

/** Key of a question or an offer: its input is what makes it another. */
export const questionKey = (module: string, input: JsonObject): string =>
  `${module}/${rankOf(JSON.stringify(input)).slice(0, 16)}`;

/** The module that a question is for. */
export const moduleOf = (question: string): string => question.slice(0, question.indexOf('/'));

/** The pods that a peer of an answer means; undefined for addresses. */
export function selectionOf(peer: AclPeer, namespace: string): Selection | undefined {
  if ('cidr' in peer) return undefined;
  return { entities: peer.pods, ...(peer.namespaces ? { scopes: peer.namespaces } : { scope: namespace }) };
}

/** Table `selection`, shared: whom the rules of an answer name. */
export const peers: Projection<Answer, Selection> = function* (answer) {
  if (!('rules' in answer)) return;
  for (const peer of answer.rules.flatMap((rule) => rule.peers ?? [])) {
    const selection = selectionOf(peer, answer.namespace);
    if (selection) yield [selectionKey(selection), selection];
  }
};
