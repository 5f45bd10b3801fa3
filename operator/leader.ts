// What only the leader does, as one thing that is switched on and off any number of times. Turns run one after the
// other: a deposed process has stopped everything before it can begin again.
import type { Clock } from './kube/clock.ts';
import { messageOf } from './kube/errors.ts';
import type { Log } from './kube/log.ts';
import type { Part } from './kube/operator.ts';
import { KeyedQueue } from './kube/queue.ts';

/** Something that takes requests to get ready, and is tried until it succeeds. */
export interface Task {
  readonly name: string;
  readonly run: () => Promise<void>;
  /** Run again after this many ms. */
  readonly everyMs?: number;
}

export interface LeaderOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** In the order in which they are started; starting one does not fail. */
  readonly parts: readonly Part[];
  /** Begun after the parts, side by side. */
  readonly tasks: readonly Task[];
}

export class Leader {
  readonly #options: LeaderOptions;
  readonly #queue: KeyedQueue;
  readonly #timers = new Set<() => void>();
  #turn: Promise<void> = Promise.resolve();
  #leading = false;
  /** Counts elections and depositions: a turn that is no longer the last has nothing to begin. */
  #term = 0;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#queue = new KeyedQueue({
      clock: options.clock,
      run: (name) => this.#task(name),
      onFailure: (task, error, attempt) =>
        options.log.warn({ task, attempt, error: messageOf(error) }, 'task of the leader failed'),
    });
  }

  /** Whether the parts are switched on. */
  get leading(): boolean {
    return this.#leading;
  }

  elected(): void {
    const term = ++this.#term;
    this.#turn = this.#turn.then(() => this.#on(term));
  }

  /** Nothing of the leader's begins after this call. Resolves when nothing is under way any more. */
  deposed(): Promise<void> {
    this.#term += 1;
    this.#leading = false;
    this.#turn = this.#after(this.#turn, this.#off());
    return this.#turn;
  }

  // What was being switched on meanwhile is switched off as well.
  async #after(...before: readonly Promise<void>[]): Promise<void> {
    await Promise.all(before);
    await this.#off();
  }

  async #on(term: number): Promise<void> {
    for (const part of this.#options.parts) {
      if (term !== this.#term) return;
      await part.start();
    }
    if (term !== this.#term) return;
    this.#leading = true;
    this.#queue.start();
    for (const { name } of this.#options.tasks) this.#queue.add(name);
  }

  // All at once: none of them waits for another before it begins nothing more.
  async #off(): Promise<void> {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    const parts = this.#options.parts.toReversed().map((part) => this.#stopped(part));
    await Promise.all([this.#queue.stop(), ...parts]);
  }

  async #stopped(part: Part): Promise<void> {
    try {
      await part.stop();
    } catch (error) {
      this.#options.log.error({ part: part.name, error: messageOf(error) }, 'part could not be stopped');
    }
  }

  async #task(name: string): Promise<void> {
    const task = this.#options.tasks.find((known) => known.name === name);
    if (task === undefined || !this.#leading) return;
    await task.run();
    if (task.everyMs === undefined || !this.#leading) return;
    const cancel = this.#options.clock.after(task.everyMs, () => {
      this.#timers.delete(cancel);
      this.#queue.add(name);
    });
    this.#timers.add(cancel);
  }
}
