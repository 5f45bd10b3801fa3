// A key with several values; a key without values takes no room.

const none: ReadonlySet<never> = new Set<never>();

export class Multimap<K, V> {
  readonly #sets = new Map<K, Set<V>>();

  get(key: K): ReadonlySet<V> {
    return this.#sets.get(key) ?? none;
  }

  has(key: K): boolean {
    return this.#sets.has(key);
  }

  add(key: K, value: V): void {
    const set = this.#sets.get(key);
    if (set) set.add(value);
    else this.#sets.set(key, new Set([value]));
  }

  delete(key: K, value: V): void {
    const set = this.#sets.get(key);
    if (set?.delete(value) && set.size === 0) this.#sets.delete(key);
  }

  /** Takes the whole set out. */
  take(key: K): ReadonlySet<V> {
    const set = this.get(key);
    this.#sets.delete(key);
    return set;
  }

  keys(): IterableIterator<K> {
    return this.#sets.keys();
  }

  entries(): IterableIterator<[K, ReadonlySet<V>]> {
    return this.#sets.entries();
  }

  get size(): number {
    return this.#sets.size;
  }
}
