// Settling: dirty keys are drained in wiring order, in slices that leave the event loop alive. Inputs that arrive in
// between wait for the end of the round, so that churn cannot starve it.
//
//   idle --enter, settle--> draining, slice by slice --> telling (quiet callbacks) --> idle
//                              ^                            |
//                              +-- admitting, in slices <---+ when inputs were buffered meanwhile
import type { Operator } from './operator.ts';
import type { GraphOptions } from './types.ts';

type Waiter = { readonly resolve: () => void; readonly reject: (error: unknown) => void };

export class Settler {
  readonly #operators: readonly Operator[];
  readonly #options: GraphOptions;
  readonly #onQuiet: (() => void)[] = [];
  #buffer: (() => void)[] = [];
  #waiters: Waiter[] = [];
  /** Buffered inputs of the round that begins, and how many of them have entered. */
  #admitting: readonly (() => void)[] = [];
  #admitted = 0;
  #state: 'idle' | 'draining' | 'telling' | 'admitting' = 'idle';
  #scheduled = false;
  #place = -1;

  constructor(operators: readonly Operator[], options: GraphOptions) {
    this.#operators = operators;
    this.#options = options;
  }

  /** The operator that runs now, -1 outside of a settle. */
  get place(): number {
    return this.#place;
  }

  get settling(): boolean {
    return this.#state === 'draining';
  }

  get quiet(): boolean {
    return this.#state !== 'draining' && this.#operators.every(({ idle }) => idle);
  }

  onQuiet(callback: () => void): void {
    this.#onQuiet.push(callback);
  }

  enter(fn: () => void): void {
    if (this.#state === 'idle') fn();
    else this.#buffer.push(fn);
    this.#schedule();
  }

  settle(): Promise<void> {
    return new Promise((resolve, reject) => {
      const wait = (): void => void this.#waiters.push({ resolve, reject });
      // While a round runs this waits for the next one, which holds what entered meanwhile.
      if (this.#state === 'idle') wait();
      else this.#buffer.push(wait);
      this.#schedule();
    });
  }

  settleNow(): void {
    if (this.#state === 'draining' || this.#state === 'telling')
      throw new Error('settleNow is called from within a settle');
    try {
      do {
        this.#admit(Infinity);
        this.#drain(Infinity);
      } while (this.#finish());
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.defer(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    try {
      const until = this.#options.clock.now() + this.#options.sliceMs;
      const done = this.#admit(until) && this.#drain(until);
      if (!done || this.#finish()) this.#schedule();
    } catch (error) {
      // Nobody to tell means that nobody would notice: the process stops rather than go on with half an answer.
      if (!this.#fail(error)) throw error;
    }
  }

  /** Lets in what was buffered before this round; answers false when the time is up first. */
  #admit(until: number): boolean {
    while (this.#admitted < this.#admitting.length) {
      this.#admitting[this.#admitted++]?.();
      if (this.#options.clock.now() >= until) return false;
    }
    this.#admitting = [];
    this.#admitted = 0;
    return true;
  }

  /** Answers true when nothing is dirty any more, false when the time is up. */
  #drain(until: number): boolean {
    this.#state = 'draining';
    try {
      for (const operator of this.#operators) {
        this.#place++;
        if (!this.#drainOne(operator, until)) return false;
      }
      return true;
    } finally {
      this.#place = -1;
    }
  }

  #drainOne(operator: Operator, until: number): boolean {
    while (operator.step()) if (this.#options.clock.now() >= until) return false;
    return true;
  }

  /** Ends a round; answers true when a further one is due for what arrived meanwhile. */
  #finish(): boolean {
    this.#state = 'telling';
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const callback of this.#onQuiet) callback();
    for (const { resolve } of waiters) resolve();
    this.#admitting = this.#buffer;
    this.#buffer = [];
    this.#state = this.#admitting.length > 0 ? 'admitting' : 'idle';
    return this.#admitting.length > 0;
  }

  /** Answers whether there was anyone to tell. */
  #fail(error: unknown): boolean {
    const waiters = this.#waiters;
    this.#waiters = [];
    this.#state = this.#admitted < this.#admitting.length ? 'admitting' : 'idle';
    for (const { reject } of waiters) reject(error);
    return waiters.length > 0;
  }
}
