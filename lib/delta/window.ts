// The window in which structural changes (switches, routes, policies) wait for company: each of them can cost its
// reader a full computation, whether it comes alone or with a hundred others. Everything else goes at once.
import type { DifferClock } from './database.ts';
import type { Owner } from './fact.ts';
import type { Item } from './item.ts';
import type { Tracker } from './tracker.ts';

export interface WindowOptions {
  readonly clock: DifferClock;
  readonly structural?: readonly string[];
  readonly structuralMs?: number;
}

export class Window {
  readonly #tracker: Tracker;
  readonly #options: WindowOptions;
  readonly #tables: ReadonlySet<string>;
  readonly #closed: () => void;
  #state: 'open' | 'waiting' | 'over' = 'open';

  /** `closed` is called when the wait is over. */
  constructor(tracker: Tracker, options: WindowOptions, closed: () => void) {
    this.#tracker = tracker;
    this.#options = options;
    this.#tables = new Set(options.structural);
    this.#closed = closed;
  }

  /** The owners that need not wait now, found as they are asked for. */
  *due(owners: ReadonlySet<Owner>): Iterable<Owner> {
    const over = this.#state === 'over';
    if (over) this.#state = 'open';
    for (const owner of owners) {
      if (over || this.#tables.size === 0 || !this.#structural(owner)) yield owner;
      else this.#wait();
    }
  }

  #wait(): void {
    if (this.#state !== 'open') return;
    this.#state = 'waiting';
    this.#options.clock.after(this.#options.structuralMs ?? 50, () => {
      this.#state = 'over';
      this.#closed();
    });
  }

  #structural(owner: Owner): boolean {
    return this.#tracker.items
      .ofOwner(owner)
      .values()
      .some((item) => this.#tables.has(this.#tableOf(item)));
  }

  /** An element that holds a child row is as dear as the child, and one of a row that is not there yet as that row. */
  #tableOf(item: Item): string {
    if (!('column' in item) || this.#tracker.judge.found(item.row) === undefined) return item.table;
    return this.#tracker.shapes.get(item.table)?.columns.get(item.column)?.key?.table ?? '';
  }
}
