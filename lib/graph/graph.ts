// The graph: tables, indexes and derivations in wiring order. A table is computed before anything that reads it, so
// one pass in wiring order is a settle; there is no way to list a table from within a derivation.
//
//   enter -> input tables -> derivation 1 -> derived table -> derivation 2 -> ... -> sinks
//              (buffered        \__ runs a key again when its input value or anything that it read has changed
//               while settling)
import { Derivation } from './derivation.ts';
import type { Reads, UntypedRead } from './derivation.ts';
import { deepEqual } from './equal.ts';
import { WiringError } from './errors.ts';
import { TableIndex } from './index-of.ts';
import type { KeysOf } from './index-of.ts';
import { Join } from './join.ts';
import type { Labelled } from './matching.ts';
import { outputTo } from './operator.ts';
import type { Counter, KeyedSink, Operator, Output } from './operator.ts';
import type { Labels, Selection } from './selector.ts';
import { Settler } from './settle.ts';
import { SharedSink } from './shared-sink.ts';
import { Store } from './table.ts';
import type { Equals } from './table.ts';
import { TableSink } from './table-sink.ts';
import type { Pair } from './table-sink.ts';
import type { Conflict, GraphOptions, Index, Read, ReadTable, Sink, Table } from './types.ts';

interface TableNode {
  readonly store: Store<unknown>;
  /** Places of the operators that write it; empty for an input. */
  readonly writers: Set<number>;
  /** The first operator that has used it; nothing wired later may write it. */
  usedFrom: number;
  /** Through which operators write it: one, so that it sees all sources of a key. */
  sink: TableSink<unknown> | SharedSink<unknown> | undefined;
}

/** A derivation's function: a pure function of one value and of what it reads. */
export type Derive<Tables, Indexes, V, F> = (value: V, read: Read<Tables, Indexes>, key: string) => Iterable<F>;

/** What a join follows; rows may hold more than is asked for here. */
export interface JoinInputs {
  readonly selections: ReadTable<Selection>;
  readonly entities: ReadTable<Labelled>;
  /** The labels of what entities belong to, by the key that an entity names as its `scope`. */
  readonly scopes: ReadTable<{ readonly labels: Labels }>;
}

export class Graph<Tables extends object, Indexes extends object = object> {
  readonly #tables = new Map<string, TableNode>();
  readonly #indexes = new Map<string, TableIndex<unknown>>();
  readonly #operators: Operator[] = [];
  readonly #joins = new Map<string, Join>();
  readonly #settler: Settler;
  readonly #options: GraphOptions;

  constructor(options: GraphOptions) {
    this.#options = options;
    this.#settler = new Settler(this.#operators, options);
  }

  /** A new table. Without a sink from `into` it is an input, written inside `enter` by its one producer. */
  table<N extends keyof Tables & string>(name: N, options: { equals?: Equals<Tables[N]> } = {}): Table<Tables[N]> {
    if (this.#tables.has(name)) throw new WiringError(`table ${name} exists already`);
    const store = new Store<Tables[N]>(name, {
      equals: options.equals ?? deepEqual,
      guard: (table) => this.#guardInput(table),
    });
    this.#tables.set(name, {
      store: store as Store<unknown>,
      writers: new Set(),
      usedFrom: Infinity,
      sink: undefined,
    });
    return store;
  }

  /** An index over `table`: `keysOf` may yield any number of keys and must be a pure function of its arguments. */
  index<N extends keyof Indexes & string>(
    name: N,
    table: ReadTable<Indexes[N]>,
    keysOf: KeysOf<Indexes[N]>,
  ): Index<Indexes[N]> {
    if (this.#indexes.has(name)) throw new WiringError(`index ${name} exists already`);
    const { store } = this.#node(table.name, `index ${name}`);
    const index = new TableIndex(name, store as Store<Indexes[N]>, keysOf);
    this.#indexes.set(name, index as TableIndex<unknown>);
    return index;
  }

  /** Wires `fn` over the keys of `input`. Throws WiringError when `input` is still to be computed by what comes later. */
  derive<V, F>(name: string, input: ReadTable<V>, fn: Derive<Tables, Indexes, V, F>, sink: Sink<F>): void {
    const place = this.#newPlace('derivation', name);
    const store = this.#input(`derivation ${name}`, place, input) as Store<unknown>;
    this.#writes(`derivation ${name}`, place, sink);
    this.#operators.push(
      new Derivation<unknown, unknown>({
        name,
        input: store,
        // The types of the names are checked where `fn` is written; here a name is only a name.
        fn: fn as (value: unknown, read: UntypedRead, key: string) => Iterable<unknown>,
        output: outputOf(name, sink as Sink<unknown>),
        reads: this.#reads(name, place),
        failed: (source, error) => this.#options.onFailure?.(source, error),
      }),
    );
  }

  /**
   * Wires a join: for each entity the keys of the selections that it is a member of, as the fact `[entity, selections]`,
   * from source `name/entity`; no fact for an entity that is in none. The lists are sorted, and shared by the entities
   * that have the same labels. Throws WiringError as `derive` does.
   */
  join(name: string, inputs: JoinInputs, sink: Sink<Pair<readonly string[]>>): void {
    const by = `join ${name}`;
    const place = this.#newPlace('join', name);
    const join = new Join({
      name,
      selections: this.#input(by, place, inputs.selections),
      entities: this.#input(by, place, inputs.entities),
      scopes: this.#input(by, place, inputs.scopes),
      output: outputOf(name, sink),
    });
    this.#writes(by, place, sink);
    this.#operators.push(join);
    this.#joins.set(name, join);
  }

  /** The sink that makes `table` a derived table. Several derivations may share it; a key belongs to one source. */
  into<V>(table: ReadTable<V>): KeyedSink<Pair<V>> {
    const node = this.#node(table.name, 'into');
    node.sink ??= new TableSink(node.store, {
      guard: (name) => this.#guardOutput(name),
      conflict: (conflict) => this.#options.onConflict?.(conflict),
    });
    if (!(node.sink instanceof TableSink)) throw new WiringError(`into: table ${table.name} is shared`);
    return node.sink;
  }

  /**
   * As `into`, for keys that are named after their values: any number of sources may yield one, and it goes with the
   * last. A value that does not follow from its key is a WiringError.
   */
  share<V>(table: ReadTable<V>): Sink<Pair<V>> {
    const node = this.#node(table.name, 'share');
    node.sink ??= new SharedSink(node.store, (name) => this.#guardOutput(name));
    if (!(node.sink instanceof SharedSink)) throw new WiringError(`share: table ${table.name} is not shared`);
    return node.sink;
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
      for (const operator of this.#operators) operator.rerun();
    });
  }

  /** Runs and failures per derivation and join since the start. */
  get counters(): Readonly<Record<string, Readonly<Counter>>> {
    return Object.fromEntries(this.#operators.map(({ name, counter }) => [name, { ...counter }]));
  }

  /** Errors of the sources that are frozen now. */
  get failures(): ReadonlyMap<string, unknown> {
    return new Map(this.#operators.flatMap(({ failures }) => [...failures]));
  }

  get conflicts(): readonly Conflict[] {
    return [...this.#tables.values()].flatMap(({ sink }) => (sink instanceof TableSink ? sink.conflicts() : []));
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

  /** The label sets of a join with their entities and selections, for debugging. */
  dumpJoin(name: string): readonly object[] {
    const join = this.#joins.get(name);
    if (!join) throw new WiringError(`dump: unknown join ${name}`);
    return join.dump();
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

  /** Where an operator of this name comes to stand. */
  #newPlace(kind: string, name: string): number {
    if (this.#operators.some((operator) => operator.name === name)) {
      throw new WiringError(`${kind} ${name}: an operator of this name exists already`);
    }
    return this.#operators.length;
  }

  /** The table behind an input of the operator at `place`, complete from there on. */
  #input<V>(by: string, place: number, input: ReadTable<V>): Store<V> {
    const node = this.#node(input.name, by);
    node.usedFrom = Math.min(node.usedFrom, place);
    return node.store as Store<V>;
  }

  #writes(by: string, place: number, { outputs = [] }: Sink<never>): void {
    for (const output of outputs) {
      const node = this.#node(output, by);
      if (node.usedFrom <= place) {
        const user = node.usedFrom === place ? 'it' : (this.#operators[node.usedFrom]?.name ?? 'it');
        throw new WiringError(`${by} writes table ${output}, which ${user} uses before it is complete`);
      }
      node.writers.add(place);
    }
  }

  /** What is found under a name stays found: nothing wired later may write it. */
  #reads(name: string, place: number): Reads {
    const stores = new Map<string, Store<unknown>>();
    const indexes = new Map<string, TableIndex<unknown>>();
    const store = (table: string): Store<unknown> => {
      const { store: found } = this.#readable(name, place, table);
      stores.set(table, found);
      return found;
    };
    const index = (of: string): TableIndex<unknown> => {
      const found = this.#indexes.get(of);
      if (!found) throw new WiringError(`derivation ${name}: unknown index ${of}`);
      this.#readable(name, place, found.of);
      indexes.set(of, found);
      return found;
    };
    return {
      row: (table, key) => (stores.get(table) ?? store(table)).row(key),
      bucket: (of, key) => (indexes.get(of) ?? index(of)).bucket(key),
    };
  }

  #readable(name: string, place: number, table: string): TableNode {
    const node = this.#node(table, `derivation ${name}`);
    for (const writer of node.writers) {
      if (writer < place) continue;
      const by = this.#operators[writer]?.name ?? '?';
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
    const by = this.#operators[place]?.name ?? 'nobody';
    throw new WiringError(`table ${table} is written by ${by}, whose sink does not name it in outputs`);
  }
}

/** A table takes facts by key; most others by the name of their source. */
function outputOf<F>(name: string, sink: Sink<F> | KeyedSink<F>): Output<F> {
  return 'output' in sink ? sink.output(name) : outputTo(sink);
}
