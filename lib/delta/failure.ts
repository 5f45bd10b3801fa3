// Owners that failed: each backs off on its own, and a batch that failed for an unknown reason is taken apart until the
// owner that it failed for is alone. Nobody else waits for either.
import type { DifferClock } from './database.ts';
import type { Owner } from './fact.ts';

/** The first pause, and the longest; each is drawn from the upper half of its length. */
const FIRST_MS = 500;
const LONGEST_MS = 60_000;

interface Pause {
  readonly attempts: number;
  readonly message: string;
  readonly over: boolean;
  readonly cancel: () => void;
}

export class Backoffs {
  readonly #clock: DifferClock;
  readonly #random: () => number;
  readonly #pauses = new Map<Owner, Pause>();

  constructor(clock: DifferClock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Owners that have failed and not succeeded since, with the reason. */
  get messages(): ReadonlyMap<Owner, string> {
    return new Map([...this.#pauses].map(([owner, { message }]) => [owner, message]));
  }

  message(owner: Owner): string | undefined {
    return this.#pauses.get(owner)?.message;
  }

  waits(owner: Owner): boolean {
    return this.#pauses.get(owner)?.over === false;
  }

  /** Pauses the owner; `again` is called when the pause is over. */
  fail(owner: Owner, message: string, again: () => void): void {
    this.#pauses.get(owner)?.cancel();
    const attempts = (this.#pauses.get(owner)?.attempts ?? 0) + 1;
    const length = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempts - 1, 20));
    const cancel = this.#clock.after(length * (0.5 + this.#random() / 2), () => {
      this.#pauses.set(owner, { attempts, message, over: true, cancel: () => undefined });
      again();
    });
    this.#pauses.set(owner, { attempts, message, over: false, cancel });
  }

  /** The owner succeeded, or wants something else now. Answers whether it had failed. */
  forget(owner: Owner): boolean {
    this.#pauses.get(owner)?.cancel();
    return this.#pauses.delete(owner);
  }

  clear(): void {
    for (const { cancel } of this.#pauses.values()) cancel();
    this.#pauses.clear();
  }
}

/** Owners to be tried together, apart from all others. */
export interface Group {
  readonly owners: readonly Owner[];
  /** Whom it has been tried to blame already, on the way to this group. */
  readonly tried: ReadonlySet<Owner>;
}

/**
 * What to do about a batch that was refused as a whole: the groups to try one after the other, or, when it can't be
 * taken apart any further, the owners to blame. `owners` are the seeds and those whose rows they needed.
 */
export function takeApart(group: Group, owners: ReadonlySet<Owner>): { groups: Group[]; blame: readonly Owner[] } {
  const seeds = group.owners.filter((owner) => owners.has(owner));
  if (seeds.length > 1) {
    const middle = Math.ceil(seeds.length / 2);
    const halves = [seeds.slice(0, middle), seeds.slice(middle)];
    return { groups: halves.map((half) => ({ owners: half, tried: group.tried })), blame: [] };
  }
  // One owner, and what it needs of others: the others first, so that it is alone the next time.
  const others = [...owners].filter((owner) => !seeds.includes(owner) && !group.tried.has(owner));
  if (others.length === 0) return { groups: [], blame: [...owners] };
  const tried = new Set([...group.tried, ...owners]);
  return {
    groups: [
      { owners: others, tried },
      { owners: seeds, tried },
    ],
    blame: [],
  };
}
