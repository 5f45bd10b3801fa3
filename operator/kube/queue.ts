// Work by key for the writers: a key is queued once however often it is added, runs alone, is retried with backoff
// until it succeeds, and at most so many keys run at once. What to do for a key is read when it runs, never stored here.
import { backoff, type BackoffLimits, retryDelay, writeBackoff } from './backoff.ts';
import type { Clock } from './clock.ts';

export interface QueueOptions {
  readonly clock: Clock;
  /** Does the key's work as things are now. A rejection is retried. */
  readonly run: (key: string) => Promise<void>;
  /** Told of each failure before its retry is scheduled. */
  readonly onFailure: (key: string, error: unknown, attempt: number) => void;
  /** Keys under way at once; 32. */
  readonly concurrency?: number;
  /** Ms between the starts of two runs of one key; 0. */
  readonly spacingMs?: number;
  readonly backoff?: BackoffLimits;
}

interface Entry {
  /** Not before this time of the clock. */
  due: number;
  running: boolean;
  /** Added again while running. */
  again: boolean;
  attempt: number;
  /** Start of the last run, for the spacing. */
  last: number;
  cancel: () => void;
}

const never = Number.NEGATIVE_INFINITY;

export class KeyedQueue {
  readonly #options: QueueOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #ready = new Set<string>();
  #running = 0;
  #started = false;
  readonly #stopping: (() => void)[] = [];

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  /** Keys that wait, run, or wait for a retry. */
  get size(): number {
    let size = 0;
    for (const entry of this.#entries.values()) if (entry.running || entry.due !== Number.POSITIVE_INFINITY) size += 1;
    return size;
  }

  /** Keys added before are run from now on. */
  start(): void {
    this.#started = true;
    this.#pump();
  }

  /** Nothing starts any more; resolves when what is under way has ended. Queued keys stay for the next `start`. */
  async stop(): Promise<void> {
    this.#started = false;
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => this.#stopping.push(resolve));
  }

  /** Runs the key soon; a pending retry is brought forward, since something has changed. */
  add(key: string): void {
    const entry = this.#entry(key);
    if (entry.running) entry.again = true;
    else this.#schedule(key, entry, entry.last + (this.#options.spacingMs ?? 0));
  }

  /** Forgets a key that waits; a run under way is not repeated. */
  drop(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    entry.again = false;
    if (!entry.running) this.#forget(key, entry);
  }

  #entry(key: string): Entry {
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      entry = {
        due: Number.POSITIVE_INFINITY,
        running: false,
        again: false,
        attempt: 0,
        last: never,
        cancel: () => undefined,
      };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #schedule(key: string, entry: Entry, at: number): void {
    const now = this.#options.clock.now();
    const due = Math.max(now, at);
    if (due >= entry.due && entry.due !== Number.POSITIVE_INFINITY) return;
    entry.cancel();
    entry.due = due;
    if (due > now) {
      entry.cancel = this.#options.clock.after(due - now, () => this.#ripe(key));
    } else {
      this.#ripe(key);
    }
  }

  #ripe(key: string): void {
    this.#ready.add(key);
    // In a microtask, so that the facts of one settle are complete before the first key runs.
    queueMicrotask(() => this.#pump());
  }

  #pump(): void {
    const limit = this.#options.concurrency ?? 32;
    for (const key of this.#ready) {
      if (!this.#started || this.#running >= limit) return;
      this.#ready.delete(key);
      const entry = this.#entries.get(key);
      if (entry !== undefined) void this.#execute(key, entry);
    }
  }

  async #execute(key: string, entry: Entry): Promise<void> {
    const { clock, run, onFailure } = this.#options;
    this.#running += 1;
    entry.running = true;
    entry.due = Number.POSITIVE_INFINITY;
    entry.last = clock.now();
    let failure: { readonly error: unknown } | undefined;
    try {
      await run(key);
      entry.attempt = 0;
    } catch (error) {
      entry.attempt += 1;
      failure = { error };
      onFailure(key, error, entry.attempt);
    }
    entry.running = false;
    this.#running -= 1;
    this.#afterwards(key, entry, failure);
    if (this.#running === 0) for (const resolve of this.#stopping.splice(0)) resolve();
    this.#pump();
  }

  #afterwards(key: string, entry: Entry, failure: { readonly error: unknown } | undefined): void {
    const { clock, spacingMs = 0 } = this.#options;
    const spaced = entry.last + spacingMs;
    if (entry.again) {
      entry.again = false;
      this.#schedule(key, entry, spaced);
    } else if (failure !== undefined) {
      const delay = backoff(entry.attempt, this.#options.backoff ?? writeBackoff, clock.random());
      this.#schedule(key, entry, Math.max(spaced, clock.now() + retryDelay(failure.error, delay)));
    } else if (spaced > clock.now()) {
      entry.cancel = clock.after(spaced - clock.now(), () => this.#rest(key, entry));
    } else {
      this.#forget(key, entry);
    }
  }

  // The spacing has passed without another run: the key need not be remembered.
  #rest(key: string, entry: Entry): void {
    if (!entry.running && entry.due === Number.POSITIVE_INFINITY) this.#forget(key, entry);
  }

  #forget(key: string, entry: Entry): void {
    entry.cancel();
    this.#ready.delete(key);
    this.#entries.delete(key);
  }
}
