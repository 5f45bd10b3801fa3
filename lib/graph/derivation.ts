// One derivation: a pure function run once per key of its input, with its reads recorded and its outputs replaced as a
// set. It keeps nothing of a run but what was read; what was yielded belongs to the sink.
import { WiringError } from './errors.ts';
import { Readers } from './readers.ts';
import type { Task } from './readers.ts';
import type { Store } from './table.ts';
import type { Sink } from './types.ts';

/** A tracked read of `key`, done for `task`; the graph binds it to its tables and indexes. */
export interface TrackedRead {
  get(task: Task, table: string, key: string): unknown;
  at(task: Task, index: string, key: string): readonly unknown[];
}

/** What a derivation's function is given; good for the length of one run. */
export interface UntypedRead {
  get(table: string, key: string): unknown;
  at(index: string, key: string): readonly unknown[];
}

export interface DerivationSpec<V, F> {
  readonly name: string;
  readonly input: Store<V>;
  readonly fn: (value: V, read: UntypedRead, key: string) => Iterable<F>;
  readonly sink: Sink<F>;
  readonly reads: TrackedRead;
  readonly failed: (source: string, error: unknown) => void;
}

/** Work done so far; tests assert these instead of times. */
export interface Counter {
  runs: number;
  failures: number;
}

export class Derivation<V, F> {
  readonly name: string;
  readonly input: string;
  readonly counter: Counter = { runs: 0, failures: 0 };
  readonly dirty = new Set<string>();
  readonly #spec: DerivationSpec<V, F>;
  readonly #tasks = new Map<string, Task>();
  readonly #failed = new Map<string, unknown>();
  readonly #wake = (key: string): void => void this.dirty.add(key);

  constructor(spec: DerivationSpec<V, F>) {
    this.name = spec.name;
    this.input = spec.input.name;
    this.#spec = spec;
    for (const [key] of spec.input.entries()) this.dirty.add(key);
    spec.input.listen(this.#wake);
  }

  /** Errors of the keys that are frozen now, by source. */
  get failures(): ReadonlyMap<string, unknown> {
    return this.#failed;
  }

  /** Runs one dirty key. Answers false when none is left. */
  step(): boolean {
    const next = this.dirty.values().next();
    if (next.done) return false;
    this.dirty.delete(next.value);
    this.#run(next.value);
    return true;
  }

  /** Marks every key, so that the next settle computes everything anew. */
  rerun(): void {
    for (const key of this.#tasks.keys()) this.dirty.add(key);
    for (const [key] of this.#spec.input.entries()) this.dirty.add(key);
  }

  #run(key: string): void {
    const source = `${this.name}/${key}`;
    const value = this.#spec.input.get(key);
    this.counter.runs++;
    if (value === undefined) {
      this.#drop(key);
      this.#failed.delete(source);
      this.#spec.sink.replace(source, []);
      return;
    }
    const task = this.#task(key);
    Readers.forget(task);
    let facts: F[];
    try {
      facts = this.#evaluate(task, value);
    } catch (error) {
      if (error instanceof WiringError) throw error;
      this.#freeze(source, error);
      return;
    }
    this.#failed.delete(source);
    this.#spec.sink.replace(source, facts);
  }

  #evaluate(task: Task, value: V): F[] {
    const { reads, fn } = this.#spec;
    let open = true;
    const during = (): void => {
      if (!open) throw new WiringError(`derivation ${this.name} reads after its run for ${task.key} has ended`);
    };
    const read: UntypedRead = {
      get: (table, key) => (during(), reads.get(task, table, key)),
      at: (index, key) => (during(), reads.at(task, index, key)),
    };
    try {
      return [...fn(value, read, task.key)];
    } finally {
      open = false;
    }
  }

  #freeze(source: string, error: unknown): void {
    this.counter.failures++;
    this.#failed.set(source, error);
    this.#spec.sink.freeze(source, error);
    this.#spec.failed(source, error);
  }

  #task(key: string): Task {
    let task = this.#tasks.get(key);
    if (!task) {
      task = { key, cells: new Set(), wake: this.#wake };
      this.#tasks.set(key, task);
    }
    return task;
  }

  #drop(key: string): void {
    const task = this.#tasks.get(key);
    if (task) Readers.forget(task);
    this.#tasks.delete(key);
  }
}
