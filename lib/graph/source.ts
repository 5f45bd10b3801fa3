// One key of one operator: the name under which its outputs go, and what it read. A dependency is there also when there
// is no value to read, so that a later arrival is not missed.
import { excluding, including } from './many.ts';
import type { Cell, Kept, Reader, Row } from './row.ts';

/** Who has sources. */
interface Named {
  readonly name: string;
}

export class Source<Of extends Named = Named> implements Kept {
  readonly of: Of;
  readonly row: Row<unknown>;
  next: Kept | undefined = undefined;
  #text: string | undefined = undefined;

  constructor(of: Of, row: Row<unknown>) {
    this.of = of;
    this.row = row;
  }

  /** `operator/key`, made when somebody asks: tables do not. */
  get text(): string {
    return (this.#text ??= `${this.of.name}/${this.row.key}`);
  }
}

/** Who runs the key of a row again. */
export interface Waking extends Named {
  wake(row: Row<unknown>): void;
}

type Cells = Cell | readonly Cell[] | undefined;

const none: readonly Cell[] = [];

/** The source of a derivation, which runs it again when something that it read changes. */
export class Task extends Source<Waking> implements Reader {
  /** What the last run read, in order; one thing, as most do, without a list. */
  #cells: Cells = undefined;

  wake(): void {
    this.of.wake(this.row);
  }

  /** Whether the last run read anything. */
  get reads(): boolean {
    return this.#cells !== undefined;
  }

  /** Whether the last run read this, as its read number `at`. */
  read(cell: Cell, at: number): boolean {
    const cells = this.#cells;
    return isList(cells) ? cells[at] === cell : at === 0 && cells === cell;
  }

  /** From now on it reads the first `same` of what it read, and `others`. */
  follow(same: number, others: readonly Cell[]): void {
    const before = listOf(this.#cells);
    if (same === before.length && others.length === 0) return;
    const now = same === 0 ? others : [...before.slice(0, same), ...others];
    this.#cells = now.length > 1 ? now.slice() : now[0];
    for (const cell of others) cell.readers = including(cell.readers, this);
    if (same === before.length) return;
    const kept = new Set(now);
    for (const cell of before.slice(same)) if (!kept.has(cell)) this.#leave(cell);
  }

  #leave(cell: Cell): void {
    cell.readers = excluding(cell.readers, this);
    if (!cell.readers) cell.release();
  }
}

const isList = (cells: Cells): cells is readonly Cell[] => Array.isArray(cells);

function listOf(cells: Cells): readonly Cell[] {
  if (cells === undefined) return none;
  return isList(cells) ? cells : [cells];
}
