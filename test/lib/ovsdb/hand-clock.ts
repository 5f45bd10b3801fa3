// A clock that a test turns by hand.
import type { Clock } from '../../../lib/ovsdb/index.ts';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

export class HandClock implements Clock {
  #now = 1000;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, milliseconds: number): unknown {
    const timer = { at: this.#now + milliseconds, callback };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(timer: unknown): void {
    this.#timers.delete(timer as Timer);
  }

  /** Milliseconds until the next timer. */
  get next(): number | undefined {
    const [first] = this.#due(Infinity);
    return first && first.at - this.#now;
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time, running timers in their order at their own time. */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (let [timer] = this.#due(end); timer !== undefined; [timer] = this.#due(end)) {
      this.#now = timer.at;
      this.#timers.delete(timer);
      timer.callback();
    }
    this.#now = end;
  }

  /** Moves time as a process that was busy sees it: timers run late, all at the end. */
  sleep(milliseconds: number): void {
    this.#now += milliseconds;
    for (const timer of this.#due(this.#now)) if (this.#timers.delete(timer)) timer.callback();
  }

  #due(end: number): Timer[] {
    return [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
  }
}
