// In which order the work of a settled state goes when one transaction does not take it all: what is added first, whatever
// the owner, and nothing is taken away before. So what holds before and after holds in between: a port that leaves one group
// with a drop rule and enters another is in both for a while, never in neither.
//
//   all in one transaction <--fits-- ready --does not--> turn: additions, batch by batch --> its removals, batch by batch
//
// A turn has the removals that were pending when it began. Those that come later wait for the next, behind the additions
// that came with them; so neither a flood of additions nor one of removals holds up the other for ever.
import type { Owner } from './fact.ts';
import { isRemoval } from './item.ts';
import type { Item } from './item.ts';
import type { Selection } from './selection.ts';
import type { Tracker } from './tracker.ts';

/** A selection, and which of the owners that it was offered it has looked at. */
export interface Choice {
  readonly selection: Selection;
  readonly looked: readonly Owner[];
}

export interface TurnsOptions {
  /** Owners with something pending that has not been looked at. */
  readonly ready: ReadonlySet<Owner>;
  /** Those of `owners` that need not wait for company. */
  due(owners: ReadonlySet<Owner>): Iterable<Owner>;
  /** What of these owners fits into a transaction, of what is taken away only what `allowed` admits. */
  choose(seeds: Iterable<Owner>, allowed: (item: Item) => boolean): Choice;
}

interface Turn {
  /** Owners whose additions have not been looked at, and owners whose removals have not. */
  readonly adding: Set<Owner>;
  readonly taking: Set<Owner>;
  readonly removals: ReadonlySet<Item>;
}

const everything = (): boolean => true;
const nothing = (): boolean => false;

/** Whether something is gone after it. A child on its way to another parent is not. */
export function takesAway({ desired, judge }: Tracker, item: Item): boolean {
  if (!isRemoval(item)) return false;
  if (!('column' in item)) return true;
  const child = judge.child(item.row, item.column, item.element);
  return child === undefined || !desired.wanted(child);
}

export class Turns {
  readonly #tracker: Tracker;
  readonly #options: TurnsOptions;
  #turn: Turn | undefined;

  constructor(tracker: Tracker, options: TurnsOptions) {
    this.#tracker = tracker;
    this.#options = options;
  }

  /** Whether there is more to do than who is ready. */
  get underWay(): boolean {
    return this.#turn !== undefined;
  }

  /** Everything is ready anew. */
  reset(): void {
    this.#turn = undefined;
  }

  /** What goes next; nobody looked at: nothing for now. */
  next(): Choice {
    if (this.#turn) return this.#step(this.#turn);
    const choice = this.#options.choose(this.#options.due(this.#options.ready), everything);
    if (!this.#takes(choice) || !this.#leaves(choice)) return choice;
    const turn = this.#begin(choice);
    this.#turn = turn;
    // Those that were due just now still are.
    const first = this.#add(turn, choice.looked);
    return first.selection.items.size > 0 ? first : this.#step(turn);
  }

  #step(turn: Turn): Choice {
    const added = this.#add(turn, this.#options.due(turn.adding));
    if (added.selection.items.size > 0 || turn.adding.size > 0) return added;
    const taken = this.#options.choose(turn.taking, (item) => turn.removals.has(item));
    for (const owner of taken.looked) turn.taking.delete(owner);
    if (turn.taking.size === 0) this.#turn = undefined;
    return taken;
  }

  #add({ adding }: Turn, owners: Iterable<Owner>): Choice {
    const choice = this.#options.choose(owners, nothing);
    for (const owner of [...choice.looked, ...choice.selection.owners]) adding.delete(owner);
    return choice;
  }

  #takes({ selection }: Choice): boolean {
    return selection.items.values().some((item) => takesAway(this.#tracker, item));
  }

  /** Whether anything is left behind that is ready. */
  #leaves({ selection, looked }: Choice): boolean {
    const gone = new Set([...looked, ...selection.owners]);
    return this.#options.ready.values().some((owner) => !gone.has(owner));
  }

  #begin({ selection }: Choice): Turn {
    const { items } = this.#tracker;
    const owners = [...new Set([...this.#options.ready, ...selection.owners])];
    const removals = owners.flatMap((owner) => [...items.ofOwner(owner)].filter(isRemoval));
    const adds = (owner: Owner): boolean =>
      items
        .ofOwner(owner)
        .values()
        .some((item) => !isRemoval(item));
    return {
      adding: new Set(owners.filter(adds)),
      taking: new Set(removals.flatMap((item) => item.owners)),
      removals: new Set(removals),
    };
  }
}
