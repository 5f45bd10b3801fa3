// Who reads what: the reverse index behind tracked reads. A dependency is registered before the value is read, also
// when there is no value, so that neither a change in between nor a later arrival can be missed.
import { each, excluding, including } from './many.ts';
import type { Many } from './many.ts';

/** One key of one derivation: the unit that runs again. */
export interface Task {
  readonly key: string;
  /** `derivation/key`, the name under which its outputs go. */
  readonly source: string;
  readonly wake: (key: string) => void;
  /** What the last run read, in order. */
  cells: Cell[];
  /** How far the run in progress has read the same as the last one. */
  same: number;
  /** What it reads since it reads something else. */
  other: Cell[] | undefined;
}

/** The readers of one key of one table or index. */
export interface Cell {
  readonly key: string;
  readonly of: Readers;
  tasks: Many<Task> | undefined;
}

/** The readers of one table or index, by key. Cost of `wake` is the number of readers of that key. */
export class Readers {
  readonly #cells = new Map<string, Cell>();

  static task(key: string, source: string, wake: (key: string) => void): Task {
    return { key, source, wake, cells: [], same: 0, other: undefined };
  }

  /** Registers a read of `key` in the run of the task that began last. */
  add(task: Task, key: string): void {
    let cell = this.#cells.get(key);
    if (!cell) {
      cell = { key, of: this, tasks: undefined };
      this.#cells.set(key, cell);
    }
    // Most runs read what the last one read, in the same order: then nothing is to be registered.
    if (!task.other && task.cells[task.same] === cell) {
      task.same++;
      return;
    }
    cell.tasks = including(cell.tasks, task);
    (task.other ??= []).push(cell);
  }

  wake(key: string): void {
    each(this.#cells.get(key)?.tasks, wake);
  }

  /** Keys with a reader; for tests that look for leaks. */
  get size(): number {
    return this.#cells.size;
  }

  static begin(task: Task): void {
    task.same = 0;
    task.other = undefined;
  }

  /** Ends the run: what was read last time and not now is read no more. */
  static end(task: Task): void {
    const { cells, same, other } = task;
    if (same === cells.length && !other) return;
    task.cells = [...cells.slice(0, same), ...(other ?? [])];
    task.other = undefined;
    const kept = new Set(task.cells);
    for (const cell of cells.slice(same)) if (!kept.has(cell)) cell.of.#detach(cell, task);
  }

  static forget(task: Task): void {
    const { cells } = task;
    task.cells = [];
    Readers.begin(task);
    for (const cell of cells) cell.of.#detach(cell, task);
  }

  #detach(cell: Cell, task: Task): void {
    cell.tasks = excluding(cell.tasks, task);
    if (!cell.tasks) this.#cells.delete(cell.key);
  }
}

const wake = (task: Task): void => task.wake(task.key);
