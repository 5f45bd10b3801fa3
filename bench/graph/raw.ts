// The least that does the same by hand: Maps, an inverted index of selectors and one of pods, a function per event. It
// is what somebody would write for exactly these events; it knows of no further kind of input, has no settle and no
// recompute, and cannot be interrupted.
import { selectionKey } from '../../lib/graph/selector.ts';
import type { Labels, Requirement, Selection } from '../../lib/graph/selector.ts';
import { aclText, portText, selectionsOf } from '../../test/lib/graph/policies.ts';
import type { Pod, Policy } from '../../test/lib/graph/policies.ts';
import type { Outbox } from './outbox.ts';

interface Selected {
  readonly key: string;
  readonly selection: Selection;
  users: number;
}

interface Known {
  readonly key: string;
  readonly pod: Pod;
  readonly sets: Set<Selected>;
}

type Buckets<T> = Map<string, Set<T>>;

function put<T>(buckets: Buckets<T>, key: string, item: T): void {
  const bucket = buckets.get(key);
  if (bucket) bucket.add(item);
  else buckets.set(key, new Set([item]));
}

function holds({ key, operator, values }: Requirement, labels: Labels): boolean {
  const value = labels[key];
  if (operator === 'In') return value !== undefined && values.includes(value);
  if (operator === 'NotIn') return value === undefined || !values.includes(value);
  return (operator === 'Exists') === (value !== undefined);
}

export class Raw {
  readonly #outbox: Outbox;
  readonly #pods = new Map<string, Known>();
  readonly #namespaces = new Map<string, Labels>();
  readonly #policies = new Map<string, { readonly policy: Policy; readonly selected: readonly string[] }>();
  readonly #selections = new Map<string, Selected>();
  /** Pods of a namespace with a label. */
  readonly #podsBy: Buckets<Known> = new Map();
  readonly #podsIn: Buckets<Known> = new Map();
  /** Selections by the one label that they are looked up under, with the namespace when it is fixed. */
  readonly #selectionsBy: Buckets<Selected> = new Map();
  readonly cidr: string;

  constructor(outbox: Outbox, cidr: string) {
    this.#outbox = outbox;
    this.cidr = cidr;
  }

  setPod(key: string, pod: Pod): void {
    const before = this.#pods.get(key);
    if (before) this.#unindex(before);
    const known: Known = { key, pod, sets: new Set() };
    this.#pods.set(key, known);
    this.#index(known);
    this.#outbox.row(key, portText(pod, this.cidr));
    for (const selected of this.#matching(pod)) {
      known.sets.add(selected);
      if (!before?.sets.has(selected) || before.pod.ip !== pod.ip) this.#outbox.element(selected.key, key, pod.ip);
    }
    for (const selected of before?.sets ?? [])
      if (!known.sets.has(selected)) this.#outbox.element(selected.key, key, undefined);
  }

  deletePod(key: string): void {
    const known = this.#pods.get(key);
    if (!known) return;
    this.#pods.delete(key);
    this.#unindex(known);
    this.#outbox.row(key, undefined);
    for (const selected of known.sets) this.#outbox.element(selected.key, key, undefined);
  }

  setNamespace(key: string, labels: Labels): void {
    this.#namespaces.set(key, labels);
    for (const known of this.#podsIn.get(key) ?? []) {
      const now = this.#matching(known.pod);
      for (const selected of known.sets) {
        if (now.has(selected)) continue;
        known.sets.delete(selected);
        this.#outbox.element(selected.key, known.key, undefined);
      }
      for (const selected of now) this.#enter(known, selected);
    }
  }

  setPolicy(key: string, policy: Policy): void {
    const before = this.#policies.get(key);
    const selections = selectionsOf(policy);
    const selected = selections.map((selection) => this.#use(selection));
    this.#policies.set(key, { policy, selected });
    const [subject = '', ...peers] = selected;
    for (const [at, peer] of peers.entries()) this.#outbox.row(`${key}/${at}`, aclText(subject, peer));
    for (const each of before?.selected ?? []) this.#release(each);
  }

  deletePolicy(key: string): void {
    const known = this.#policies.get(key);
    if (!known) return;
    this.#policies.delete(key);
    for (const at of known.policy.peers.keys()) this.#outbox.row(`${key}/${at}`, undefined);
    for (const each of known.selected) this.#release(each);
  }

  #use(selection: Selection): string {
    const key = selectionKey(selection);
    const known = this.#selections.get(key);
    if (known) {
      known.users++;
      return key;
    }
    const selected = { key, selection, users: 1 };
    this.#selections.set(key, selected);
    this.#outbox.row(key, '');
    for (const bucket of buckets(selection)) put(this.#selectionsBy, bucket, selected);
    for (const known of this.#candidates(selection))
      if (this.#matches(selection, known.pod)) this.#enter(known, selected);
    return key;
  }

  #release(key: string): void {
    const selected = this.#selections.get(key);
    if (!selected || --selected.users > 0) return;
    this.#selections.delete(key);
    this.#outbox.row(key, undefined);
    for (const bucket of buckets(selected.selection)) this.#selectionsBy.get(bucket)?.delete(selected);
    for (const known of this.#candidates(selected.selection))
      if (known.sets.delete(selected)) this.#outbox.element(key, known.key, undefined);
  }

  #enter(known: Known, selected: Selected): void {
    if (known.sets.has(selected)) return;
    known.sets.add(selected);
    this.#outbox.element(selected.key, known.key, known.pod.ip);
  }

  #matching(pod: Pod): Set<Selected> {
    const found = new Set<Selected>();
    const take = (bucket: string): void => {
      for (const selected of this.#selectionsBy.get(bucket) ?? [])
        if (this.#matches(selected.selection, pod)) found.add(selected);
    };
    for (const key in pod.labels) {
      take(`${key}=${pod.labels[key]}`);
      take(`${pod.namespace}|${key}=${pod.labels[key]}`);
    }
    return found;
  }

  #matches({ scope, scopes, entities }: Selection, { namespace, labels }: Pod): boolean {
    if (scope !== undefined && scope !== namespace) return false;
    if (scopes) {
      const outer = this.#namespaces.get(namespace);
      if (!outer || !scopes.every((requirement) => holds(requirement, outer))) return false;
    }
    return entities.every((requirement) => holds(requirement, labels));
  }

  *#candidates({ scope, entities }: Selection): Generator<Known> {
    const [first] = entities;
    for (const namespace of scope === undefined ? this.#namespaces.keys() : [scope])
      for (const value of first?.values ?? []) yield* this.#podsBy.get(`${namespace}|${first?.key}=${value}`) ?? [];
  }

  #index(known: Known): void {
    const { namespace, labels } = known.pod;
    put(this.#podsIn, namespace, known);
    for (const key in labels) put(this.#podsBy, `${namespace}|${key}=${labels[key]}`, known);
  }

  #unindex(known: Known): void {
    const { namespace, labels } = known.pod;
    this.#podsIn.get(namespace)?.delete(known);
    for (const key in labels) this.#podsBy.get(`${namespace}|${key}=${labels[key]}`)?.delete(known);
  }
}

/** Where a selection stands in the index: all selectors here ask for a value of a label first. */
function buckets({ scope, entities }: Selection): string[] {
  const [first] = entities;
  return (first?.values ?? []).map((value) => `${scope === undefined ? '' : `${scope}|`}${first?.key}=${value}`);
}
