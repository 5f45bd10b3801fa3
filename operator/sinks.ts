// Facts leave the graph for those who act on them, each shape to its own. One split per derivation, since what a failed
// derivation is about is known only where it is wired.
import type { MemberFact, RowFact } from '../lib/delta/fact.ts';
import { owner as ownerOf } from '../lib/delta/ids.ts';
import type { KeyedSink, Output } from '../lib/graph/operator.ts';
import type { Sink } from '../lib/graph/types.ts';
import type { Fact, HoldFact, ObjectFact, PlanFact, ProblemFact, Ref, StatusFact } from './api/fact.ts';
import type { Tables } from './api/tables.ts';
import { Withheld } from './api/withheld.ts';
import type { Entry } from './reconcilers/reconciler.ts';

/** Where each shape of fact goes. */
export interface Sinks {
  readonly rows: Sink<RowFact | MemberFact>;
  readonly plan: Sink<PlanFact>;
  readonly objects: Sink<ObjectFact>;
  readonly status: Sink<StatusFact>;
  readonly problems: Sink<ProblemFact>;
  readonly holds: Sink<HoldFact>;
}

/** The computed tables that a derivation writes, by name. */
export type Entries = { readonly [N in keyof Tables]?: Sink<readonly [string, Tables[N]]> };

type Shape = keyof Sinks;

function shapeOf(fact: Fact): Shape {
  if ('row' in fact || 'member' in fact) return 'rows';
  if ('plan' in fact) return 'plan';
  if ('object' in fact) return 'objects';
  if ('status' in fact) return 'status';
  return 'problem' in fact ? 'problems' : 'holds';
}

const shapes: readonly Shape[] = ['rows', 'plan', 'objects', 'status', 'problems', 'holds'];
const none: readonly never[] = [];

/** Which shapes, as one bit each in the order of `shapes`. */
type Mask = number;
const bitOf = Object.fromEntries(shapes.map((shape, at) => [shape, 1 << at])) as Readonly<Record<Shape, Mask>>;
const allShapes: Mask = (1 << shapes.length) - 1;

/**
 * The sink of one derivation. A sink that never got anything from a source is not told of it, so that an event costs
 * what it concerns. `about` names the object of a key, for the problem of a derivation that threw.
 */
export class Split implements Sink<Fact | Entry> {
  readonly outputs: readonly string[];
  readonly #sinks: Sinks;
  readonly #entries: TableEntries;
  readonly #about: (source: string) => Ref;
  /** What each source has got a sink to hear of. */
  readonly #used = new Map<string, Mask>();

  constructor(sinks: Sinks, about: (source: string) => Ref, tables: Entries = {}) {
    this.#sinks = sinks;
    this.#about = about;
    this.#entries = new TableEntries(tables);
    this.outputs = this.#entries.outputs;
  }

  replace(source: string, all: readonly (Fact | Entry)[]): void {
    const { facts, entries } = apart(all);
    this.#entries.replace(source, entries);
    const parts: Partial<Record<Shape, Fact[]>> = {};
    let now: Mask = 0;
    for (const fact of facts) {
      const shape = shapeOf(fact);
      now |= bitOf[shape];
      const part = parts[shape];
      if (part) part.push(fact);
      else parts[shape] = [fact];
    }
    const before = this.#used.get(source) ?? 0;
    for (const shape of shapes) {
      if ((now | before) & bitOf[shape]) this.#hand(shape, source, parts[shape] ?? none);
    }
    if (now > 0) this.#used.set(source, now);
    else this.#used.delete(source);
  }

  /** All that the source wanted stays; what failed is told, unless the user is told better by another derivation. */
  freeze(source: string, error: unknown): void {
    for (const shape of shapes) if (shape !== 'problems') this.#sinks[shape].freeze(source, error);
    this.#sinks.problems.replace(source, problemsOf(this.#about(source), error));
    this.#used.set(source, allShapes);
  }

  #hand(shape: Shape, source: string, facts: readonly Fact[]): void {
    // The shapes were told apart by `shapeOf`, so each sink gets its own. Sinks keep their lists, and one that has grown
    // has room for many more: they get one of its exact length.
    (this.#sinks[shape] as Sink<Fact>).replace(source, facts.length > 1 ? facts.slice() : facts);
  }
}

/** The sink of a derivation that yields rows alone, of which there are very many: it remembers none of its sources. */
export class RowsOnly implements Sink<RowFact | MemberFact> {
  readonly #sinks: Pick<Sinks, 'rows' | 'problems'>;
  readonly #about: (source: string) => Ref;
  readonly #failed = new Set<string>();

  constructor(sinks: Pick<Sinks, 'rows' | 'problems'>, about: (source: string) => Ref) {
    this.#sinks = sinks;
    this.#about = about;
  }

  replace(source: string, facts: readonly (RowFact | MemberFact)[]): void {
    this.#sinks.rows.replace(source, facts.length > 1 ? facts.slice() : facts);
    if (this.#failed.size > 0 && this.#failed.delete(source)) this.#sinks.problems.replace(source, none);
  }

  /** As in Split. */
  freeze(source: string, error: unknown): void {
    this.#sinks.rows.freeze(source, error);
    this.#failed.add(source);
    this.#sinks.problems.replace(source, problemsOf(this.#about(source), error));
  }
}

/** What is told of a derivation that threw. */
const problemsOf = (about: Ref, error: unknown): ProblemFact[] =>
  error instanceof Withheld
    ? []
    : [{ problem: about, reason: 'InternalError', message: textOf(error), owner: ownerOf(about) }];

/** Facts, and rows of computed tables. */
function apart(all: readonly (Fact | Entry)[]): { facts: readonly Fact[]; entries: readonly Entry[] } {
  let entries: Entry[] | undefined;
  const facts: Fact[] = [];
  for (const one of all) {
    if ('entry' in one) (entries ??= []).push(one);
    else facts.push(one);
  }
  return { facts, entries: entries ?? none };
}

/** Rows of computed tables, each to its own; a table that never got one from a source is not told of it. */
export class TableEntries implements Sink<Entry> {
  readonly outputs: readonly string[];
  readonly #tables: readonly Sink<readonly [string, unknown]>[];
  readonly #places: ReadonlyMap<string, number>;
  /** As in Split: one bit for each table that holds something of a source. */
  readonly #used = new Map<string, Mask>();

  constructor(tables: Entries) {
    this.#tables = Object.values(tables);
    this.#places = new Map(Object.keys(tables).map((name, at) => [name, at]));
    this.outputs = this.#tables.flatMap(({ outputs = [] }) => outputs);
  }

  replace(source: string, entries: readonly Entry[]): void {
    const before = this.#used.get(source) ?? 0;
    if (before === 0 && entries.length === 0) return;
    const now = this.#hand(source, this.#parts(source, entries), before);
    if (now === before) return;
    if (now > 0) this.#used.set(source, now);
    else this.#used.delete(source);
  }

  /** Each table gets its part, and hears of it when it had one before; answers which have something now. */
  #hand(source: string, parts: readonly (readonly (readonly [string, unknown])[])[], before: Mask): Mask {
    let now: Mask = 0;
    for (const [at, own] of parts.entries()) {
      if (own.length > 0) now |= 1 << at;
      if ((now | before) & (1 << at)) this.#tables[at]?.replace(source, own);
    }
    return now;
  }

  #parts(source: string, entries: readonly Entry[]): (readonly [string, unknown])[][] {
    const parts = this.#tables.map((): (readonly [string, unknown])[] => []);
    for (const { entry, key, value } of entries) {
      const at = this.#places.get(entry);
      if (at === undefined) throw new Error(`${source} writes table ${entry}, which its wiring does not name`);
      parts[at]?.push([key, value]);
    }
    return parts;
  }

  /** What the source yielded before stays in the tables. */
  freeze(): void {}
}

type Pair<V> = readonly [string, V];

/** Rows of one table as pairs, and rows of others beside them, of which few sources have any: the rest pays nothing. */
export class Beside<V> implements KeyedSink<Pair<V> | Entry> {
  readonly outputs: readonly string[];
  readonly #table: KeyedSink<Pair<V>>;
  readonly #others: TableEntries;

  constructor(table: KeyedSink<Pair<V>>, others: Entries) {
    this.#table = table;
    this.#others = new TableEntries(others);
    this.outputs = [...(table.outputs ?? []), ...this.#others.outputs];
  }

  output(name: string): Output<Pair<V> | Entry> {
    const table = this.#table.output(name);
    /** Keys with rows of the others. */
    const accompanied = new Set<string>();
    return {
      replace: (source, facts) => {
        const entries = facts.filter((fact) => 'entry' in fact);
        table.replace(source, entries.length === 0 ? (facts as readonly Pair<V>[]) : facts.filter(isPair));
        if (entries.length > 0) accompanied.add(source.row.key);
        else if (!accompanied.delete(source.row.key)) return;
        this.#others.replace(source.text, entries);
      },
      freeze: (source, error) => table.freeze(source, error),
    };
  }

  replace(source: string, facts: readonly (Pair<V> | Entry)[]): void {
    this.#table.replace(source, facts.filter(isPair));
    this.#others.replace(
      source,
      facts.filter((fact) => 'entry' in fact),
    );
  }

  /** What the source yielded before stays in the tables. */
  freeze(): void {}
}

const isPair = <V>(fact: Pair<V> | Entry): fact is Pair<V> => !('entry' in fact);

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
