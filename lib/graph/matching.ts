// Which label sets a selection matches. Four things, and how they hang together:
//
//   scope (its labels) --applies to--- group: selections that ask the same of a scope
//     |  has                             |  has, by most restrictive label
//   label set (labels, things) --- is matched by --- selection
//
// Things with equal labels in one scope share a label set, so that a selector is compared once for all of them. What a
// scope's labels decide is decided once per scope and group: only when that changes are its label sets looked at again.
// A label set's list of selections is replaced, never changed, so that whoever has seen it can tell by identity.
import { LabelCounts } from './label-counts.ts';
import { LabelIndex } from './label-index.ts';
import { matches, scopesKey } from './selector.ts';
import type { Labels, Selection, Selector } from './selector.ts';
import { SelectorIndex } from './selector-index.ts';

/** A labelled thing; `scope` is the key of what it belongs to, which may be unknown. */
export interface Labelled {
  readonly scope: string;
  readonly labels: Labels;
}

interface Scope<T> {
  readonly key: string;
  /** Undefined while the scope is unknown: then no selector of scopes matches it. */
  labels: Labels | undefined;
  groups: Set<Group<T>>;
  readonly sets: Map<string, LabelSet<T>>;
  readonly index: LabelIndex<LabelSet<T>>;
}

interface Group<T> {
  readonly key: string;
  readonly scope: string | undefined;
  readonly selector: Selector | undefined;
  readonly scopes: Set<Scope<T>>;
  readonly selected: SelectorIndex<Selected<T>>;
}

interface Selected<T> {
  readonly key: string;
  readonly group: Group<T>;
  readonly selector: Selector;
}

export interface LabelSet<T> {
  readonly scope: Scope<T>;
  readonly text: string;
  readonly labels: Labels;
  /** The things that have these labels. */
  readonly entities: Set<T>;
  /** Keys of the selections that match, sorted. */
  selections: readonly string[];
  /** Selections that were added and taken away since. */
  pending: Map<string, boolean> | undefined;
}

const none: readonly string[] = [];
const everything: Selector = [];
/** Comparisons between two pauses. */
const stride = 64;

/** Its generators yield where a slice may end; each must be run to its end before the next call. */
export class Matching<T> {
  /** Label sets whose `selections` may have changed; to be brought up to date by `update`. */
  readonly touched = new Set<LabelSet<T>>();
  /** Comparisons of a selector with a label set so far. */
  tests = 0;
  readonly #scopes = new Map<string, Scope<T>>();
  readonly #groups = new Map<string, Group<T>>();
  readonly #groupsByScope = new Map<string, Set<Group<T>>>();
  readonly #groupsBySelector = new SelectorIndex<Group<T>>();
  readonly #scopeIndex = new LabelIndex<Scope<T>>();
  readonly #selected = new Map<string, Selected<T>>();
  readonly #counts = new LabelCounts();

  /** The labels of a scope, undefined when it is unknown. */
  *scope(key: string, labels: Labels | undefined): Generator<void, void> {
    const scope = this.#scope(key);
    if (scope.labels) this.#scopeIndex.delete(scope, scope.labels);
    scope.labels = labels;
    if (labels) this.#scopeIndex.add(scope, labels);
    if (this.#regroup(scope)) {
      for (const set of scope.sets.values()) {
        this.#evaluate(set);
        this.touched.add(set);
        yield;
      }
    }
    this.#prune(scope);
  }

  /** Puts a thing where its labels belong. */
  join(entity: T, { scope: scopeKey, labels }: Labelled): LabelSet<T> {
    const scope = this.#scope(scopeKey);
    const text = textOf(labels);
    let set = scope.sets.get(text);
    if (!set) {
      set = { scope, text, labels, entities: new Set(), selections: none, pending: undefined };
      scope.sets.set(text, set);
      scope.index.add(set, labels);
      this.#counts.add(labels);
      this.#evaluate(set);
    }
    set.entities.add(entity);
    return set;
  }

  /** Takes a thing out of its label set, which goes with the last. */
  leave(entity: T, set: LabelSet<T>): void {
    if (!set.entities.delete(entity) || set.entities.size > 0) return;
    set.scope.sets.delete(set.text);
    set.scope.index.delete(set, set.labels);
    this.#counts.delete(set.labels);
    this.touched.delete(set);
    this.#prune(set.scope);
  }

  /** Makes the selection of a key this one, or none. */
  *select(key: string, selection: Selection | undefined): Generator<void, void> {
    const before = this.#selected.get(key);
    if (before) {
      yield* this.#note(before, false);
      this.#selected.delete(key);
      this.#forget(before);
    }
    if (!selection) return;
    const group = this.#group(selection);
    const now: Selected<T> = { key, group, selector: selection.entities };
    const only = group.scope !== undefined && group.scopes.size === 1 ? [...group.scopes][0] : undefined;
    const counts = only?.index ?? this.#counts;
    group.selected.add(now, now.selector, (requirement) => counts.count(requirement));
    this.#selected.set(key, now);
    yield* this.#note(now, true);
  }

  /** Brings a touched label set up to date. */
  update(set: LabelSet<T>): void {
    this.touched.delete(set);
    const { pending } = set;
    if (!pending) return;
    set.pending = undefined;
    const list = set.selections.filter((key) => !pending.has(key));
    for (const [key, matched] of pending) if (matched) list.push(key);
    assign(set, list);
  }

  /** Label sets with their things and selections, for debugging. */
  *dump(): Generator<{ scope: string; labels: Labels; entities: readonly T[]; selections: readonly string[] }> {
    for (const { key, sets } of this.#scopes.values())
      for (const { labels, entities, selections } of sets.values())
        yield { scope: key, labels, entities: [...entities], selections };
  }

  *#note(selected: Selected<T>, matched: boolean): Generator<void, void> {
    let at = 0;
    for (const scope of selected.group.scopes) {
      for (const set of scope.index.candidates(selected.selector)) {
        this.tests++;
        if (matches(selected.selector, set.labels)) {
          (set.pending ??= new Map()).set(selected.key, matched);
          this.touched.add(set);
        }
        if (++at % stride === 0) yield;
      }
      if (++at % stride === 0) yield;
    }
  }

  #evaluate(set: LabelSet<T>): void {
    const list: string[] = [];
    const test = ({ key, selector }: Selected<T>): void => {
      this.tests++;
      if (matches(selector, set.labels)) list.push(key);
    };
    for (const { selected } of set.scope.groups) selected.candidates(set.labels, test);
    set.pending = undefined;
    assign(set, list);
  }

  #scope(key: string): Scope<T> {
    let scope = this.#scopes.get(key);
    if (!scope) {
      scope = { key, labels: undefined, groups: new Set(), sets: new Map(), index: new LabelIndex() };
      this.#scopes.set(key, scope);
      this.#regroup(scope);
    }
    return scope;
  }

  /** Finds the groups that apply to the scope; answers whether they are others than before. */
  #regroup(scope: Scope<T>): boolean {
    const groups = new Set<Group<T>>();
    const add = (group: Group<T>): void => void (applies(group, scope) && groups.add(group));
    this.#groupsByScope.get(scope.key)?.forEach(add);
    this.#groupsBySelector.candidates(scope.labels ?? {}, add);
    const gone = [...scope.groups].filter((group) => !groups.has(group));
    const same = gone.length === 0 && groups.size === scope.groups.size;
    for (const group of gone) group.scopes.delete(scope);
    for (const group of groups) group.scopes.add(scope);
    scope.groups = groups;
    return !same;
  }

  #prune(scope: Scope<T>): void {
    if (scope.labels || scope.sets.size > 0) return;
    for (const group of scope.groups) group.scopes.delete(scope);
    this.#scopes.delete(scope.key);
  }

  #group(selection: Selection): Group<T> {
    const key = scopesKey(selection);
    const found = this.#groups.get(key);
    if (found) return found;
    const { scope, scopes: selector } = selection;
    const group: Group<T> = { key, scope, selector, scopes: new Set(), selected: new SelectorIndex() };
    this.#groups.set(key, group);
    if (scope === undefined) {
      this.#groupsBySelector.add(group, selector ?? everything, (requirement) => this.#scopeIndex.count(requirement));
    } else this.#groupsByScope.set(scope, (this.#groupsByScope.get(scope) ?? new Set()).add(group));
    for (const each of this.#reach(group)) {
      if (!applies(group, each)) continue;
      group.scopes.add(each);
      each.groups.add(group);
    }
    return group;
  }

  /** Scopes that the group may apply to. */
  #reach({ scope, selector }: Group<T>): Iterable<Scope<T>> {
    if (selector && scope === undefined) return this.#scopeIndex.candidates(selector);
    if (scope === undefined) return this.#scopes.values();
    const only = this.#scopes.get(scope);
    return only ? [only] : [];
  }

  #forget(selected: Selected<T>): void {
    const { group } = selected;
    group.selected.delete(selected);
    if (group.selected.size > 0) return;
    this.#groups.delete(group.key);
    for (const scope of group.scopes) scope.groups.delete(group);
    if (group.scope === undefined) {
      this.#groupsBySelector.delete(group);
      return;
    }
    const here = this.#groupsByScope.get(group.scope);
    here?.delete(group);
    if (here?.size === 0) this.#groupsByScope.delete(group.scope);
  }
}

function applies<T>({ scope, selector }: Group<T>, to: Scope<T>): boolean {
  if (scope !== undefined && scope !== to.key) return false;
  return selector === undefined || (to.labels !== undefined && matches(selector, to.labels));
}

/** A list of equal content stays the one that it was. */
function assign(set: LabelSet<unknown>, list: string[]): void {
  list.sort();
  const { selections } = set;
  if (list.length === selections.length && list.every((key, at) => key === selections[at])) return;
  // In exact length: most label sets are in few selections, and all keep their lists.
  set.selections = list.length > 0 ? list.slice() : none;
}

/** Text that is the same for the same labels, in whatever order; lengths keep what stands in them apart. */
function textOf(labels: Labels): string {
  let text = '';
  for (const key of Object.keys(labels).sort()) {
    const value = labels[key] as string;
    text += `${key.length}:${key}${value.length}:${value}`;
  }
  return text;
}
