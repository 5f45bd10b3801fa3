// Who is held, as one question: the finalizer keeper asks it for its kinds, the allocator for IP objects.
import type { Sink } from '../lib/graph/types.ts';
import type { HoldFact, Ref } from './api/fact.ts';

const keyOf = ({ kind, namespace, name }: Ref): string => `${kind}/${namespace}/${name}`;

/** Counts holds per object and passes them on. */
export class HoldBook implements Sink<HoldFact> {
  readonly #bySource = new Map<string, readonly HoldFact[]>();
  readonly #counts = new Map<string, number>();
  readonly #changed: (about: Ref) => void;

  /** `changed` hears of every object that has got its first hold or lost its last. */
  constructor(changed: (about: Ref) => void) {
    this.#changed = changed;
  }

  isHeld(about: Ref): boolean {
    return this.#counts.has(keyOf(about));
  }

  replace(source: string, facts: readonly HoldFact[]): void {
    const before = this.#bySource.get(source) ?? [];
    for (const { hold } of facts) this.#count(hold, 1);
    for (const { hold } of before) this.#count(hold, -1);
    if (facts.length > 0) this.#bySource.set(source, facts);
    else this.#bySource.delete(source);
  }

  /** A source that failed keeps its holds. */
  freeze(): void {}

  #count(about: Ref, by: number): void {
    const key = keyOf(about);
    const count = (this.#counts.get(key) ?? 0) + by;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
    if (count === 0 || (count === 1 && by === 1)) this.#changed(about);
  }
}

const none: readonly HoldFact[] = [];

/** The holds of one kind, or of all others; the list itself when it is all of them, as it nearly always is. */
function part(facts: readonly HoldFact[], ofIps: boolean): readonly HoldFact[] {
  const found = facts.filter(({ hold }) => (hold.kind === 'IP') === ofIps);
  if (found.length === 0) return none;
  return found.length === facts.length ? facts : found;
}

/** IP objects are the allocator's business, everything else has its finalizer kept: a pod's event must not reach both. */
export function apart(ips: Sink<HoldFact>, others: Sink<HoldFact>): Sink<HoldFact> {
  return {
    replace: (source, facts) => {
      ips.replace(source, part(facts, true));
      others.replace(source, part(facts, false));
    },
    freeze: (source, error) => {
      ips.freeze(source, error);
      others.freeze(source, error);
    },
  };
}

/** A sink that feeds several, in order. */
export function both<F>(...sinks: readonly Sink<F>[]): Sink<F> {
  return {
    replace: (source, facts) => {
      for (const sink of sinks) sink.replace(source, facts);
    },
    freeze: (source, error) => {
      for (const sink of sinks) sink.freeze(source, error);
    },
  };
}
