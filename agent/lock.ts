// One thing at a time per key: two sandboxes of one pod never work on its port at the same moment.

export class KeyedLock {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` after everything that was asked for under the key before. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const { promise: tail, resolve: release } = Promise.withResolvers<void>();
    this.#tails.set(key, tail);
    await before;
    try {
      return await work();
    } finally {
      release();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
