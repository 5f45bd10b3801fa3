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
    const before = this.#keys.swap(source, facts);
    if (before.length === 0 && facts.length === 1) {
      this.#hold(source, facts[0] as Pair<V>);
      return;
    }
    const gone = new Set(before);
    const held = new Set(before);
    for (const fact of facts) {
      const [key] = fact;
      gone.delete(key);
      if (held.has(key)) this.#check(source, this.#table.get(key), fact);
      else this.#hold(source, fact);
      held.add(key);
    }
    for (const key of gone) this.#release(key);
  }

  /** What the source yielded before stays in the table. */
  freeze(): void {}

  #hold(source: string, fact: Pair<V>): void {
    const [key, value] = fact;
    const row = this.#table.row(key);
    this.#check(source, row.value, fact);
    if (row.value === undefined) this.#table.put(row, value);
    else this.#counts.set(key, (this.#counts.get(key) ?? 1) + 1);
  }

  #release(key: string): void {
    const count = this.#counts.get(key) ?? 1;
    if (count === 1) this.#table.erase(key);
    else if (count === 2) this.#counts.delete(key);
    else this.#counts.set(key, count - 1);
  }

  #check(source: string, known: V | undefined, [key, value]: Pair<V>): void {
    if (known === undefined || known === value || this.#table.same(known, value)) return;
    throw new WiringError(`${source} yields another value for ${key} of the shared table ${this.#table.name}`);
  }
}
