// A long piece of work in slices, with room for others between them. Only the last one that was started goes on.
import type { Slices } from './options.ts';

export class Walk {
  readonly #slices: Slices | undefined;
  #steps: Generator<void> | undefined;

  constructor(slices: Slices | undefined) {
    this.#slices = slices;
  }

  /** Begins at once; what does not fit in one slice goes on in later turns of the event loop. */
  start(steps: Generator<void>): void {
    this.#steps = steps;
    this.#slice(steps);
  }

  stop(): void {
    this.#steps = undefined;
  }

  #slice(steps: Generator<void>): void {
    const until = this.#slices ? this.#slices.now() + this.#slices.ms : Infinity;
    // A step may start another piece of work, or stop this one.
    while (this.#steps === steps) {
      if (steps.next().done === true) {
        if (this.#steps === steps) this.stop();
        return;
      }
      if (this.#slices && this.#slices.now() >= until) {
        this.#slices.defer(() => this.#slice(steps));
        return;
      }
    }
  }
}
