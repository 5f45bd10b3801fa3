// One derivation: a pure function run once per key of its input, with its reads recorded and its outputs replaced as a
// set. It keeps nothing of a run but what was read; what was yielded belongs to the sink.
import { WiringError } from './errors.ts';
import type { Counter, Operator, Output } from './operator.ts';
import { Queue } from './queue.ts';
import type { Cell, Row } from './row.ts';
import { Task } from './source.ts';
import type { Waking } from './source.ts';
import type { Store } from './table.ts';

/** What a name and a key stand for; the graph binds it to its tables and indexes. */
export interface Reads {
  row(table: string, key: string): Row<unknown>;
  bucket(index: string, key: string): Cell & { readonly values: readonly unknown[] };
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
  readonly output: Output<F>;
  readonly reads: Reads;
  readonly failed: (source: string, error: unknown) => void;
}

const none: readonly never[] = [];

/** The reads of one run. */
class Run implements UntypedRead {
  readonly #reads: Reads;
  readonly #task: Task;
  /** How far it has read the same as the last run. */
  #same = 0;
  /** What it reads since it reads something else. */
  #others: Cell[] | undefined;
  #open = true;

  constructor(reads: Reads, task: Task) {
    this.#reads = reads;
    this.#task = task;
  }

  get(table: string, key: string): unknown {
    if (!this.#open) this.#late();
    const row = this.#reads.row(table, key);
    this.#note(row);
    return row.value;
  }

  at(index: string, key: string): readonly unknown[] {
    if (!this.#open) this.#late();
    const bucket = this.#reads.bucket(index, key);
    this.#note(bucket);
    return bucket.values;
  }

  close(): void {
    this.#open = false;
    this.#task.follow(this.#same, this.#others ?? none);
  }

  /** Most runs read what the last one read, in the same order: then there is nothing to note. */
  #note(cell: Cell): void {
    if (!this.#others && this.#task.read(cell, this.#same)) this.#same++;
    else (this.#others ??= []).push(cell);
  }

  #late(): never {
    throw new WiringError(`${this.#task.text} reads after its run has ended`);
  }
}

export class Derivation<V, F> implements Operator, Waking {
  readonly name: string;
  readonly counter: Counter = { runs: 0, failures: 0 };
  readonly #dirty: Queue<V>;
  readonly #spec: DerivationSpec<V, F>;
  readonly #failed = new Map<string, unknown>();

  constructor(spec: DerivationSpec<V, F>) {
    this.name = spec.name;
    this.#spec = spec;
    this.#dirty = new Queue(spec.input);
    this.rerun();
    spec.input.listen((row) => this.#dirty.add(row));
  }

  get failures(): ReadonlyMap<string, unknown> {
    return this.#failed;
  }

  get idle(): boolean {
    return this.#dirty.empty;
  }

  /** Runs one dirty key. */
  step(): boolean {
    const row = this.#dirty.take();
    if (!row) return false;
    this.counter.runs++;
    const task = (row.kept(this) as Task | undefined) ?? new Task(this, row);
    if (row.value === undefined) this.#drop(row, task);
    else this.#run(row, task);
    return true;
  }

  wake(row: Row<unknown>): void {
    this.#dirty.add(row as Row<V>);
  }

  rerun(): void {
    for (const row of this.#spec.input.rows()) if (row.value !== undefined) this.#dirty.add(row);
  }

  #run(row: Row<V>, task: Task): void {
    let facts: readonly F[];
    try {
      facts = this.#evaluate(row, task);
    } catch (error) {
      if (error instanceof WiringError) throw error;
      this.#freeze(task, error);
      return;
    }
    if (this.#failed.size > 0) this.#failed.delete(task.text);
    this.#spec.output.replace(task, facts);
  }

  #evaluate(row: Row<V>, task: Task): readonly F[] {
    const run = new Run(this.#spec.reads, task);
    try {
      const facts = this.#spec.fn(row.value as V, run, row.key);
      return Array.isArray(facts) ? facts : [...facts];
    } finally {
      run.close();
      this.#keep(row, task);
    }
  }

  /** The input is gone, and with it what came of it. */
  #drop(row: Row<V>, task: Task): void {
    if (task.reads) {
      task.follow(0, none);
      row.drop(task);
    }
    row.release();
    if (this.#failed.size > 0) this.#failed.delete(task.text);
    this.#spec.output.replace(task, none);
  }

  /** A task stays for as long as it reads something. */
  #keep(row: Row<V>, task: Task): void {
    const kept = row.kept(this) === task;
    if (task.reads && !kept) row.keep(task);
    else if (!task.reads && kept) row.drop(task);
  }

  #freeze(task: Task, error: unknown): void {
    this.counter.failures++;
    this.#failed.set(task.text, error);
    this.#spec.output.freeze(task, error);
    this.#spec.failed(task.text, error);
  }
}
