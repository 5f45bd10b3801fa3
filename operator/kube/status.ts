// Writes the status of objects: computed fields, plus conditions made from problems and from what is applied. Written
// only when the API shows something else, with server-side apply, at most once a second per object.
import type { Owner } from '../../lib/delta/fact.ts';
import type { Sink } from '../../lib/graph/types.ts';
import type { Json, JsonObject, ProblemFact, Ref, StatusFact } from '../api/fact.ts';
import { statusManager } from '../api/managers.ts';
import { hasConditions, wordsOf } from '../api/reasons.ts';
import { BySource } from './by-source.ts';
import { isoSeconds } from './clock.ts';
import { type Condition, conditions, conditionsOf } from './conditions.ts';
import { ConflictError, messageOf, NotFoundError } from './errors.ts';
import { canonicalJson, covers, rounded, sameJson } from './json.ts';
import { nameOf, typeOf } from './manifest.ts';
import { KeyedQueue } from './queue.ts';
import { refKey } from './resources.ts';
import { assertMayWrite, metered, type WriterOptions } from './writer.ts';

/** An object as far as its status goes. */
export interface ObservedStatus {
  /** A status is written to the very object that it was computed from, in this version: a late request does no harm. */
  readonly resourceVersion: string;
  /** {} when it has none yet. */
  readonly status: JsonObject;
}

export interface StatusWriterOptions extends WriterOptions {
  /** What the API shows now; undefined when the object does not exist. */
  readonly observed: (ref: Ref) => ObservedStatus | undefined;
  /** Whether every row of the owner is confirmed in the database. */
  readonly applied: (owner: Owner) => boolean;
  /** An object has become ready, or ready for another reason, and the API server has taken it. */
  readonly onReady?: (ref: Ref, reason: string) => void;
}

/** Where the status is written: of some kinds it is part of the object. */
const subresourceOf = ({ kind }: Ref): 'status' | undefined => (kind === 'Vip' ? undefined : 'status');

const spacingMs = 1000;

/** What was sent last, and what the server made of it: a server that drops a field must not be written to for ever. */
interface Answered {
  readonly sent: string;
  readonly shown: string;
  readonly keys: readonly string[];
}

export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #queue: KeyedQueue;
  readonly #statuses = new BySource<StatusFact>(({ status }) => refKey(status));
  readonly #problems = new BySource<ProblemFact>(({ problem }) => refKey(problem));
  readonly #byOwner = new BySource<{ readonly owner: Owner; readonly target: string }>(({ owner }) => owner);
  readonly #answered = new Map<string, Answered>();

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    this.#queue = new KeyedQueue({
      ...metered(options, 'status'),
      clock: options.clock,
      spacingMs,
      run: (target) => this.#run(target),
      onFailure: (target, error, attempt) => {
        // Another has changed the object: what the reflector shows next is compared and written.
        if (error instanceof ConflictError && attempt < 3) return;
        options.log.warn({ target, attempt, error: messageOf(error) }, 'status could not be written');
      },
    });
  }

  /** Objects whose status waits, is being written, or is retried. */
  get size(): number {
    return this.#queue.size;
  }

  /** Where status facts go. A source that failed keeps what it said. */
  readonly statuses: Sink<StatusFact> = {
    replace: (source, facts) => this.#replaceStatuses(source, facts),
    freeze: () => undefined,
  };

  /** Where problems go. A source that failed keeps them, too. */
  readonly problems: Sink<ProblemFact> = {
    replace: (source, facts) => {
      for (const target of this.#problems.replace(source, facts)) this.#touch(target);
    },
    freeze: () => undefined,
  };

  /** Whether the rows of this owner are confirmed may have changed. */
  confirmed(owner: Owner): void {
    for (const { target } of this.#byOwner.at(owner)) this.#queue.add(target);
  }

  /** The object's status has changed in the API, perhaps by others. */
  check(ref: Ref): void {
    this.#touch(refKey(ref));
  }

  /** Begins to write, every status first of all. */
  start(): void {
    this.#queue.start();
    for (const target of this.#statuses.targets()) this.#queue.add(target);
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  #replaceStatuses(source: string, facts: readonly StatusFact[]): void {
    this.#byOwner.replace(
      source,
      facts.map(({ owner, status }) => ({ owner, target: refKey(status) })),
    );
    for (const target of this.#statuses.replace(source, facts)) this.#queue.add(target);
  }

  #touch(target: string): void {
    if (this.#statuses.at(target).length > 0) this.#queue.add(target);
  }

  async #run(target: string): Promise<void> {
    const fact = this.#statuses.at(target).at(-1);
    const observed = fact === undefined ? undefined : this.#options.observed(fact.status);
    if (fact === undefined || observed === undefined) {
      this.#answered.delete(target);
      return;
    }
    const status = this.#wanted(target, fact, observed.status);
    if (this.#isShown(target, status, observed.status)) return;
    assertMayWrite(this.#options);
    await this.#write(target, { ref: fact.status, resourceVersion: observed.resourceVersion }, status);
    const reason = readyReason(status);
    if (reason !== undefined && reason !== readyReason(observed.status)) this.#options.onReady?.(fact.status, reason);
  }

  #wanted(target: string, fact: StatusFact, observed: JsonObject): JsonObject {
    const { fields, confirmed = {}, owner, generation } = fact;
    const applied = this.#options.applied(owner);
    const shown = { ...fields, ...(applied ? confirmed : kept(observed, Object.keys(confirmed))) };
    if (!hasConditions(fact.status.kind)) return shown;
    const words = wordsOf(fact.status.kind);
    const list = conditions({
      generation,
      problems: this.#problems.at(target),
      applied,
      words: fact.ready === undefined ? words : { ...words, ready: fact.ready },
      previous: conditionsOf(observed),
      now: isoSeconds(this.#options.clock.wall()),
    });
    return { ...shown, conditions: words.plain ? list.map(withoutUpdate) : (list as unknown as Json) };
  }

  #isShown(target: string, status: JsonObject, observed: JsonObject): boolean {
    const before = this.#answered.get(target);
    if (before !== undefined) {
      if (before.sent === canonical(status) && before.shown === canonical(observed)) return true;
      if (before.keys.some((key) => !(key in status))) return false;
    }
    const { conditions: wanted, ...fields } = status;
    const shown = new Map(conditionsOf(observed).map((condition) => [condition.type, condition]));
    const said = conditionsOf({ conditions: wanted ?? [] });
    return (
      covers(observed, fields) && said.every((condition) => sameJson(withText(shown.get(condition.type)), condition))
    );
  }

  async #write(
    target: string,
    { ref, resourceVersion }: { readonly ref: Ref; readonly resourceVersion: string },
    status: JsonObject,
  ): Promise<void> {
    const body = { ...typeOf(ref), metadata: { ...nameOf(ref), resourceVersion }, status };
    try {
      const written = await this.#options.client.patch(
        ref,
        { type: 'apply', body, manager: statusManager },
        subresourceOf(ref),
      );
      this.#answered.set(target, {
        sent: canonical(status),
        shown: canonical(written.status ?? {}),
        keys: Object.keys(status),
      });
      this.#options.onWritten?.(written);
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error;
      this.#options.log.debug({ target }, 'the object is gone, no status written');
    }
  }
}

/** Why the object is ready; undefined when it is not. */
function readyReason(status: JsonObject): string | undefined {
  const ready = conditionsOf(status).find(({ type }) => type === 'Ready');
  const { status: state, reason } = ready ?? {};
  return state === 'True' && typeof reason === 'string' ? reason : undefined;
}

const canonical = (value: JsonObject): string => canonicalJson(rounded(value));

/** What the API shows of these fields: to leave one out would remove it. */
const kept = (observed: JsonObject, keys: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(observed).filter(([key]) => keys.includes(key)));

const withoutUpdate = (condition: Condition): JsonObject =>
  Object.fromEntries(Object.entries(condition).filter(([key]) => key !== 'lastUpdateTime'));

// The API server may leave an empty message out.
function withText(condition: JsonObject | undefined): JsonObject | undefined {
  return condition === undefined ? undefined : { message: '', ...condition };
}
