// Runs one module of a user's in a thread of its own, so that nothing that it does harms anybody else: an endless loop is
// cut off at its deadline, a trap costs an instance, memory has a cap, and an answer is a text of limited length that the
// caller's parser takes or refuses. Evaluations are answered in the order in which they are asked for.
//
//   starting --ready--> serving --a deadline missed--> starting
//      |                   |            \--several in a row--> resting --later--> starting
//      +--refused----------+--stop--> over
import { type Description, EvaluationFailed, type Reply } from './abi.ts';
import type { Offer } from './inputs.ts';
import { ModuleRefused } from './module.ts';
import { type HostClock, ModuleThread } from './thread.ts';

export interface HostOptions<Answer> {
  readonly bytes: Uint8Array;
  readonly settings: unknown;
  readonly offer: Offer;
  readonly clock: HostClock;
  /** Of an evaluation, in ms; one that takes longer is cut off before another quarter of it has passed. */
  readonly deadlineMs: number;
  /** Of the module's memory, in bytes: what it may declare at most. */
  readonly memoryCap: number;
  /** Checks the shape of an answer and gives what of it is meant. Throws an Error that says what is wrong. */
  readonly parse: (answer: unknown) => Answer;
  /** Longest answer in bytes; 256 KiB. Longer ones cost the main thread noticeable time to read. */
  readonly resultCap?: number;
  /** For the thread to start, the module to be compiled and its settings to be checked, in ms; 10 s. */
  readonly loadDeadlineMs?: number;
  /** After this many misses in a row the module rests for `restMs`, and twice as long after each further one; 3 and 1 s. */
  readonly restAfter?: number;
  readonly restMs?: number;
}

interface Job<Answer> {
  readonly input: Uint8Array;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: EvaluationFailed) => void;
}

/** Evaluations per message: crossing to the thread and back costs about as much as a hundred small evaluations. */
const batch = 128;
const longestRestMs = 600_000;

export class ModuleHost<Answer> {
  /** What the module declares, once it is loaded and has taken its settings. Rejects with ModuleRefused, for good. */
  readonly ready: Promise<Description>;
  readonly #options: HostOptions<Answer>;
  readonly #thread: ModuleThread;
  readonly #waiting: Job<Answer>[] = [];
  /** Sent and not answered. */
  #sent: Job<Answer>[] = [];
  readonly #resolveReady: (description: Description) => void;
  readonly #rejectReady: (error: Error) => void;
  #serving = false;
  #over: EvaluationFailed | undefined;
  /** Deadlines missed in a row, and until when the module rests for it. */
  #misses = 0;
  #restUntil = 0;
  #cancelRest: () => void = () => undefined;

  /** Starts the thread. */
  constructor(options: HostOptions<Answer>) {
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<Description>();
    this.ready = promise;
    this.#resolveReady = resolve;
    this.#rejectReady = reject;
    // Whoever only evaluates hears of a refusal there.
    promise.catch(() => undefined);
    const { bytes, settings, offer, memoryCap, deadlineMs, clock } = options;
    this.#thread = new ModuleThread({
      bytes,
      settings: encoded(settings ?? {}),
      offer,
      memoryCap,
      resultCap: options.resultCap ?? 256 * 1024,
      deadlineMs,
      loadDeadlineMs: options.loadDeadlineMs ?? 10_000,
      clock,
      onReady: (description) => this.#onReady(description),
      onRefused: (error) => this.#end(error),
      onReplies: (replies) => this.#onReplies(replies),
      onCut: (at, reason, message) => this.#onCut(at, new EvaluationFailed(reason, message)),
    });
    this.#thread.start();
  }

  /** Rejects with EvaluationFailed. `input` becomes JSON before this returns. */
  evaluate(input: unknown): Promise<Answer> {
    if (this.#over) return Promise.reject(this.#over);
    if (this.#rests()) return Promise.reject(this.#resting());
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#waiting.push({ input: encoded(input), resolve, reject });
    // Those that are asked for in one turn of the loop go in one message.
    if (this.#waiting.length === 1) queueMicrotask(() => this.#pump());
    return promise;
  }

  /** Evaluations that are under way or wait. */
  get pending(): number {
    return this.#waiting.length + this.#sent.length;
  }

  /** Ends the thread; evaluations that are under way fail. */
  async stop(): Promise<void> {
    this.#end(new ModuleRefused('Load', 'the host was stopped'));
    await this.#thread.stop();
  }

  #onReady(description: Description): void {
    this.#serving = true;
    this.#resolveReady(description);
    this.#pump();
  }

  #onReplies(replies: readonly Reply[]): void {
    for (const reply of replies) {
      const job = this.#sent.shift();
      if (job) this.#settle(job, reply);
    }
    this.#misses = 0;
    if (this.#sent.length === 0) this.#pump();
  }

  #settle(job: Job<Answer>, reply: Reply): void {
    if ('failure' in reply) job.reject(new EvaluationFailed(reply.failure, reply.message));
    else {
      try {
        job.resolve(this.#parsed(reply.answer));
      } catch (error) {
        job.reject(error as EvaluationFailed);
      }
    }
  }

  #parsed(text: string): Answer {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new EvaluationFailed('Malformed', 'the answer is not JSON', error);
    }
    try {
      return this.#options.parse(value);
    } catch (error) {
      throw new EvaluationFailed('Shape', error instanceof Error ? error.message : String(error), error);
    }
  }

  /** The thread is gone: the evaluation that ran is to blame, all others are asked for again. */
  #onCut(at: number, error: EvaluationFailed): void {
    this.#serving = false;
    const innocent = this.#sent;
    this.#sent = [];
    const [culprit] = innocent.splice(at, 1);
    culprit?.reject(error);
    this.#misses += 1;
    const { restAfter = 3, restMs = 1000, clock } = this.#options;
    if (this.#misses < restAfter) {
      this.#waiting.unshift(...innocent);
      this.#thread.start();
      return;
    }
    const rest = Math.min(restMs * 2 ** (this.#misses - restAfter), longestRestMs);
    this.#restUntil = clock.now() + rest;
    for (const job of [...innocent, ...this.#waiting.splice(0)]) job.reject(this.#resting());
    this.#cancelRest = clock.after(rest, () => this.#thread.start());
  }

  #rests(): boolean {
    return this.#options.clock.now() < this.#restUntil;
  }

  #resting(): EvaluationFailed {
    return new EvaluationFailed('Resting', `it was cut off ${this.#misses} times in a row and rests`);
  }

  #pump(): void {
    if (!this.#serving || this.#sent.length > 0 || this.#waiting.length === 0) return;
    this.#sent = this.#waiting.splice(0, batch);
    this.#thread.send(this.#sent.map(({ input }) => input));
  }

  #end(error: ModuleRefused): void {
    if (this.#over) return;
    this.#over = new EvaluationFailed('Stopped', error.message, error);
    this.#serving = false;
    this.#cancelRest();
    this.#rejectReady(error);
    for (const job of [...this.#sent, ...this.#waiting.splice(0)]) job.reject(this.#over);
    this.#sent = [];
  }
}

const encoder = new TextEncoder();
/** As the API server writes it: integers that a number does not hold are bigint here, and plain numbers there. */
const encoded = (value: unknown): Uint8Array => encoder.encode(JSON.stringify(value, raw));
const raw = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? rawJson(value.toString()) : value);
const { rawJSON: rawJson } = JSON as unknown as { rawJSON: (this: void, text: string) => object };
