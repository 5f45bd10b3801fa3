// The graph again, with no thought for cost: everything is computed from the inputs, key by key, by loops over whole
// tables. What the real one holds after any history must be what this one computes.
import type { JoinInputs, Derive } from '../../../lib/graph/graph.ts';
import type { Requirement, Selection, Selector } from '../../../lib/graph/selector.ts';
import type { Index, Read, ReadTable, Sink, Table } from '../../../lib/graph/types.ts';

type Pair<V> = readonly [string, V];

/** What both graphs offer to whoever wires one. */
export interface Wiring<Tables extends object, Indexes extends object> {
  table<N extends keyof Tables & string>(name: N): Table<Tables[N]>;
  index<N extends keyof Indexes & string>(
    name: N,
    table: ReadTable<Indexes[N]>,
    keysOf: (value: Indexes[N], key: string) => Iterable<string>,
  ): Index<Indexes[N]>;
  derive<V, F>(name: string, input: ReadTable<V>, fn: Derive<Tables, Indexes, V, F>, sink: Sink<F>): void;
  join(name: string, inputs: JoinInputs, sink: Sink<Pair<readonly string[]>>): void;
  into<V>(table: ReadTable<V>): Sink<Pair<V>>;
  share<V>(table: ReadTable<V>): Sink<Pair<V>>;
}

class Rows<V> implements Table<V> {
  readonly name: string;
  readonly claims = new Map<string, Map<string, V>>();

  constructor(name: string) {
    this.name = name;
  }

  get size(): number {
    return this.claims.size;
  }

  has(key: string): boolean {
    return this.claims.has(key);
  }

  /** Of several sources the first in text order. */
  get(key: string): V | undefined {
    const claims = this.claims.get(key);
    if (!claims) return undefined;
    let first: string | undefined;
    for (const source of claims.keys()) if (first === undefined || source < first) first = source;
    return claims.get(first ?? '');
  }

  *entries(): Generator<[string, V]> {
    for (const key of this.claims.keys()) yield [key, this.get(key) as V];
  }

  claim(source: string, key: string, value: V): void {
    const claims = this.claims.get(key) ?? new Map<string, V>();
    this.claims.set(key, claims.set(source, value));
  }

  set(key: string, value: V): void {
    this.claim('', key, value);
  }

  delete(key: string): void {
    this.claims.delete(key);
  }

  replace(entries: Iterable<readonly [string, V]>): void {
    this.claims.clear();
    for (const [key, value] of entries) this.set(key, value);
  }
}

const sorted = <V>(rows: Iterable<readonly [string, V]>): [string, V][] =>
  [...rows].map(([key, value]): [string, V] => [key, value]).sort(([a], [b]) => (a < b ? -1 : 1));

const holds = ({ key, operator, values }: Requirement, labels: Readonly<Record<string, string>>): boolean => {
  const value = new Map(Object.entries(labels)).get(key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    default:
      return value === undefined;
  }
};

const all = (selector: Selector, labels: Readonly<Record<string, string>>): boolean =>
  selector.every((requirement) => holds(requirement, labels));

export class BruteForce<Tables extends object, Indexes extends object> implements Wiring<Tables, Indexes> {
  readonly #tables = new Map<string, Rows<unknown>>();
  readonly #indexes = new Map<string, Index<unknown>>();
  readonly #derived = new Set<string>();
  readonly #work: (() => void)[] = [];

  table<N extends keyof Tables & string>(name: N): Table<Tables[N]> {
    const rows = new Rows<Tables[N]>(name);
    this.#tables.set(name, rows);
    return rows;
  }

  index<N extends keyof Indexes & string>(
    name: N,
    table: ReadTable<Indexes[N]>,
    keysOf: (value: Indexes[N], key: string) => Iterable<string>,
  ): Index<Indexes[N]> {
    const at = (wanted: string): Indexes[N][] =>
      sorted(table.entries())
        .filter(([key, value]) => [...keysOf(value, key)].includes(wanted))
        .map(([, value]) => value);
    const index = { name, at };
    this.#indexes.set(name, index);
    return index;
  }

  derive<V, F>(name: string, input: ReadTable<V>, fn: Derive<Tables, Indexes, V, F>, sink: Sink<F>): void {
    const read: Read<Tables, Indexes> = {
      get: (table, key) => this.#tables.get(table)?.get(key) as never,
      at: (index, key) => (this.#indexes.get(index)?.at(key) ?? []) as never,
    };
    this.#work.push(() => {
      for (const [key, value] of input.entries()) sink.replace(`${name}/${key}`, [...fn(value, read, key)]);
    });
  }

  join(name: string, { selections, entities, scopes }: JoinInputs, sink: Sink<Pair<readonly string[]>>): void {
    const selects = (selection: Selection, scope: string, labels: Readonly<Record<string, string>>): boolean => {
      if (selection.scope !== undefined && selection.scope !== scope) return false;
      const outer = scopes.get(scope);
      if (selection.scopes && !(outer && all(selection.scopes, outer.labels))) return false;
      return all(selection.entities, labels);
    };
    this.#work.push(() => {
      for (const [key, { scope, labels }] of entities.entries()) {
        const found = sorted(selections.entries()).filter(([, selection]) => selects(selection, scope, labels));
        if (found.length > 0) sink.replace(`${name}/${key}`, [[key, found.map(([selection]) => selection)]]);
      }
    });
  }

  into<V>(table: ReadTable<V>): Sink<Pair<V>> {
    this.#derived.add(table.name);
    const rows = this.#tables.get(table.name) as Rows<V> | undefined;
    return {
      replace: (source, facts) => {
        for (const [key, value] of facts) rows?.claim(source, key, value);
      },
      freeze: () => undefined,
    };
  }

  share<V>(table: ReadTable<V>): Sink<Pair<V>> {
    return this.into(table);
  }

  /** All tables, from these inputs. */
  compute(inputs: ReadonlyMap<string, ReadTable<unknown>>): Record<string, unknown> {
    for (const name of this.#derived) this.#tables.get(name)?.claims.clear();
    for (const [name, table] of inputs) this.#tables.get(name)?.replace(table.entries());
    for (const work of this.#work) work();
    return Object.fromEntries([...this.#tables].map(([name, rows]) => [`table ${name}`, sorted(rows.entries())]));
  }
}
