// Waiting for something under a key to change, without polling: whoever waits is woken and looks for itself.

export class Bell {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves at the next `ring` of the key; rejects with the signal's reason. Registered before it returns. */
  wait(key: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason as Error);
      const waiters = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiters);
      const settle = (then: () => void): void => {
        waiters.delete(wake);
        if (waiters.size === 0 && this.#waiting.get(key) === waiters) this.#waiting.delete(key);
        signal.removeEventListener('abort', abort);
        then();
      };
      const wake = (): void => settle(resolve);
      const abort = (): void => settle(() => reject(signal.reason as Error));
      waiters.add(wake);
      signal.addEventListener('abort', abort);
    });
  }

  ring(key: string): void {
    for (const wake of this.#waiting.get(key) ?? []) wake();
  }

  /** Looks now and after each ring, until `look` finds something. */
  async until<T>(key: string, signal: AbortSignal, look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await this.wait(key, signal);
    }
  }
}
