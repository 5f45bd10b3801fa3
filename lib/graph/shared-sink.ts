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
  readonly #counts = new Map<string, number>();

  /** `guard` throws unless the derivation that runs now may write the table. */
  constructor(table: Store<V>, guard: (table: string) => void) {
    this.outputs = [table.name];
    this.#table = table;
    this.#guard = guard;
  }

  replace(source: string, facts: readonly Pair<V>[]): void {
    this.#guard(this.#table.name);
    const held = new Set<string>();
    for (const [key] of facts) if (this.#keys.has(source, key)) held.add(key);
    for (const [key, value] of facts) this.#check(source, key, value);
    const gone = this.#keys.replace(source, facts);
    for (const [key, value] of facts) {
      if (held.has(key)) continue;
      held.add(key);
      const count = this.#counts.get(key) ?? 0;
      this.#counts.set(key, count + 1);
      if (count === 0) this.#table.write(key, value);
    }
    for (const key of gone) this.#release(key);
  }

  /** What the source yielded before stays in the table. */
  freeze(): void {}

  #release(key: string): void {
    const count = (this.#counts.get(key) ?? 0) - 1;
    if (count > 0) this.#counts.set(key, count);
    else {
      this.#counts.delete(key);
      this.#table.erase(key);
    }
  }

  #check(source: string, key: string, value: V): void {
    const known = this.#table.get(key);
    if (known === undefined || this.#table.same(known, value)) return;
    throw new WiringError(`${source} yields another value for ${key} of the shared table ${this.#table.name}`);
  }
}
