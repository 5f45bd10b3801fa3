// The sink behind `graph.into(table)`: facts are `[key, value]` pairs of a derived table. A key with two sources is an
// error of the wiring's author that shows only in data: it is named, and settled the same way in whatever order the
// sources came, since a fresh process must compute the same.
import { ShardedMap } from './sharded-map.ts';
import { SourceKeys } from './source-keys.ts';
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
  readonly #keys = new SourceKeys();
  /** The source of each key, the first in text order of a contested one: its value is the table's. */
  readonly #holders = new ShardedMap<string>();
  /** All claims of the contested keys, by source. */
  readonly #contested = new Map<string, Map<string, V>>();

  constructor(table: Store<V>, hooks: TableSinkHooks) {
    this.outputs = [table.name];
    this.#table = table;
    this.#hooks = hooks;
  }

  replace(source: string, facts: readonly Pair<V>[]): void {
    this.#hooks.guard(this.#table.name);
    for (const key of this.#keys.replace(source, facts)) this.#withdraw(source, key);
    if (facts.length === 1 && facts[0]) this.#claim(source, facts[0][0], facts[0][1]);
    if (facts.length < 2) return;
    const now = new Map(facts);
    for (const [key, value] of now) this.#claim(source, key, value);
    if (now.size < facts.length) this.#twice(source, facts);
  }

  /** What the source yielded before stays in the table. */
  freeze(): void {}

  conflicts(): Conflict[] {
    return [...this.#contested].map(([key, claims]) => this.#conflict(key, claims));
  }

  #claim(source: string, key: string, value: V): void {
    const holder = this.#holders.get(key);
    if (holder === undefined) this.#holders.set(key, source);
    else if (holder !== source || this.#contested.has(key)) {
      this.#dispute({ source, key, value }, holder);
      return;
    }
    this.#table.write(key, value);
  }

  #dispute({ source, key, value }: { source: string; key: string; value: V }, holder: string): void {
    const claims = this.#contest(key, holder);
    const fresh = !claims.has(source);
    claims.set(source, value);
    if (fresh) this.#hooks.conflict(this.#conflict(key, claims));
    this.#decide(key);
  }

  #withdraw(source: string, key: string): void {
    const claims = this.#contested.get(key);
    if (!claims) {
      this.#holders.delete(key);
      this.#table.erase(key);
      return;
    }
    claims.delete(source);
    this.#decide(key);
  }

  /** The claims of a key, from now on counted one by one. */
  #contest(key: string, holder: string): Map<string, V> {
    const known = this.#contested.get(key);
    if (known) return known;
    const claims = new Map<string, V>([[holder, this.#table.get(key) as V]]);
    this.#contested.set(key, claims);
    return claims;
  }

  #decide(key: string): void {
    const claims = this.#contested.get(key) ?? new Map<string, V>();
    let first: Pair<V> | undefined;
    for (const claim of claims) if (!first || claim[0] < first[0]) first = claim;
    if (!first) return;
    this.#holders.set(key, first[0]);
    this.#table.write(key, first[1]);
    if (claims.size === 1) this.#contested.delete(key);
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
