// Which keys of a table each source has yielded; most sources yield one, which needs no list.

export class SourceKeys {
  readonly #keys = new Map<string, string | readonly string[]>();

  /** Takes note of the keys of these facts; answers the keys that the source yields no more. */
  replace(source: string, facts: readonly (readonly [string, unknown])[]): readonly string[] {
    const before = this.#keys.get(source);
    if (facts.length === 0) this.#keys.delete(source);
    else this.#keys.set(source, keysOf(facts));
    if (before === undefined) return [];
    const old = typeof before === 'string' ? [before] : before;
    if (facts.length === 0) return old;
    if (old.length === 1 && facts.length === 1 && old[0] === facts[0]?.[0]) return [];
    const now = new Set(facts.map(([key]) => key));
    return old.filter((key) => !now.has(key));
  }

  /** Whether the source has yielded this key. */
  has(source: string, key: string): boolean {
    const keys = this.#keys.get(source);
    return typeof keys === 'string' ? keys === key : (keys?.includes(key) ?? false);
  }
}

function keysOf(facts: readonly (readonly [string, unknown])[]): string | readonly string[] {
  const [first] = facts;
  if (facts.length === 1 && first) return first[0];
  return [...new Set(facts.map(([key]) => key))];
}
