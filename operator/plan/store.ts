// The node plan: items stored once with their span, and a change feed per node. It knows which node may see which
// item; a subscriber never hears of an item outside its span. Changes collect until `flush`, so a node is told of
// settled states only.
import type { Sink } from '../../lib/graph/types.ts';
import type { PlanFact, Span } from '../api/fact.ts';
import type { PlanItem } from './item.ts';

/** One change as a node sees it; `item` undefined is a deletion. */
export interface ItemChange {
  readonly key: string;
  readonly item: PlanItem | undefined;
}

export interface Subscriber {
  /** Called once per flush that concerns the node, with all its changes of that revision. */
  changed(changes: readonly ItemChange[], revision: number): void;
}

interface Entry {
  readonly item: PlanItem;
  readonly span: Span;
  readonly source: string;
}

const concerns = (span: Span, node: string): boolean => span === 'all' || span.has(node);

export class PlanStore implements Sink<PlanFact> {
  readonly #entries = new Map<string, Entry>();
  readonly #bySource = new Map<string, readonly string[]>();
  readonly #byNode = new Map<string, Set<string>>();
  /** The spans of one node: the items of a node share theirs. */
  readonly #alone = new Map<string, Span>();
  readonly #everywhere = new Set<string>();
  readonly #before = new Map<string, Entry | undefined>();
  readonly #subscribers = new Map<string, Set<Subscriber>>();
  readonly #conflict: (key: string, sources: readonly [string, string]) => void;
  #revision = 0;

  /** `conflict` hears of two sources that want one key; the first keeps it. */
  constructor(conflict: (key: string, sources: readonly [string, string]) => void) {
    this.#conflict = conflict;
  }

  get revision(): number {
    return this.#revision;
  }

  get size(): number {
    return this.#entries.size;
  }

  replace(source: string, facts: readonly PlanFact[]): void {
    const keys = new Set<string>();
    for (const fact of facts) {
      const holder = this.#entries.get(fact.plan);
      if (holder !== undefined && holder.source !== source) {
        this.#conflict(fact.plan, [holder.source, source]);
        continue;
      }
      keys.add(fact.plan);
      this.#put(fact.plan, { item: fact.item, span: this.#shared(fact.span), source });
    }
    for (const key of this.#bySource.get(source) ?? []) if (!keys.has(key)) this.#put(key, undefined);
    if (keys.size > 0) this.#bySource.set(source, [...keys]);
    else this.#bySource.delete(source);
  }

  /** What a failing source wanted before stays with the nodes. */
  freeze(): void {}

  /** Closes a revision: tells every subscriber what changed for its node since the last flush. */
  flush(): void {
    if (this.#before.size === 0) return;
    this.#revision += 1;
    for (const [node, subscribers] of this.#subscribers) {
      const changes = this.#changesFor(node);
      if (changes.length > 0) for (const subscriber of subscribers) subscriber.changed(changes, this.#revision);
    }
    this.#before.clear();
  }

  /** The items of a node as of now, O(items of that node). */
  *items(node: string): Generator<[string, PlanItem]> {
    for (const keys of [this.#everywhere, this.#byNode.get(node) ?? []]) {
      for (const key of keys) {
        const entry = this.#entries.get(key);
        if (entry !== undefined) yield [key, entry.item];
      }
    }
  }

  /** Registers for the changes after this call; returns the function that ends it. */
  subscribe(node: string, subscriber: Subscriber): () => void {
    const subscribers = this.#subscribers.get(node) ?? new Set();
    this.#subscribers.set(node, subscribers.add(subscriber));
    return () => {
      subscribers.delete(subscriber);
      if (subscribers.size === 0 && this.#subscribers.get(node) === subscribers) this.#subscribers.delete(node);
    };
  }

  #shared(span: Span): Span {
    if (span === 'all' || span.size !== 1) return span;
    const [node = ''] = span;
    const known = this.#alone.get(node) ?? span;
    this.#alone.set(node, known);
    return known;
  }

  #put(key: string, entry: Entry | undefined): void {
    const old = this.#entries.get(key);
    if (!this.#before.has(key)) this.#before.set(key, old);
    if (old !== undefined) this.#unplace(key, old.span);
    if (entry === undefined) {
      this.#entries.delete(key);
    } else {
      this.#entries.set(key, entry);
      this.#place(key, entry.span);
    }
  }

  #place(key: string, span: Span): void {
    if (span === 'all') {
      this.#everywhere.add(key);
      return;
    }
    for (const node of span) {
      const keys = this.#byNode.get(node) ?? new Set();
      this.#byNode.set(node, keys.add(key));
    }
  }

  #unplace(key: string, span: Span): void {
    if (span === 'all') {
      this.#everywhere.delete(key);
      return;
    }
    for (const node of span) {
      const keys = this.#byNode.get(node);
      keys?.delete(key);
      if (keys?.size !== 0) continue;
      this.#byNode.delete(node);
      this.#alone.delete(node);
    }
  }

  #changesFor(node: string): ItemChange[] {
    const changes: ItemChange[] = [];
    for (const [key, before] of this.#before) {
      const after = this.#entries.get(key);
      const had = before !== undefined && concerns(before.span, node);
      const has = after !== undefined && concerns(after.span, node);
      if (has && !(had && sameItem(before.item, after.item))) changes.push({ key, item: after.item });
      else if (had && !has) changes.push({ key, item: undefined });
    }
    return changes;
  }
}

/** Items are plain data built in one place each, so their text decides. */
function sameItem(a: PlanItem, b: PlanItem): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
