// One key of a table, and all that the graph knows of it in one object: its value, who reads it, who yields it, who has
// yet to look at it. Whoever has the row needs no further look-up, and a key that goes leaves one map.
import { each } from './many.ts';
import type { Many } from './many.ts';

/** What runs again when something that it read changes. */
export interface Reader {
  wake(): void;
}

/** What can be read: a key of a table or of an index. Without a value it is there for as long as somebody reads it. */
export interface Cell {
  readers: Many<Reader> | undefined;
  /** Goes when it has no value and nobody needs it. */
  release(): void;
}

/** What an operator keeps of a row of its input. */
export interface Kept {
  readonly of: object;
  /** What the next operator keeps of the same row. */
  next: Kept | undefined;
}

/** Who yields a key of a derived table: an output from its own key of that name, or else a source by its name. */
export type Holder = string | { sourceOf(key: string): string };

export class Row<V> implements Cell {
  readonly key: string;
  value: V | undefined = undefined;
  readers: Many<Reader> | undefined = undefined;
  holder: Holder | undefined = undefined;
  /** One bit for each queue that it is in. */
  queued = 0;
  /** A list, since few operators keep anything. */
  #kept: Kept | undefined = undefined;
  readonly #rows: { delete(key: string): boolean };

  constructor(key: string, rows: { delete(key: string): boolean }) {
    this.key = key;
    this.#rows = rows;
  }

  /** What `of` keeps of this row. */
  kept(of: object): Kept | undefined {
    let kept = this.#kept;
    while (kept && kept.of !== of) kept = kept.next;
    return kept;
  }

  keep(kept: Kept): void {
    kept.next = this.#kept;
    this.#kept = kept;
  }

  drop(kept: Kept): void {
    if (this.#kept === kept) this.#kept = kept.next;
    for (let other = this.#kept; other; other = other.next) if (other.next === kept) other.next = kept.next;
  }

  release(): void {
    if (this.value === undefined && this.queued === 0 && !this.readers && !this.#kept) this.#rows.delete(this.key);
  }
}

export function wakeReaders({ readers }: Cell): void {
  each(readers, wake);
}

const wake = (reader: Reader): void => reader.wake();
