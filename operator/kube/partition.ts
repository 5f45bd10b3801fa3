// A part of a table: the keys with one prefix. By it the mirrors of several kinds fill one table, each the one writer of
// its part.
import type { Table } from '../../lib/graph/types.ts';

export class Partition<V> implements Table<V> {
  readonly name: string;
  readonly #table: Table<V>;
  readonly #prefix: string;
  readonly #keys = new Set<string>();

  constructor(table: Table<V>, prefix: string) {
    this.name = `${table.name} ${prefix}`;
    this.#table = table;
    this.#prefix = prefix;
  }

  get size(): number {
    return this.#keys.size;
  }

  get(key: string): V | undefined {
    return this.#table.get(this.#prefix + key);
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  *entries(): IterableIterator<[string, V]> {
    for (const key of this.#keys) {
      const value = this.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  set(key: string, value: V): void {
    this.#keys.add(key);
    this.#table.set(this.#prefix + key, value);
  }

  delete(key: string): void {
    if (this.#keys.delete(key)) this.#table.delete(this.#prefix + key);
  }

  replace(entries: Iterable<readonly [string, V]>): void {
    const gone = new Set(this.#keys);
    for (const [key, value] of entries) {
      gone.delete(key);
      this.set(key, value);
    }
    for (const key of gone) this.delete(key);
  }
}
