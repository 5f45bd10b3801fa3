// The brake: when a large share of our rows is about to go at once, whoever can is asked whether their objects are
// really gone. Only deletions of rows are held up, and only those; everything else proceeds.
import type { DifferClock } from './database.ts';
import type { Owner } from './fact.ts';
import type { Item } from './item.ts';
import type { Tracker } from './tracker.ts';

/** Below both, deletions are everyday work. */
const SHARE = 0.2;
const ROWS = 100;
const RETRY_MS = 5000;

export interface BrakeOptions {
  readonly clock: DifferClock;
  /**
   * Asked for the owners of many deletions; resolves with those whose objects are certainly gone (seen as deleted, or
   * absent from a consistent read). The others are asked for again later. Absent: there is no brake.
   */
  readonly confirmDeletes?: ((owners: ReadonlySet<Owner>) => Promise<ReadonlySet<Owner>>) | undefined;
  /** Deletions may be free that were not. */
  readonly changed: () => void;
}

export class Brake {
  readonly #tracker: Tracker;
  readonly #options: BrakeOptions;
  /** Owners that are stopped, and those that were set free; both until they have nothing to delete any more. */
  readonly #stopped = new Set<Owner>();
  readonly #confirmed = new Set<Owner>();
  #asking = false;

  constructor(tracker: Tracker, options: BrakeOptions) {
    this.#tracker = tracker;
    this.#options = options;
  }

  get stopped(): ReadonlySet<Owner> {
    return this.#stopped;
  }

  /** Whether this item takes a row away, rather than an element or a child that moves. */
  deletes(item: Item): boolean {
    if (item.kind === 'delete') return true;
    if (item.kind !== 'remove' || !('column' in item)) return false;
    const child = this.#tracker.judge.child(item.row, item.column, item.element);
    return child !== undefined && !this.#tracker.desired.wanted(child);
  }

  allows(item: Item): boolean {
    return this.#stopped.size === 0 || !this.deletes(item) || !item.owners.some((owner) => this.#stopped.has(owner));
  }

  /** Counts what is about to go, and stops it when it is too much. Cost is the number of pending items, if there are many removals. */
  check(): void {
    if (!this.#options.confirmDeletes || this.#tracker.items.removals <= ROWS) return;
    const owners = new Set<Owner>();
    let rows = 0;
    for (const item of this.#tracker.items.values()) {
      if (!this.deletes(item) || item.owners.every((owner) => this.#confirmed.has(owner))) continue;
      rows++;
      for (const owner of item.owners) owners.add(owner);
    }
    if (rows <= ROWS || rows <= SHARE * this.#tracker.actual.ours) return;
    for (const owner of owners) this.#stopped.add(owner);
    void this.#ask();
  }

  /** An owner's pending work has changed. */
  touched(owner: Owner): void {
    if (this.#tracker.items.ofOwner(owner).size > 0) return;
    this.#stopped.delete(owner);
    this.#confirmed.delete(owner);
  }

  async #ask(): Promise<void> {
    if (this.#asking || !this.#options.confirmDeletes) return;
    this.#asking = true;
    const gone = await this.#options.confirmDeletes(new Set(this.#stopped)).catch(() => new Set<Owner>());
    this.#asking = false;
    for (const owner of gone) {
      if (this.#stopped.delete(owner)) this.#confirmed.add(owner);
    }
    if (this.#stopped.size > 0) this.#options.clock.after(RETRY_MS, () => void this.#ask());
    if (gone.size > 0) this.#options.changed();
  }
}
