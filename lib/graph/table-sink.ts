// The sink behind `graph.into(table)`: facts are `[key, value]` pairs of a derived table. A key with two sources is an
// error of the wiring's author that shows only in data: it is named, and settled the same way in whatever order the
// sources came, since a fresh process must compute the same.
import type { Store } from './table.ts';
import type { Conflict, Sink } from './types.ts';

export type Pair<V> = readonly [string, V];

export interface TableSinkHooks {
  /** Throws unless the derivation that runs now may write `table`. */
  readonly guard: (table: string) => void;
  readonly conflict: (conflict: Conflict) => void;
}

export class TableSink<V> implements Sink<Pair<V>> {
  readonly outputs: readonly string[];
  readonly #table: Store<V>;
  readonly #hooks: TableSinkHooks;
  readonly #keys = new Map<string, readonly string[]>();
  /** Claims of a key by source; only a contested key has more than one. */
  readonly #claims = new Map<string, Map<string, V>>();

  constructor(table: Store<V>, hooks: TableSinkHooks) {
    this.outputs = [table.name];
    this.#table = table;
    this.#hooks = hooks;
  }

  replace(source: string, facts: readonly Pair<V>[]): void {
    this.#hooks.guard(this.#table.name);
    const now = new Map(facts);
    const before = this.#keys.get(source) ?? [];
    if (now.size > 0) this.#keys.set(source, [...now.keys()]);
    else this.#keys.delete(source);
    for (const key of before) if (!now.has(key)) this.#withdraw(source, key);
    for (const [key, value] of now) this.#claim(source, key, value);
    if (now.size < facts.length) this.#twice(source, facts);
  }

  /** What the source yielded before stays in the table. */
  freeze(): void {}

  conflicts(): Conflict[] {
    return [...this.#claims]
      .filter(([, claims]) => claims.size > 1)
      .map(([key, claims]) => this.#conflict(key, claims));
  }

  #claim(source: string, key: string, value: V): void {
    const claims = this.#claims.get(key) ?? new Map<string, V>();
    this.#claims.set(key, claims);
    const fresh = !claims.has(source);
    claims.set(source, value);
    if (fresh && claims.size > 1) this.#hooks.conflict(this.#conflict(key, claims));
    this.#publish(key, claims);
  }

  #withdraw(source: string, key: string): void {
    const claims = this.#claims.get(key);
    if (!claims?.delete(source)) return;
    if (claims.size === 0) this.#claims.delete(key);
    this.#publish(key, claims);
  }

  #publish(key: string, claims: ReadonlyMap<string, V>): void {
    let first: Pair<V> | undefined;
    for (const claim of claims) if (!first || claim[0] < first[0]) first = claim;
    if (first) this.#table.write(key, first[1]);
    else this.#table.erase(key);
  }

  #twice(source: string, facts: readonly Pair<V>[]): void {
    const seen = new Set<string>();
    for (const [key] of facts) {
      if (seen.has(key)) this.#hooks.conflict({ table: this.#table.name, key, sources: [source, source] });
      seen.add(key);
    }
  }

  #conflict(key: string, claims: ReadonlyMap<string, V>): Conflict {
    return { table: this.#table.name, key, sources: [...claims.keys()].sort() };
  }
}
