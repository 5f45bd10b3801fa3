// Ways by which things outside of the graph follow a table of it: after each settle they hear what became of each key.
import type { Graph } from '../lib/graph/graph.ts';
import type { ReadTable, Sink, Table } from '../lib/graph/types.ts';
import type { Indexes, Tables } from './api/tables.ts';

/** Hears of every change of a table, as part of the settle that brings it. */
export function follow<V>(
  graph: Graph<Tables, Indexes>,
  [name, table]: readonly [name: string, table: ReadTable<V>],
  changed: (key: string, value: V | undefined) => void,
): void {
  const sink: Sink<V> = {
    replace: (source, [value]) => changed(source.slice(name.length + 1), value),
    freeze: () => undefined,
  };
  graph.derive(name, table, (value) => [value], sink);
}

/** A table of one producer outside of the graph, for what no reconciler reads. */
export class Notes<V> implements Table<V> {
  readonly name: string;
  readonly #values = new Map<string, V>();
  readonly #changed: (key: string) => void;

  /** `changed` hears of every key that was set or deleted. */
  constructor(name: string, changed: (key: string) => void) {
    this.name = name;
    this.#changed = changed;
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  entries(): IterableIterator<[string, V]> {
    return this.#values.entries();
  }

  set(key: string, value: V): void {
    this.#values.set(key, value);
    this.#changed(key);
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#changed(key);
  }

  replace(entries: Iterable<readonly [string, V]>): void {
    const gone = new Set(this.#values.keys());
    for (const [key, value] of entries) {
      gone.delete(key);
      this.set(key, value);
    }
    for (const key of gone) this.delete(key);
  }
}

/** A table of which somebody hears what each row was before it changes. Nothing is kept for that. */
export class Heard<V> implements Table<V> {
  readonly name: string;
  readonly #inner: Table<V>;
  readonly #changed: (before: V, now: V) => void;

  constructor(inner: Table<V>, changed: (before: V, now: V) => void) {
    this.name = inner.name;
    this.#inner = inner;
    this.#changed = changed;
  }

  get size(): number {
    return this.#inner.size;
  }

  get(key: string): V | undefined {
    return this.#inner.get(key);
  }

  has(key: string): boolean {
    return this.#inner.has(key);
  }

  entries(): IterableIterator<[string, V]> {
    return this.#inner.entries();
  }

  set(key: string, value: V): void {
    this.#tell(key, value);
    this.#inner.set(key, value);
  }

  delete(key: string): void {
    this.#inner.delete(key);
  }

  replace(entries: Iterable<readonly [string, V]>): void {
    const all = [...entries];
    for (const [key, value] of all) this.#tell(key, value);
    this.#inner.replace(all);
  }

  #tell(key: string, now: V): void {
    const before = this.#inner.get(key);
    if (before !== undefined && before !== now) this.#changed(before, now);
  }
}
