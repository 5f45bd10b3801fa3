// Where both sides put what is to be written: rows with their text, and elements of sets. The product's side compares
// what a source yields with what it yielded before; the raw side says what it knows.
import { ShardedMap } from '../../lib/graph/sharded-map.ts';
import type { Sink } from '../../lib/graph/types.ts';
import type { Fact } from '../../test/lib/graph/policies.ts';

export class Outbox {
  readonly rows = new Map<string, string | undefined>();
  readonly sets = new Map<string, Map<string, string | undefined>>();

  row(key: string, text: string | undefined): void {
    this.rows.set(key, text);
  }

  element(set: string, element: string, address: string | undefined): void {
    const elements = this.sets.get(set);
    if (elements) elements.set(element, address);
    else this.sets.set(set, new Map([[element, address]]));
  }

  /** Takes everything out; answers how much it was, in a form that two outboxes can be compared by. */
  drain(): number {
    let count = this.rows.size;
    for (const elements of this.sets.values()) count += elements.size;
    this.rows.clear();
    this.sets.clear();
    return count;
  }

  /** The content, sorted. */
  dump(): string[] {
    const rows = [...this.rows].map(([key, text]) => `row ${key}: ${text ?? 'gone'}`);
    const elements = [...this.sets].flatMap(([set, all]) =>
      [...all].map(([element, address]) => `in ${set}: ${element} ${address ?? 'gone'}`),
    );
    return [...rows, ...elements].sort();
  }
}

const none: readonly Fact[] = [];

/** The sink of the product's side. */
export class OutboxSink implements Sink<Fact> {
  readonly #outbox: Outbox;
  readonly #facts = new ShardedMap<readonly Fact[]>();

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  replace(source: string, facts: readonly Fact[]): void {
    const before = this.#facts.get(source) ?? none;
    if (facts.length > 0) this.#facts.set(source, facts);
    else this.#facts.delete(source);
    for (const fact of before) if (!facts.some((other) => sameKey(fact, other))) this.#put(fact, false);
    for (const fact of facts) if (!before.some((other) => same(fact, other))) this.#put(fact, true);
  }

  freeze(source: string, error: unknown): void {
    throw new Error(`${source} failed`, { cause: error });
  }

  #put(fact: Fact, there: boolean): void {
    if ('row' in fact) this.#outbox.row(fact.row, there ? fact.text : undefined);
    else this.#outbox.element(fact.set, fact.element, there ? fact.address : undefined);
  }
}

const sameKey = (a: Fact, b: Fact): boolean =>
  'row' in a ? 'row' in b && a.row === b.row : 'set' in b && a.set === b.set && a.element === b.element;

const same = (a: Fact, b: Fact): boolean =>
  sameKey(a, b) && ('row' in a ? 'row' in b && a.text === b.text : 'set' in b && a.address === b.address);
