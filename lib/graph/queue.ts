// The rows of one table that an operator has still to look at, each once: a bit of the row says that it is in.
import type { Row } from './row.ts';
import type { Store } from './table.ts';

export class Queue<V> {
  readonly #bit: number;
  #rows: Row<V>[] = [];
  #taken = 0;

  constructor(table: Store<V>) {
    this.#bit = table.newBit();
  }

  get empty(): boolean {
    return this.#taken === this.#rows.length;
  }

  add(row: Row<V>): void {
    if (row.queued & this.#bit) return;
    row.queued |= this.#bit;
    this.#rows.push(row);
  }

  /** The first row, which may be added again from now on. Who has taken it releases it. */
  take(): Row<V> | undefined {
    const row = this.#rows[this.#taken];
    if (!row) return undefined;
    row.queued &= ~this.#bit;
    this.#taken++;
    if (!this.empty) return row;
    this.#rows = [];
    this.#taken = 0;
    return row;
  }

  /** What is in, as of now. */
  get waiting(): readonly Row<V>[] {
    return this.#taken === 0 ? this.#rows : this.#rows.slice(this.#taken);
  }
}
