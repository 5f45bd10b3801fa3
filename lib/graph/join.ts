// The join: for each labelled thing the selections that match it, as one fact `[thing, selections]`. It follows three
// tables: selections by key, things with their labels, and the labels of the scopes that things belong to. How matching
// is kept cheap is in matching.ts; here is what is dirty, in which order it is drained, and what was told.
import { Matching } from './matching.ts';
import type { Labelled, LabelSet } from './matching.ts';
import type { Counter, Operator } from './operator.ts';
import type { Labels, Selection } from './selector.ts';
import { ShardedMap } from './sharded-map.ts';
import type { Store } from './table.ts';
import type { Pair } from './table-sink.ts';
import type { Sink } from './types.ts';

export interface JoinSpec {
  readonly name: string;
  readonly selections: Store<Selection>;
  readonly entities: Store<Labelled>;
  readonly scopes: Store<{ readonly labels: Labels }>;
  readonly sink: Sink<Pair<readonly string[]>>;
}

interface Member {
  readonly source: string;
  set: LabelSet | undefined;
  /** What the sink holds, by identity; undefined when that is to be told in any case. */
  told: readonly string[] | undefined;
}

const nothing: readonly string[] = [];

export class Join implements Operator {
  readonly name: string;
  readonly failures: ReadonlyMap<string, unknown> = new Map();
  readonly #spec: JoinSpec;
  readonly #scopes = new Set<string>();
  readonly #entities = new ShardedMap<true>();
  readonly #selections = new Set<string>();
  readonly #members = new ShardedMap<Member>();
  #matching = new Matching();
  #work: Generator<void, void> | undefined;
  #runs = 0;
  #testsBefore = 0;

  constructor(spec: JoinSpec) {
    this.name = spec.name;
    this.#spec = spec;
    this.#markAll();
    spec.scopes.listen((key) => void this.#scopes.add(key));
    // Only labels and their scope count: other fields of a thing may change freely.
    spec.entities.listen((key, before, after) => {
      if (!before || !after || before.scope !== after.scope || !sameLabels(before.labels, after.labels))
        this.#entities.set(key, true);
    });
    spec.selections.listen((key) => void this.#selections.add(key));
  }

  get counter(): Counter {
    return { runs: this.#runs, failures: 0, tests: this.#testsBefore + this.#matching.tests };
  }

  get idle(): boolean {
    return !this.#work && this.#scopes.size + this.#entities.size + this.#selections.size === 0;
  }

  step(): boolean {
    if (this.idle) return false;
    this.#work ??= this.#drain();
    try {
      if (this.#work.next().done) this.#work = undefined;
    } catch (error) {
      this.#work = undefined;
      throw error;
    }
    return true;
  }

  /** Forgets how things were matched, and what was told of them. */
  rerun(): void {
    this.#testsBefore += this.#matching.tests;
    this.#matching = new Matching();
    this.#work = undefined;
    for (const [key, member] of this.#members) {
      member.set = undefined;
      member.told = undefined;
      this.#entities.set(key, true);
    }
    this.#markAll();
  }

  dump(): object[] {
    return [...this.#matching.dump()];
  }

  #markAll(): void {
    for (const [key] of this.#spec.scopes.entries()) this.#scopes.add(key);
    for (const [key] of this.#spec.entities.entries()) this.#entities.set(key, true);
    for (const [key] of this.#spec.selections.entries()) this.#selections.add(key);
  }

  /** Selections come after things, so that the counts of labels that they are placed by are there at the first sync. */
  *#drain(): Generator<void, void> {
    for (const key of this.#scopes) {
      this.#runs++;
      yield* this.#matching.scope(key, this.#spec.scopes.get(key)?.labels);
      this.#scopes.delete(key);
      yield;
    }
    for (const key of this.#entities.keys()) {
      this.#runs++;
      this.#place(key);
      yield;
    }
    for (const key of this.#selections) {
      this.#runs++;
      yield* this.#matching.select(key, this.#spec.selections.get(key));
      this.#selections.delete(key);
      yield;
    }
    yield* this.#tellTouched();
    for (const key of this.#entities.keys()) {
      this.#tell(key);
      this.#entities.delete(key);
      yield;
    }
  }

  *#tellTouched(): Generator<void, void> {
    for (const set of this.#matching.touched) {
      this.#matching.update(set);
      yield;
      for (const key of set.entities) {
        this.#tell(key);
        yield;
      }
    }
  }

  #place(key: string): void {
    const member = this.#members.get(key);
    const entity = this.#spec.entities.get(key);
    const before = member?.set;
    const set = entity && this.#matching.join(key, entity);
    if (member) member.set = set;
    else if (set) this.#members.set(key, { source: `${this.name}/${key}`, set, told: nothing });
    if (before && before !== set) this.#matching.leave(key, before);
  }

  #tell(key: string): void {
    const member = this.#members.get(key);
    if (!member) return;
    const now = member.set?.selections ?? nothing;
    if (!member.set) this.#members.delete(key);
    if (member.told === now) return;
    this.#runs++;
    member.told = now;
    this.#spec.sink.replace(member.source, now.length > 0 ? [[key, now]] : []);
  }
}

function sameLabels(a: Labels, b: Labels): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}
