// The thread of a module as its host sees it: started, watched, cut off. Knows time and messages; who asked for what is
// the host's business.
import { Worker } from 'node:worker_threads';
import type { Description, FailureReason, Reply } from './abi.ts';
import { ModuleRefused } from './module.ts';
import type { FromWorker, ToWorker, WorkerInit } from './worker.ts';

/** Time as it is needed here. */
export interface HostClock {
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  /** Calls `run` once, `ms` milliseconds from now; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
}

export interface ThreadOptions extends Omit<WorkerInit, 'progress'> {
  readonly deadlineMs: number;
  readonly loadDeadlineMs: number;
  readonly clock: HostClock;
  readonly onReady: (description: Description) => void;
  /** It does not come up, and will not another time. The thread ends. */
  readonly onRefused: (error: ModuleRefused) => void;
  readonly onReplies: (replies: readonly Reply[]) => void;
  /** It ended in the middle of an evaluation: of the one at this place among those that are not answered. */
  readonly onCut: (at: number, reason: FailureReason, message: string) => void;
}

/** JavaScript's part of the thread's memory, in MiB: what the glue and its texts need, several times over. */
const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16, stackSizeMb: 4 };

/** Emitted as JavaScript, this package has a worker that is. */
const workerUrl = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

/** Looks during a deadline. */
const looks = 4;

export class ModuleThread {
  readonly #options: ThreadOptions;
  #worker: Worker | undefined;
  #progress = new Int32Array(new SharedArrayBuffer(4));
  #loaded = false;
  /** Inputs that are not answered. */
  #open = 0;
  /** Inputs that were answered since it started. */
  #answered = 0;
  #cancelTimer: () => void = () => undefined;
  /** Why it was cut off. */
  #cut: { readonly reason: FailureReason; readonly message: string } | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: ThreadOptions) {
    this.#options = options;
  }

  start(): void {
    const { bytes, settings, offer, memoryCap, resultCap, clock, loadDeadlineMs } = this.#options;
    this.#progress = new Int32Array(new SharedArrayBuffer(4));
    this.#loaded = false;
    this.#open = 0;
    this.#answered = 0;
    this.#cut = undefined;
    const workerData: WorkerInit = { bytes, settings, offer, memoryCap, resultCap, progress: this.#progress };
    const worker = new Worker(workerUrl, { workerData, resourceLimits, env: {}, execArgv: [] });
    this.#worker = worker;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    let death = 'its thread ended';
    worker.on('error', (error) => (death = `its thread ended: ${String(error)}`));
    worker.on('message', (message: FromWorker) => this.#hear(message));
    // After every message that was on its way.
    worker.on('exit', () => {
      resolve();
      this.#onExit(worker, death);
    });
    this.#cancelTimer = clock.after(loadDeadlineMs, () =>
      this.#terminate({ reason: 'Deadline', message: `it was not up after ${loadDeadlineMs} ms` }),
    );
  }

  /** Inputs to answer; the next only when all of these are. */
  send(inputs: ToWorker): void {
    this.#open = inputs.length;
    this.#worker?.postMessage(inputs);
    this.#watch(Atomics.load(this.#progress, 0), this.#options.clock.now());
  }

  async stop(): Promise<void> {
    this.#cancelTimer();
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
    await this.#ended;
  }

  #hear(message: FromWorker): void {
    if ('replies' in message) {
      this.#open -= message.replies.length;
      this.#answered += message.replies.length;
      if (this.#open === 0) this.#cancelTimer();
      this.#options.onReplies(message.replies);
    } else if ('ready' in message) {
      this.#cancelTimer();
      this.#loaded = true;
      this.#options.onReady(message.ready);
    } else {
      this.#refuse(new ModuleRefused(message.refused, message.message));
    }
  }

  #refuse(error: ModuleRefused): void {
    this.#cancelTimer();
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
    this.#options.onRefused(error);
  }

  /** An evaluation is late when it is found running at two looks that are a deadline apart. */
  #watch(seen: number, since: number): void {
    this.#cancelTimer();
    const { clock, deadlineMs } = this.#options;
    this.#cancelTimer = clock.after(deadlineMs / looks, () => {
      const now = Atomics.load(this.#progress, 0);
      const isRunning = now % 2 !== 0;
      if (now !== seen) this.#watch(now, clock.now());
      else if (!isRunning || clock.now() - since < deadlineMs) this.#watch(seen, isRunning ? since : clock.now());
      else this.#terminate({ reason: 'Deadline', message: `it was cut off after ${deadlineMs} ms` });
    });
  }

  #terminate(why: { readonly reason: FailureReason; readonly message: string }): void {
    this.#cut = why;
    void this.#worker?.terminate();
  }

  #onExit(worker: Worker, death: string): void {
    // Stopped or refused: nobody waits for it.
    if (this.#worker !== worker) return;
    this.#cancelTimer();
    this.#worker = undefined;
    const { reason, message } = this.#cut ?? { reason: 'Trap' as const, message: death };
    // The thread may have finished evaluations that it did not get to tell of.
    const begun = Math.floor(Atomics.load(this.#progress, 0) / 2) - this.#answered;
    if (this.#loaded) this.#options.onCut(begun, reason, message);
    else this.#options.onRefused(new ModuleRefused('Load', message));
  }
}
