// A table: keyed values, equality-suppressed, that tells the graph which key changed. Knows nothing of derivations;
// it must never tell of a write that changed nothing, because every stage behind it would run.
import { ShardedMap } from './sharded-map.ts';
import type { Table } from './types.ts';

export type Equals<V> = (a: V, b: V) => boolean;

/** Told after the change is visible; `before` and `after` are undefined for a new and a deleted key. */
export type Listener<V> = (key: string, before: V | undefined, after: V | undefined) => void;

export interface StoreHooks<V> {
  readonly equals: Equals<V>;
  /** Throws when writing is not allowed at this moment. */
  readonly guard: (table: string) => void;
}

/** The one implementation of `Table`; the graph hands it out as `Table` to a writer and as `ReadTable` to readers. */
export class Store<V> implements Table<V> {
  readonly name: string;
  readonly #rows = new ShardedMap<V>();
  readonly #hooks: StoreHooks<V>;
  readonly #listeners: Listener<V>[] = [];

  constructor(name: string, hooks: StoreHooks<V>) {
    this.name = name;
    this.#hooks = hooks;
  }

  get size(): number {
    return this.#rows.size;
  }

  get(key: string): V | undefined {
    return this.#rows.get(key);
  }

  has(key: string): boolean {
    return this.#rows.has(key);
  }

  entries(): IterableIterator<[string, V]> {
    return this.#rows.entries();
  }

  /** Equality as the table sees it. */
  same(a: V, b: V): boolean {
    return this.#hooks.equals(a, b);
  }

  listen(listener: Listener<V>): void {
    this.#listeners.push(listener);
  }

  set(key: string, value: V): void {
    this.#hooks.guard(this.name);
    this.write(key, value);
  }

  delete(key: string): void {
    this.#hooks.guard(this.name);
    this.erase(key);
  }

  replace(entries: Iterable<readonly [string, V]>): void {
    this.#hooks.guard(this.name);
    const gone = new Set(this.#rows.keys());
    for (const [key, value] of entries) {
      gone.delete(key);
      this.write(key, value);
    }
    for (const key of gone) this.erase(key);
  }

  /** `set` for the graph itself, which writes derived tables in the middle of a settle. */
  write(key: string, value: V): void {
    const before = this.#rows.get(key);
    if (before !== undefined && this.#hooks.equals(before, value)) return;
    this.#rows.set(key, value);
    for (const listener of this.#listeners) listener(key, before, value);
  }

  /** `delete` for the graph itself. */
  erase(key: string): void {
    const before = this.#rows.get(key);
    if (before === undefined) return;
    this.#rows.delete(key);
    for (const listener of this.#listeners) listener(key, before, undefined);
  }
}
