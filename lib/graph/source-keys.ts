// Which keys of a table each source has yielded; most sources yield one, which needs no list.

import { ShardedMap } from './sharded-map.ts';

type Keys = string | readonly string[];
type Facts = readonly (readonly [string, unknown])[];

const none: readonly string[] = [];

export class SourceKeys {
  readonly #keys = new ShardedMap<Keys>();

  /** Takes note of the keys of these facts; answers the keys that the source yields no more. */
  replace(source: string, facts: Facts): readonly string[] {
    const before = this.swap(source, facts);
    if (before.length === 0) return none;
    if (before.length === 1 && facts.length === 1 && before[0] === facts[0]?.[0]) return none;
    const now = new Set(facts.map(([key]) => key));
    return before.filter((key) => !now.has(key));
  }

  /** Takes note of the keys of these facts; answers those that the source had yielded before, each once. */
  swap(source: string, facts: Facts): readonly string[] {
    const before = this.#keys.get(source);
    if (facts.length === 0) this.#keys.delete(source);
    else if (facts.length > 1 || before !== facts[0]?.[0]) this.#keys.set(source, keysOf(facts));
    return listOf(before);
  }

  /** Whether anything is noted of the source. */
  knows(source: string): boolean {
    return this.#keys.size > 0 && this.#keys.has(source);
  }
}

function listOf(keys: Keys | undefined): readonly string[] {
  if (keys === undefined) return none;
  return typeof keys === 'string' ? [keys] : keys;
}

function keysOf(facts: Facts): Keys {
  const [first] = facts;
  if (facts.length === 1 && first) return first[0];
  return [...new Set(facts.map(([key]) => key))];
}
