// Which keys of a table each source has yielded; most sources yield one, which needs no list.

import { ShardedMap } from './sharded-map.ts';

const none: readonly string[] = [];

export class SourceKeys {
  readonly #keys = new ShardedMap<string | readonly string[]>();

  /** Takes note of the keys of these facts; answers the keys that the source yields no more. */
  replace(source: string, facts: readonly (readonly [string, unknown])[]): readonly string[] {
    const before = this.#keys.get(source);
    if (facts.length === 0) {
      this.#keys.delete(source);
      return listOf(before);
    }
    if (facts.length === 1 && before === facts[0]?.[0]) return none;
    this.#keys.set(source, keysOf(facts));
    if (before === undefined) return none;
    const now = new Set(facts.map(([key]) => key));
    return listOf(before).filter((key) => !now.has(key));
  }

  /** Whether the source has yielded this key. */
  has(source: string, key: string): boolean {
    const keys = this.#keys.get(source);
    return typeof keys === 'string' ? keys === key : (keys?.includes(key) ?? false);
  }
}

function listOf(keys: string | readonly string[] | undefined): readonly string[] {
  if (keys === undefined) return none;
  return typeof keys === 'string' ? [keys] : keys;
}

function keysOf(facts: readonly (readonly [string, unknown])[]): string | readonly string[] {
  const [first] = facts;
  if (facts.length === 1 && first) return first[0];
  return [...new Set(facts.map(([key]) => key))];
}
