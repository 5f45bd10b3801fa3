// Changes on their way to a consumer that takes them when it pleases. What it has not taken yet is merged by row, so that
// however slow it is, it costs memory for each row once, and what it gets always leads to a state that the copy has had.
import { rowDifference } from './difference.ts';
import type { ColumnSchema, RowChange } from './types.ts';

export class ChangeFeed {
  readonly #columns: (table: string) => ReadonlyMap<string, ColumnSchema>;
  /** By table and uuid, in the order in which rows were first touched. */
  readonly #pending = new Map<string, RowChange>();
  #wake: (() => void) | undefined;
  #ended = false;

  /** `columns` gives a table's columns for differences; asked when a row has changed twice. */
  constructor(columns: (table: string) => ReadonlyMap<string, ColumnSchema>) {
    this.#columns = columns;
  }

  push(changes: readonly RowChange[]): void {
    for (const change of changes) this.#add(change);
    if (this.#pending.size > 0) this.#wake?.();
  }

  /** What is pending can still be taken. */
  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  /** All that changed since it was taken last, which may be nothing. */
  take(): readonly RowChange[] {
    const changes = [...this.#pending.values()];
    this.#pending.clear();
    return changes;
  }

  /** The same, waited for until it is something; undefined once the feed has ended. For one consumer at a time. */
  async next(): Promise<readonly RowChange[] | undefined> {
    while (this.#pending.size === 0) {
      if (this.#ended) return undefined;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
    return this.take();
  }

  #add(change: RowChange): void {
    const key = `${change.table}/${change.uuid}`;
    const before = this.#pending.get(key);
    const merged = before === undefined ? change : this.#merged(before, change);
    if (merged === undefined) this.#pending.delete(key);
    else this.#pending.set(key, merged);
  }

  /** One change from the row before the first to the row after the second; none when these are equal. */
  #merged({ table, uuid, old }: RowChange, { new: row }: RowChange): RowChange | undefined {
    if (old === undefined) return row && { table, uuid, new: row };
    if (row === undefined) return { table, uuid, old };
    const difference = rowDifference(this.#columns(table), old, row);
    return difference && { table, uuid, old, new: row, difference };
  }
}
