// Who reads what: the reverse index behind tracked reads. A dependency is registered before the value is read, also
// when there is no value, so that neither a change in between nor a later arrival can be missed.

/** One key of one derivation: the unit that runs again. */
export interface Task {
  readonly key: string;
  /** What the last run read. */
  cells: Set<Cell>;
  readonly wake: (key: string) => void;
}

/** The readers of one key of one table or index. */
export interface Cell {
  readonly key: string;
  readonly of: Readers;
  readonly tasks: Set<Task>;
}

/** The readers of one table or index, by key. Cost of `wake` is the number of readers of that key. */
export class Readers {
  readonly #cells = new Map<string, Cell>();

  add(task: Task, key: string): void {
    let cell = this.#cells.get(key);
    if (!cell) {
      cell = { key, of: this, tasks: new Set() };
      this.#cells.set(key, cell);
    }
    cell.tasks.add(task);
    task.cells.add(cell);
  }

  wake(key: string): void {
    for (const task of this.#cells.get(key)?.tasks ?? []) task.wake(task.key);
  }

  /** Keys with a reader; for tests that look for leaks. */
  get size(): number {
    return this.#cells.size;
  }

  static forget(task: Task): void {
    for (const cell of task.cells) {
      cell.tasks.delete(task);
      if (cell.tasks.size === 0) cell.of.#cells.delete(cell.key);
    }
    task.cells = new Set();
  }
}
