// A clock that a test turns by hand: time moves by `step` on each look, deferred functions run on `turn`.
import type { GraphClock } from '../../../lib/graph/types.ts';

export class HandClock implements GraphClock {
  readonly step: number;
  #now = 0;
  #deferred: (() => void)[] = [];

  constructor(step = 0) {
    this.step = step;
  }

  now(): number {
    this.#now += this.step;
    return this.#now;
  }

  defer(fn: () => void): void {
    this.#deferred.push(fn);
  }

  /** Runs what was deferred; answers how many functions that were. */
  turn(): number {
    const due = this.#deferred;
    this.#deferred = [];
    for (const fn of due) fn();
    return due.length;
  }

  /** Turns until nothing is left. */
  run(): number {
    let turns = 0;
    while (this.turn() > 0) turns++;
    return turns;
  }
}
