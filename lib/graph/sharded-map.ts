// A Map in sixteen parts. A Map of 65,536 keys that takes one more is copied whole, which takes milliseconds, and the
// tables, tasks and sinks behind one derivation all grow with the same key: in parts they grow at different times.

const parts = 16;

export class ShardedMap<V> {
  readonly #parts: readonly Map<string, V>[] = Array.from({ length: parts }, () => new Map<string, V>());
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    return this.#part(key).get(key);
  }

  has(key: string): boolean {
    return this.#part(key).has(key);
  }

  set(key: string, value: V): void {
    const part = this.#part(key);
    const before = part.size;
    part.set(key, value);
    this.#size += part.size - before;
  }

  delete(key: string): boolean {
    const gone = this.#part(key).delete(key);
    if (gone) this.#size--;
    return gone;
  }

  *entries(): Generator<[string, V], undefined> {
    for (const part of this.#parts) yield* part.entries();
  }

  *keys(): Generator<string, undefined> {
    for (const part of this.#parts) yield* part.keys();
  }

  *values(): Generator<V, undefined> {
    for (const part of this.#parts) yield* part.values();
  }

  [Symbol.iterator](): Generator<[string, V], undefined> {
    return this.entries();
  }

  /** By the last two characters, in which the names of many things of a kind differ. */
  #part(key: string): Map<string, V> {
    const end = key.length - 1;
    const hash = end < 1 ? 0 : key.charCodeAt(end) + 7 * key.charCodeAt(end - 1);
    return this.#parts[hash % parts] as Map<string, V>;
  }
}
