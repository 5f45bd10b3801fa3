// Work by key for the writers: a key is queued once however often it is added, runs alone, is retried with backoff
// until it succeeds, and at most so many keys run at once. What to do for a key is read when it runs, never stored here.
//
// A failure that says something of the server and nothing of the key (nobody answers, too many requests, this process
// does not lead) holds up all keys: one of them tries again after a pause, the others follow when it succeeds. So a
// server that is away or overloaded is asked once per pause, not once per key.
import { backoff, type BackoffLimits, retryDelay, writeBackoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { ApiError, ConnectionError, isTransient, TooManyRequestsError } from './errors.ts';
import { DeposedError } from './writer.ts';

export interface QueueOptions {
  readonly clock: Clock;
  /** Does the key's work as things are now. A rejection is retried. */
  readonly run: (key: string) => Promise<void>;
  /** Told of each failure before its retry is scheduled; not of runs that ended because this process does not lead. */
  readonly onFailure: (key: string, error: unknown, attempt: number) => void;
  /** Keys under way at once; 32. */
  readonly concurrency?: number;
  /** Ms between the starts of two runs of one key; 0. */
  readonly spacingMs?: number;
  readonly backoff?: BackoffLimits;
  readonly meter?: QueueMeter;
}

/** Hears what becomes of keys. Times are ms. */
export interface QueueMeter {
  /** A key that did not wait waits now. */
  added(): void;
  /** A run of one begins, which has waited that long; what is returned is called at its end. */
  began(waitedMs: number): () => void;
  /** One is to be run again because its run has failed. */
  retried(): void;
}

interface Entry {
  /** Not before this time of the clock. */
  due: number;
  running: boolean;
  /** Added again while running. */
  again: boolean;
  attempt: number;
  /** Since when it might have run: pauses after failures and for spacing are not counted. */
  since: number;
  /** No run begins before this, whatever changes: the end of a pause that no change here can shorten. */
  floor: number;
  cancel: () => void;
}

const never = Number.NEGATIVE_INFINITY;
const nothing = (): void => undefined;
/** What is refused may be tried again this soon after it was, when something changes; ms. */
const soonest = 1000;

export class KeyedQueue {
  readonly #options: QueueOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #ready = new Set<string>();
  #running = 0;
  #started = false;
  /** Failures in a row that speak of the server. */
  #outage = 0;
  #pausedUntil = never;
  #cancelPause = nothing;
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

  /** Entries kept, those included that only remember when their key ran last. */
  get remembered(): number {
    return this.#entries.size;
  }

  /** Keys added from now on are run. */
  start(): void {
    this.#started = true;
    this.#outage = 0;
    this.#pausedUntil = never;
    this.#pump();
  }

  /** Nothing starts any more and what waits is forgotten; resolves when what is under way has ended. */
  async stop(): Promise<void> {
    this.#started = false;
    this.#cancelPause();
    for (const [key, entry] of this.#entries) {
      entry.again = false;
      if (!entry.running) this.#forget(key, entry);
    }
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => this.#stopping.push(resolve));
  }

  /**
   * Runs the key soon. The retry of a failure that a change here may mend is brought forward. Nothing happens while
   * stopped: whoever starts adds what there is to do, or a standby would collect all that ever changed.
   */
  add(key: string): void {
    if (!this.#started) return;
    const entry = this.#entry(key);
    if (entry.running) entry.again = true;
    else this.#schedule(key, entry, entry.floor);
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
        since: never,
        floor: never,
        cancel: nothing,
      };
      this.#entries.set(key, entry);
    }
    return entry;
  }

  #schedule(key: string, entry: Entry, at: number): void {
    const now = this.#options.clock.now();
    const due = Math.max(now, at);
    if (due >= entry.due && entry.due !== Number.POSITIVE_INFINITY) return;
    if (entry.due === Number.POSITIVE_INFINITY) this.#options.meter?.added();
    entry.cancel();
    entry.due = due;
    entry.since = due;
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
    for (const key of this.#ready) {
      if (!this.#mayBegin()) return;
      this.#ready.delete(key);
      const entry = this.#entries.get(key);
      if (entry !== undefined) void this.#execute(key, entry);
    }
  }

  #mayBegin(): boolean {
    if (!this.#started || this.#options.clock.now() < this.#pausedUntil) return false;
    return this.#running < (this.#outage > 0 ? 1 : (this.#options.concurrency ?? 32));
  }

  async #execute(key: string, entry: Entry): Promise<void> {
    const { clock, run, onFailure, meter, spacingMs = 0 } = this.#options;
    const ended = meter?.began(clock.now() - entry.since);
    this.#running += 1;
    entry.running = true;
    entry.due = Number.POSITIVE_INFINITY;
    entry.floor = clock.now() + spacingMs;
    let failure: { readonly error: unknown } | undefined;
    try {
      await run(key);
      entry.attempt = 0;
      this.#outage = 0;
    } catch (error) {
      entry.attempt += 1;
      failure = { error };
      if (!(error instanceof DeposedError)) onFailure(key, error, entry.attempt);
    }
    ended?.();
    entry.running = false;
    this.#running -= 1;
    if (!this.#started) this.#forget(key, entry);
    else this.#afterwards(key, entry, failure);
    if (this.#running === 0) for (const resolve of this.#stopping.splice(0)) resolve();
    this.#pump();
  }

  #afterwards(key: string, entry: Entry, failure: { readonly error: unknown } | undefined): void {
    const { clock } = this.#options;
    const again = entry.again;
    entry.again = false;
    if (failure !== undefined) {
      this.#retry(key, entry, { ...failure, again });
    } else if (again) {
      this.#schedule(key, entry, entry.floor);
    } else if (entry.floor > clock.now()) {
      entry.cancel = clock.after(entry.floor - clock.now(), () => this.#rest(key, entry));
    } else {
      this.#forget(key, entry);
    }
  }

  #retry(key: string, entry: Entry, { error, again }: { readonly error: unknown; readonly again: boolean }): void {
    const { clock, meter, backoff: limits = writeBackoff } = this.#options;
    meter?.retried();
    const delay = retryDelay(error, backoff(entry.attempt, limits, clock.random()));
    if (speaksOfServer(error)) {
      this.#pause(error);
      // When it goes on is a matter of the queue. The key comes last, so that it is not always the same that tries.
      entry.attempt -= 1;
      this.#schedule(key, entry, entry.floor);
      return;
    }
    const now = clock.now();
    entry.floor = Math.max(entry.floor, now + (isTransient(error) ? delay : Math.min(delay, soonest)));
    this.#schedule(key, entry, again ? entry.floor : Math.max(entry.floor, now + delay));
  }

  #pause(error: unknown): void {
    const { clock, backoff: limits = writeBackoff } = this.#options;
    const now = clock.now();
    // Of the keys that were under way together, the first tells all.
    if (now < this.#pausedUntil) return;
    this.#outage += 1;
    const ms = retryDelay(error, backoff(this.#outage, limits, clock.random()));
    this.#pausedUntil = now + ms;
    this.#cancelPause();
    this.#cancelPause = clock.after(ms, () => this.#pump());
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

/** Whether every other key would meet the same: nobody answers, or whoever answers has too much to do. */
function speaksOfServer(error: unknown): boolean {
  if (error instanceof DeposedError || error instanceof ConnectionError) return true;
  return error instanceof TooManyRequestsError || (error instanceof ApiError && error.status === 503);
}
