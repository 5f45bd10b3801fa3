// The sink behind `graph.into(table)`: facts are `[key, value]` pairs of a derived table. A key with two sources is an
// error of the wiring's author that shows only in data: it is named, and settled the same way in whatever order the
// sources came, since a fresh process must compute the same.
import type { KeyedSink, Output } from './operator.ts';
import type { Holder } from './row.ts';
import type { Source } from './source.ts';
import { SourceKeys } from './source-keys.ts';
import type { Store } from './table.ts';
import type { Conflict } from './types.ts';

export type Pair<V> = readonly [string, V];

export interface TableSinkHooks {
  /** Throws unless the derivation that runs now may write `table`. */
  readonly guard: (table: string) => void;
  readonly conflict: (conflict: Conflict) => void;
}

interface Claim<V> {
  readonly holder: Holder;
  readonly key: string;
  readonly value: V;
}

export class TableSink<V> implements KeyedSink<Pair<V>> {
  readonly outputs: readonly string[];
  readonly #table: Store<V>;
  readonly #hooks: TableSinkHooks;
  readonly #bySource: TableOutput<V>;
  /** All claims of the contested keys, by source. The holder of a key is the first in text order. */
  readonly #contested = new Map<string, Map<string, Claim<V>>>();

  constructor(table: Store<V>, hooks: TableSinkHooks) {
    this.outputs = [table.name];
    this.#table = table;
    this.#hooks = hooks;
    this.#bySource = new TableOutput(this, '');
  }

  replace(source: string, facts: readonly Pair<V>[]): void {
    this.#hooks.guard(this.#table.name);
    this.#bySource.put(source, facts);
  }

  /** What the source yielded before stays in the table. */
  freeze(): void {}

  /** Where the operator of this name writes. */
  output(name: string): Output<Pair<V>> {
    return new TableOutput(this, `${name}/`);
  }

  conflicts(): Conflict[] {
    return [...this.#contested].map(([key, claims]) => this.#conflict(key, claims.keys()));
  }

  claim(claim: Claim<V>): void {
    const row = this.#table.row(claim.key);
    row.holder ??= claim.holder;
    if (row.holder === claim.holder && !this.#contested.has(claim.key)) this.#table.put(row, claim.value);
    else this.#dispute(claim, { holder: row.holder, key: row.key, value: row.value as V });
  }

  /** Takes back what this holder claims of the key, if it does. */
  withdraw(holder: Holder, key: string): void {
    const claims = this.#contested.get(key);
    if (claims) {
      claims.delete(sourceOf(holder, key));
      this.#decide(key, claims);
      return;
    }
    const row = this.#table.find(key);
    if (row?.holder !== holder) return;
    row.holder = undefined;
    this.#table.clear(row);
  }

  /** Tells of keys that one source yielded more than once. */
  twice(source: string, facts: readonly Pair<V>[]): void {
    const seen = new Set<string>();
    for (const [key] of facts) {
      if (seen.has(key)) this.#hooks.conflict(this.#conflict(key, [source, source]));
      seen.add(key);
    }
  }

  #dispute(claim: Claim<V>, held: Claim<V>): void {
    const { key } = claim;
    const source = sourceOf(claim.holder, key);
    const claims = this.#contested.get(key) ?? new Map([[sourceOf(held.holder, key), held]]);
    this.#contested.set(key, claims);
    const fresh = !claims.has(source);
    claims.set(source, claim);
    if (fresh) this.#hooks.conflict(this.#conflict(key, claims.keys()));
    this.#decide(key, claims);
  }

  #decide(key: string, claims: ReadonlyMap<string, Claim<V>>): void {
    let first: [string, Claim<V>] | undefined;
    for (const claim of claims) if (!first || claim[0] < first[0]) first = claim;
    if (!first) return;
    const row = this.#table.row(key);
    row.holder = first[1].holder;
    this.#table.put(row, first[1].value);
    if (claims.size === 1) this.#contested.delete(key);
  }

  #conflict(key: string, sources: Iterable<string>): Conflict {
    return { table: this.#table.name, key, sources: [...sources].sort() };
  }
}

/** What one operator writes. Keys that yield themselves, which most do, need no note but the row's own. */
class TableOutput<V> implements Output<Pair<V>> {
  readonly #sink: TableSink<V>;
  readonly #prefix: string;
  /** What the others have yielded. */
  readonly #keys = new SourceKeys();

  constructor(sink: TableSink<V>, prefix: string) {
    this.#sink = sink;
    this.#prefix = prefix;
  }

  sourceOf(key: string): string {
    return this.#prefix + key;
  }

  replace({ row }: Source, facts: readonly Pair<V>[]): void {
    this.put(row.key, facts);
  }

  freeze(): void {}

  put(from: string, facts: readonly Pair<V>[]): void {
    const known = this.#keys.knows(from);
    const own = facts.some(([key]) => key === from);
    if (!known && !own) this.#sink.withdraw(this, from);
    if (known || facts.length > (own ? 1 : 0))
      for (const key of this.#keys.replace(from, facts)) this.#sink.withdraw(this.#holder(from, key), key);
    const last = facts.length < 2 ? facts : new Map(facts);
    for (const [key, value] of last) this.#sink.claim({ holder: this.#holder(from, key), key, value });
    if (facts.length > 1) this.#sink.twice(this.sourceOf(from), facts);
  }

  #holder(from: string, key: string): Holder {
    return key === from ? this : this.sourceOf(from);
  }
}

const sourceOf = (holder: Holder, key: string): string => (typeof holder === 'string' ? holder : holder.sourceOf(key));
