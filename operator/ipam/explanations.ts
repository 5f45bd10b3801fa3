// What table `unassigned` holds: why somebody has no address yet.
import type { Unassigned } from '../api/tables.ts';
import type { AssignmentOptions } from './options.ts';

export class Explanations {
  readonly #options: Pick<AssignmentOptions, 'enter' | 'unassigned'>;
  readonly #told = new Map<string, string>();

  constructor(options: Pick<AssignmentOptions, 'enter' | 'unassigned'>) {
    this.#options = options;
  }

  get size(): number {
    return this.#told.size;
  }

  /** Says why, or that there is nothing to say any more. */
  tell(name: string, why: Unassigned | undefined): void {
    if (this.#told.get(name) === why?.message) return;
    const { enter, unassigned } = this.#options;
    if (why) this.#told.set(name, why.message);
    else this.#told.delete(name);
    enter(() => (why ? unassigned.set(name, why) : unassigned.delete(name)));
  }

  /** Takes everything back. */
  clear(): void {
    for (const name of this.#told.keys()) this.tell(name, undefined);
  }
}
