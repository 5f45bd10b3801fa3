// One derivation: a pure function run once per key of its input, with its reads recorded and its outputs replaced as a
// set. It keeps nothing of a run but what was read; what was yielded belongs to the sink.
import { WiringError } from './errors.ts';
import type { Counter, Operator } from './operator.ts';
import { Readers } from './readers.ts';
import type { Task } from './readers.ts';
import { ShardedMap } from './sharded-map.ts';
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

/** The reads of one run. */
class Run implements UntypedRead {
  readonly #reads: TrackedRead;
  readonly #task: Task;
  #open = true;

  constructor(reads: TrackedRead, task: Task) {
    this.#reads = reads;
    this.#task = task;
  }

  get(table: string, key: string): unknown {
    if (!this.#open) this.#late();
    return this.#reads.get(this.#task, table, key);
  }

  at(index: string, key: string): readonly unknown[] {
    if (!this.#open) this.#late();
    return this.#reads.at(this.#task, index, key);
  }

  close(): void {
    this.#open = false;
  }

  #late(): never {
    throw new WiringError(`${this.#task.source} reads after its run has ended`);
  }
}

export class Derivation<V, F> implements Operator {
  readonly name: string;
  readonly counter: Counter = { runs: 0, failures: 0 };
  readonly #dirty = new ShardedMap<true>();
  #next: Iterator<string, undefined> | undefined;
  readonly #spec: DerivationSpec<V, F>;
  readonly #tasks = new ShardedMap<Task>();
  readonly #failed = new Map<string, unknown>();
  readonly #wake = (key: string): void => this.#dirty.set(key, true);

  constructor(spec: DerivationSpec<V, F>) {
    this.name = spec.name;
    this.#spec = spec;
    for (const [key] of spec.input.entries()) this.#dirty.set(key, true);
    spec.input.listen(this.#wake);
  }

  get failures(): ReadonlyMap<string, unknown> {
    return this.#failed;
  }

  get idle(): boolean {
    return this.#dirty.size === 0;
  }

  /** Runs one dirty key. */
  step(): boolean {
    if (this.#dirty.size === 0) return false;
    // One iterator for as long as there is something: the first of a Map is far away when many before it were deleted.
    this.#next ??= this.#dirty.keys();
    const next = this.#next.next();
    if (next.done) {
      this.#next = undefined;
      return this.step();
    }
    this.#dirty.delete(next.value);
    this.#run(next.value);
    return true;
  }

  rerun(): void {
    for (const key of this.#tasks.keys()) this.#dirty.set(key, true);
    for (const [key] of this.#spec.input.entries()) this.#dirty.set(key, true);
  }

  #run(key: string): void {
    const value = this.#spec.input.get(key);
    this.counter.runs++;
    if (value === undefined) {
      this.#drop(key);
      return;
    }
    const task = this.#task(key);
    let facts: F[];
    try {
      facts = this.#evaluate(task, value);
    } catch (error) {
      if (error instanceof WiringError) throw error;
      this.#freeze(task.source, error);
      return;
    }
    if (this.#failed.size > 0) this.#failed.delete(task.source);
    this.#spec.sink.replace(task.source, facts);
  }

  #evaluate(task: Task, value: V): F[] {
    const run = new Run(this.#spec.reads, task);
    Readers.begin(task);
    try {
      return [...this.#spec.fn(value, run, task.key)];
    } finally {
      run.close();
      Readers.end(task);
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
      task = Readers.task(key, `${this.name}/${key}`, this.#wake);
      this.#tasks.set(key, task);
    }
    return task;
  }

  /** The input is gone, and with it what came of it. */
  #drop(key: string): void {
    const task = this.#tasks.get(key);
    if (!task) return;
    Readers.forget(task);
    this.#tasks.delete(key);
    this.#failed.delete(task.source);
    this.#spec.sink.replace(task.source, []);
  }
}
