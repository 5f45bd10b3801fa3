// A table: keyed values, equality-suppressed, that tells the graph which key changed. Knows nothing of derivations;
// it must never tell of a write that changed nothing, because every stage behind it would run.
import { WiringError } from './errors.ts';
import { Row, wakeReaders } from './row.ts';
import { ShardedMap } from './sharded-map.ts';
import type { Table } from './types.ts';

export type Equals<V> = (a: V, b: V) => boolean;

/** Told after the change is visible; there is no value before of a new key, and none after of a deleted one. */
export type Listener<V> = (row: Row<V>, before: V | undefined) => void;

export interface StoreHooks<V> {
  readonly equals: Equals<V>;
  /** Throws when writing is not allowed at this moment. */
  readonly guard: (table: string) => void;
}

/** Operators per table: a bit of each row for one, in a number that V8 need not put elsewhere. */
const bits = 31;

/** The one implementation of `Table`; the graph hands it out as `Table` to a writer and as `ReadTable` to readers. */
export class Store<V> implements Table<V> {
  readonly name: string;
  /** Also those without a value that somebody reads or has yet to look at. */
  readonly #rows = new ShardedMap<Row<V>>();
  readonly #hooks: StoreHooks<V>;
  readonly #listeners: Listener<V>[] = [];
  #size = 0;
  #bits = 0;

  constructor(name: string, hooks: StoreHooks<V>) {
    this.name = name;
    this.#hooks = hooks;
  }

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    return this.#rows.get(key)?.value;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): Generator<[string, V], undefined> {
    for (const { key, value } of this.rows()) if (value !== undefined) yield [key, value];
  }

  /** Equality as the table sees it. */
  same(a: V, b: V): boolean {
    return this.#hooks.equals(a, b);
  }

  listen(listener: Listener<V>): void {
    this.#listeners.push(listener);
  }

  /** A bit of `Row.queued` that nobody else has. */
  newBit(): number {
    if (this.#bits === bits) throw new WiringError(`table ${this.name} is the input of more than ${bits} operators`);
    return 1 << this.#bits++;
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

  /** All rows, also those without a value. */
  rows(): Iterable<Row<V>> {
    return this.#rows.values();
  }

  find(key: string): Row<V> | undefined {
    return this.#rows.get(key);
  }

  /** The row of a key, made when there is none: to be given a value or a reader. */
  row(key: string): Row<V> {
    let row = this.#rows.get(key);
    if (!row) {
      row = new Row(key, this.#rows);
      this.#rows.set(key, row);
    }
    return row;
  }

  /** `set` for the graph itself, which writes derived tables in the middle of a settle. */
  write(key: string, value: V): void {
    this.put(this.row(key), value);
  }

  /** `delete` for the graph itself. */
  erase(key: string): void {
    const row = this.#rows.get(key);
    if (row) this.clear(row);
  }

  put(row: Row<V>, value: V): void {
    const before = row.value;
    if (before === undefined) this.#size++;
    else if (this.#hooks.equals(before, value)) return;
    row.value = value;
    this.#tell(row, before);
  }

  clear(row: Row<V>): void {
    const before = row.value;
    if (before === undefined) return;
    this.#size--;
    row.value = undefined;
    this.#tell(row, before);
    row.release();
  }

  #tell(row: Row<V>, before: V | undefined): void {
    wakeReaders(row);
    for (const listener of this.#listeners) listener(row, before);
  }
}
