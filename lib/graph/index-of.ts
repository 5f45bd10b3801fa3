// A secondary index: the values of a table by computed keys. It follows its table synchronously, so that a read of the
// index never disagrees with a read of the table.
import { excluding, including } from './many.ts';
import type { Many } from './many.ts';
import { wakeReaders } from './row.ts';
import type { Cell, Reader, Row } from './row.ts';
import type { Store } from './table.ts';
import type { Index } from './types.ts';

export type KeysOf<V> = (value: V, key: string) => Iterable<string>;

const none: readonly never[] = [];

/** The rows under one key of the index. */
class Bucket<V> implements Cell {
  readonly key: string;
  readers: Many<Reader> | undefined = undefined;
  #rows: Many<Row<V>> | undefined = undefined;
  #sorted: readonly V[] | undefined = undefined;
  readonly #buckets: Map<string, Bucket<V>>;

  constructor(key: string, buckets: Map<string, Bucket<V>>) {
    this.key = key;
    this.#buckets = buckets;
  }

  /** In the order of the table's keys, so that equal content reads equal whatever its history. */
  get values(): readonly V[] {
    const rows = this.#rows;
    if (!rows) return none;
    if (!(rows instanceof Set)) return [rows.value as V];
    return (this.#sorted ??= [...rows].sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ value }) => value as V));
  }

  /** A row that stays wakes the readers too: what they read of it has changed. */
  change(row: Row<V>, here: boolean): void {
    this.#sorted = undefined;
    this.#rows = here ? including(this.#rows, row) : excluding(this.#rows, row);
    wakeReaders(this);
    this.release();
  }

  release(): void {
    if (!this.#rows && !this.readers) this.#buckets.delete(this.key);
  }
}

export class TableIndex<V> implements Index<V> {
  readonly name: string;
  readonly of: string;
  readonly #keysOf: KeysOf<V>;
  readonly #buckets = new Map<string, Bucket<V>>();

  constructor(name: string, table: Store<V>, keysOf: KeysOf<V>) {
    this.name = name;
    this.of = table.name;
    this.#keysOf = keysOf;
    for (const row of table.rows()) this.#changed(row, undefined);
    table.listen((row, before) => this.#changed(row, before));
  }

  at(key: string): readonly V[] {
    return this.#buckets.get(key)?.values ?? none;
  }

  /** The bucket of a key, made when there is none: to be given a row or a reader. */
  bucket(key: string): Bucket<V> {
    let bucket = this.#buckets.get(key);
    if (!bucket) {
      bucket = new Bucket(key, this.#buckets);
      this.#buckets.set(key, bucket);
    }
    return bucket;
  }

  #changed(row: Row<V>, before: V | undefined): void {
    const now = row.value === undefined ? none : distinct(this.#keysOf(row.value, row.key));
    const old = before === undefined ? none : distinct(this.#keysOf(before, row.key));
    for (const at of old) if (!has(now, at)) this.bucket(at).change(row, false);
    for (const at of now) this.bucket(at).change(row, true);
  }
}

type Keys = readonly string[] | ReadonlySet<string>;

/** Most rows have no key or one, for which a Set would cost more than all the rest. */
function distinct(keys: Iterable<string>): Keys {
  return Array.isArray(keys) && keys.length < 2 ? (keys as readonly string[]) : new Set(keys);
}

function has(keys: Keys, key: string): boolean {
  return 'has' in keys ? keys.has(key) : keys[0] === key;
}
