// The graph: tables, indexes and derivations in wiring order. A table is computed before anything that reads it, so
// one pass in wiring order is a settle; there is no way to list a table from within a derivation.
//
//   enter -> input tables -> derivation 1 -> derived table -> derivation 2 -> ... -> sinks
//              (buffered        \__ runs a key again when its input value or anything that it read has changed
//               while settling)
import { Derivation } from './derivation.ts';
import type { Counter, TrackedRead, UntypedRead } from './derivation.ts';
import { deepEqual } from './equal.ts';
import { WiringError } from './errors.ts';
import { TableIndex } from './index-of.ts';
import type { KeysOf } from './index-of.ts';
import { Readers } from './readers.ts';
import type { Task } from './readers.ts';
import { Settler } from './settle.ts';
import { Store } from './table.ts';
import type { Equals } from './table.ts';
import { TableSink } from './table-sink.ts';
import type { Pair } from './table-sink.ts';
import type { Conflict, GraphOptions, Index, Read, ReadTable, Sink, Table } from './types.ts';

interface TableNode {
  readonly store: Store<unknown>;
  readonly readers: Readers;
  /** Places of the derivations that write it; empty for an input. */
  readonly writers: Set<number>;
  /** The first derivation that has used it; nothing wired later may write it. */
  usedFrom: number;
}

/** A derivation's function: a pure function of one value and of what it reads. */
export type Derive<Tables, Indexes, V, F> = (value: V, read: Read<Tables, Indexes>, key: string) => Iterable<F>;

export class Graph<Tables extends object, Indexes extends object = object> {
  readonly #tables = new Map<string, TableNode>();
  readonly #indexes = new Map<string, TableIndex<unknown>>();
  readonly #derivations: Derivation<unknown, unknown>[] = [];
  readonly #sinks: TableSink<unknown>[] = [];
  readonly #settler: Settler;
  readonly #options: GraphOptions;

  constructor(options: GraphOptions) {
    this.#options = options;
    this.#settler = new Settler(this.#derivations, options);
  }

  /** A new table. Without a sink from `into` it is an input, written inside `enter` by its one producer. */
  table<N extends keyof Tables & string>(name: N, options: { equals?: Equals<Tables[N]> } = {}): Table<Tables[N]> {
    if (this.#tables.has(name)) throw new WiringError(`table ${name} exists already`);
    const store = new Store<Tables[N]>(name, {
      equals: options.equals ?? deepEqual,
      guard: (table) => this.#guardInput(table),
    });
    const readers = new Readers();
    store.listen((key) => readers.wake(key));
    this.#tables.set(name, { store: store as Store<unknown>, readers, writers: new Set(), usedFrom: Infinity });
    return store;
  }

  /** An index over `table`: `keysOf` may yield any number of keys and must be a pure function of its arguments. */
  index<N extends keyof Indexes & string>(
    name: N,
    table: ReadTable<Indexes[N]>,
    keysOf: KeysOf<Indexes[N]>,
  ): Index<Indexes[N]> {
    if (this.#indexes.has(name)) throw new WiringError(`index ${name} exists already`);
    const index = new TableIndex(name, this.#node(table.name, `index ${name}`).store as Store<Indexes[N]>, keysOf);
    this.#indexes.set(name, index as TableIndex<unknown>);
    return index;
  }

  /** Wires `fn` over the keys of `input`. Throws WiringError when `input` is still to be computed by what comes later. */
  derive<V, F>(name: string, input: ReadTable<V>, fn: Derive<Tables, Indexes, V, F>, sink: Sink<F>): void {
    if (this.#derivations.some((derivation) => derivation.name === name)) {
      throw new WiringError(`derivation ${name} exists already`);
    }
    const place = this.#derivations.length;
    const node = this.#node(input.name, `derivation ${name}`);
    node.usedFrom = Math.min(node.usedFrom, place);
    for (const output of sink.outputs ?? []) this.#writes(name, place, output);
    this.#derivations.push(
      new Derivation<unknown, unknown>({
        name,
        input: node.store,
        // The types of the names are checked where `fn` is written; here a name is only a name.
        fn: fn as (value: unknown, read: UntypedRead, key: string) => Iterable<unknown>,
        sink,
        reads: this.#reads(name, place),
        failed: (source, error) => this.#options.onFailure?.(source, error),
      }),
    );
  }

  /** A sink that makes `table` a derived table. Several derivations may share it; a key belongs to one source. */
  into<V>(table: ReadTable<V>): Sink<Pair<V>> {
    const { store } = this.#node(table.name, 'into');
    const sink = new TableSink<unknown>(store, {
      guard: (name) => this.#guardOutput(name),
      conflict: (conflict) => this.#options.onConflict?.(conflict),
    });
    this.#sinks.push(sink);
    return sink;
  }

  /** Writes inputs: at once when quiet, after the settle in progress otherwise; a settle follows by itself. */
  enter(fn: () => void): void {
    this.#settler.enter(fn);
  }

  /** Resolves when everything that entered before this call is settled; rejects on a WiringError. */
  settle(): Promise<void> {
    return this.#settler.settle();
  }

  /** Settles in one go, for tests and for start-up before there is anything to keep alive. */
  settleNow(): void {
    this.#settler.settleNow();
  }

  /** `callback` runs after each settle, before inputs that arrived meanwhile enter. */
  onQuiet(callback: () => void): void {
    this.#settler.onQuiet(callback);
  }

  /** True while nothing is dirty: what the sinks hold is the whole answer to the inputs. */
  get quiet(): boolean {
    return this.#settler.quiet;
  }

  /** Runs every key of every derivation again at the next settle: must change nothing, and repairs when it does. */
  recompute(): void {
    this.#settler.enter(() => {
      for (const derivation of this.#derivations) derivation.rerun();
    });
  }

  /** Runs and failures per derivation since the start. */
  get counters(): Readonly<Record<string, Readonly<Counter>>> {
    return Object.fromEntries(this.#derivations.map(({ name, counter }) => [name, { ...counter }]));
  }

  /** Errors of the sources that are frozen now. */
  get failures(): ReadonlyMap<string, unknown> {
    return new Map(this.#derivations.flatMap(({ failures }) => [...failures]));
  }

  get conflicts(): readonly Conflict[] {
    return this.#sinks.flatMap((sink) => sink.conflicts());
  }

  /** Names of the tables that no derivation writes. */
  get inputs(): readonly string[] {
    return [...this.#tables].filter(([, node]) => node.writers.size === 0).map(([name]) => name);
  }

  /** The content of one table, or of one key of it, sorted by key; for debugging and for the oracle of tests. */
  dump(table: string, key?: string): readonly (readonly [string, unknown])[] {
    const rows = [...this.#node(table, 'dump').store.entries()];
    return rows.filter(([at]) => key === undefined || at === key).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Names of all tables, in the order of their making. */
  get names(): readonly string[] {
    return [...this.#tables.keys()];
  }

  #node(name: string, by: string): TableNode {
    const node = this.#tables.get(name);
    if (!node) throw new WiringError(`${by}: unknown table ${name}`);
    return node;
  }

  #writes(name: string, place: number, output: string): void {
    const node = this.#node(output, `derivation ${name}`);
    if (node.usedFrom <= place) {
      const user = this.#derivations[node.usedFrom]?.name ?? name;
      throw new WiringError(`derivation ${name} writes table ${output}, which ${user} uses before it is complete`);
    }
    node.writers.add(place);
  }

  #reads(name: string, place: number): TrackedRead {
    return {
      get: (task: Task, table: string, key: string): unknown => {
        const node = this.#readable(name, place, table);
        node.readers.add(task, key);
        return node.store.get(key);
      },
      at: (task: Task, index: string, key: string): readonly unknown[] => {
        const found = this.#indexes.get(index);
        if (!found) throw new WiringError(`derivation ${name}: unknown index ${index}`);
        this.#readable(name, place, found.of);
        found.readers.add(task, key);
        return found.at(key);
      },
    };
  }

  #readable(name: string, place: number, table: string): TableNode {
    const node = this.#node(table, `derivation ${name}`);
    for (const writer of node.writers) {
      if (writer < place) continue;
      const by = this.#derivations[writer]?.name ?? '?';
      throw new WiringError(`derivation ${name} reads table ${table}, which ${by} computes later`);
    }
    node.usedFrom = Math.min(node.usedFrom, place);
    return node;
  }

  #guardInput(table: string): void {
    if (this.#tables.get(table)?.writers.size) throw new WiringError(`table ${table} is derived: only its sink writes`);
    if (this.#settler.settling) throw new WiringError(`table ${table} is written in the middle of a settle: use enter`);
  }

  #guardOutput(table: string): void {
    const place = this.#settler.place;
    if (this.#tables.get(table)?.writers.has(place)) return;
    const by = this.#derivations[place]?.name ?? 'nobody';
    throw new WiringError(`table ${table} is written by ${by}, whose sink does not name it in outputs`);
  }
}
