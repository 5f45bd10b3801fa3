// A secondary index: the values of a table by computed keys. It follows its table synchronously, so that a read of the
// index never disagrees with a read of the table.
import { Readers } from './readers.ts';
import type { Store } from './table.ts';
import type { Index } from './types.ts';

export type KeysOf<V> = (value: V, key: string) => Iterable<string>;

const none: readonly never[] = [];

interface Entry<V> {
  readonly key: string;
  readonly value: V;
}

/** `at` answers in the order of the table's keys, so that equal content reads equal whatever its history. */
export class TableIndex<V> implements Index<V> {
  readonly name: string;
  readonly of: string;
  readonly readers = new Readers();
  readonly #keysOf: KeysOf<V>;
  /** One entry as it is, several in a map: most keys have one. */
  readonly #buckets = new Map<string, Entry<V> | Map<string, V>>();
  readonly #sorted = new Map<string, readonly V[]>();

  constructor(name: string, table: Store<V>, keysOf: KeysOf<V>) {
    this.name = name;
    this.of = table.name;
    this.#keysOf = keysOf;
    for (const [key, value] of table.entries()) this.#changed(key, undefined, value);
    table.listen((key, before, after) => this.#changed(key, before, after));
  }

  at(key: string): readonly V[] {
    const cached = this.#sorted.get(key);
    if (cached) return cached;
    const bucket = this.#buckets.get(key);
    if (!bucket) return none;
    if (!(bucket instanceof Map)) return [bucket.value];
    const values = [...bucket].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
    this.#sorted.set(key, values);
    return values;
  }

  /** A value that keeps an index key still wakes that key's readers: what they read of it has changed. */
  #changed(key: string, before: V | undefined, after: V | undefined): void {
    const now = new Set(after === undefined ? none : this.#keysOf(after, key));
    const touched = new Set(now);
    if (before !== undefined) for (const at of this.#keysOf(before, key)) touched.add(at);
    for (const at of touched) {
      this.#sorted.delete(at);
      this.#put(at, key, now.has(at) ? after : undefined);
      this.readers.wake(at);
    }
  }

  #put(at: string, key: string, value: V | undefined): void {
    const bucket = this.#buckets.get(at);
    if (value === undefined) this.#take(at, key, bucket);
    else if (bucket instanceof Map) bucket.set(key, value);
    else if (!bucket || bucket.key === key) this.#buckets.set(at, { key, value });
    else
      this.#buckets.set(
        at,
        new Map([
          [bucket.key, bucket.value],
          [key, value],
        ]),
      );
  }

  #take(at: string, key: string, bucket: Entry<V> | Map<string, V> | undefined): void {
    if (bucket instanceof Map) bucket.delete(key);
    const empty = bucket instanceof Map ? bucket.size === 0 : bucket?.key === key;
    if (empty) this.#buckets.delete(at);
  }
}
