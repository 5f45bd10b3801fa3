// The join: for each labelled thing the selections that match it, as one fact `[thing, selections]`. It follows three
// tables: selections by key, things with their labels, and the labels of the scopes that things belong to. How matching
// is kept cheap is in matching.ts; here is what is dirty, in which order it is drained, and what was told.
import { Matching } from './matching.ts';
import type { Labelled, LabelSet } from './matching.ts';
import type { Counter, Operator, Output } from './operator.ts';
import { Queue } from './queue.ts';
import type { Row } from './row.ts';
import type { Labels, Selection } from './selector.ts';
import { Source } from './source.ts';
import type { Store } from './table.ts';
import type { Pair } from './table-sink.ts';

export interface JoinSpec {
  readonly name: string;
  readonly selections: Store<Selection>;
  readonly entities: Store<Labelled>;
  readonly scopes: Store<{ readonly labels: Labels }>;
  readonly output: Output<Pair<readonly string[]>>;
}

const nothing: readonly string[] = [];

/** A thing that has labels. */
class Member extends Source {
  set: LabelSet<Member> | undefined = undefined;
  /** What the sink holds, by identity; undefined when that is to be told in any case. */
  told: readonly string[] | undefined = nothing;
}

export class Join implements Operator {
  readonly name: string;
  readonly failures: ReadonlyMap<string, unknown> = new Map();
  readonly #spec: JoinSpec;
  readonly #scopes = new Set<string>();
  readonly #entities: Queue<Labelled>;
  readonly #selections = new Set<string>();
  #matching = new Matching<Member>();
  #work: Generator<void, void> | undefined;
  #runs = 0;
  #testsBefore = 0;

  constructor(spec: JoinSpec) {
    this.name = spec.name;
    this.#spec = spec;
    this.#entities = new Queue(spec.entities);
    this.#markAll();
    spec.scopes.listen(({ key }) => void this.#scopes.add(key));
    // Only labels and their scope count: other fields of a thing may change freely.
    spec.entities.listen((row, before) => {
      const { value: after } = row;
      if (!before || !after || before.scope !== after.scope || !sameLabels(before.labels, after.labels))
        this.#entities.add(row);
    });
    spec.selections.listen(({ key }) => void this.#selections.add(key));
  }

  get counter(): Counter {
    return { runs: this.#runs, failures: 0, tests: this.#testsBefore + this.#matching.tests };
  }

  get idle(): boolean {
    return !this.#work && this.#entities.empty && this.#scopes.size + this.#selections.size === 0;
  }

  step(): boolean {
    if (this.idle) return false;
    this.#work ??= this.#drain();
    try {
      if (!this.#work.next().done) return true;
      this.#work = undefined;
      return !this.idle;
    } catch (error) {
      this.#work = undefined;
      throw error;
    }
  }

  /** Forgets how things were matched, and what was told of them. */
  rerun(): void {
    this.#testsBefore += this.#matching.tests;
    this.#matching = new Matching();
    this.#work = undefined;
    for (const row of this.#spec.entities.rows()) {
      const member = this.#member(row);
      if (!member) continue;
      member.set = undefined;
      member.told = undefined;
    }
    this.#markAll();
  }

  dump(): object[] {
    const keys = (members: readonly Member[]): string[] => members.map(({ row }) => row.key);
    return [...this.#matching.dump()].map((set) => ({ ...set, entities: keys(set.entities) }));
  }

  #markAll(): void {
    for (const [key] of this.#spec.scopes.entries()) this.#scopes.add(key);
    for (const row of this.#spec.entities.rows()) this.#entities.add(row);
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
    // With no other selections, where a thing is placed is what is to be told of it.
    const final = this.#selections.size + this.#matching.touched.size === 0;
    if (!final) yield* this.#select();
    for (let row = this.#entities.take(); row; row = this.#entities.take()) {
      if (final) this.#place(row);
      this.#tell(row);
      row.release();
      yield;
    }
  }

  *#select(): Generator<void, void> {
    for (const row of this.#entities.waiting) {
      this.#place(row);
      yield;
    }
    for (const key of this.#selections) {
      this.#runs++;
      yield* this.#matching.select(key, this.#spec.selections.get(key));
      this.#selections.delete(key);
      yield;
    }
    for (const set of this.#matching.touched) {
      this.#matching.update(set);
      yield;
      for (const { row } of set.entities) {
        this.#tell(row);
        yield;
      }
    }
  }

  #place(row: Row<Labelled>): void {
    this.#runs++;
    const member = this.#member(row) ?? new Member(this, row);
    const before = member.set;
    member.set = row.value && this.#matching.join(member, row.value);
    if (!before && member.set && !row.kept(this)) row.keep(member);
    if (before && before !== member.set) this.#matching.leave(member, before);
  }

  #tell(row: Row<unknown>): void {
    const member = this.#member(row);
    if (!member) return;
    const selections = member.set?.selections ?? nothing;
    const now = selections.length > 0 ? selections : nothing;
    if (!member.set) row.drop(member);
    if (member.told === now) return;
    this.#runs++;
    member.told = now;
    this.#spec.output.replace(member, now.length > 0 ? [[row.key, now]] : []);
  }

  #member(row: Row<unknown>): Member | undefined {
    return row.kept(this) as Member | undefined;
  }
}

function sameLabels(a: Labels, b: Labels): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && a[key] === b[key]);
}
