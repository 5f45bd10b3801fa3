// The sink behind `graph.share(table)`: a derived table whose keys are named after their values, such as selections by
// their canonical form. Any number of sources may yield one key; it stays until the last of them stops.
import { WiringError } from './errors.ts';
import { SourceKeys } from './source-keys.ts';
import type { Store } from './table.ts';
import type { Pair } from './table-sink.ts';
import type { Sink } from './types.ts';

export class SharedSink<V> implements Sink<Pair<V>> {
  readonly outputs: readonly string[];
  readonly #table: Store<V>;
  readonly #guard: (table: string) => void;
  readonly #keys = new SourceKeys();
  /** Sources of the keys that have several; most have one, and it is known by the row that is there. */
  readonly #counts = new Map<string, number>();

  /** `guard` throws unless the derivation that runs now may write the table. */
  constructor(table: Store<V>, guard: (table: string) => void) {
    this.outputs = [table.name];
    this.#table = table;
    this.#guard = guard;
  }

  replace(source: string, facts: readonly Pair<V>[]): void {
    this.#guard(this.#table.name);
    const before = this.#keys.of(source);
    for (const [key, value] of facts) this.#check(source, key, value);
    const gone = this.#keys.replace(source, facts);
    const held = before.length > 0 || facts.length > 1 ? new Set(before) : undefined;
    for (const [key, value] of facts) {
      if (held?.has(key) === true) continue;
      held?.add(key);
      this.#hold(key, value);
    }
    for (const key of gone) this.#release(key);
  }

  /** What the source yielded before stays in the table. */
  freeze(): void {}

  #hold(key: string, value: V): void {
    const row = this.#table.row(key);
    if (row.value === undefined) this.#table.put(row, value);
    else this.#counts.set(key, (this.#counts.get(key) ?? 1) + 1);
  }

  #release(key: string): void {
    const count = this.#counts.get(key) ?? 1;
    if (count === 1) this.#table.erase(key);
    else if (count === 2) this.#counts.delete(key);
    else this.#counts.set(key, count - 1);
  }

  #check(source: string, key: string, value: V): void {
    const known = this.#table.get(key);
    if (known === undefined || this.#table.same(known, value)) return;
    throw new WiringError(`${source} yields another value for ${key} of the shared table ${this.#table.name}`);
  }
}
