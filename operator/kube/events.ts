// Events for `kubectl describe`: repeated ones are counted on one object, floods are cut, and none is worth more than
// a few tries. Events tell people; no decision may depend on one.
import { createHash } from 'node:crypto';
import type { Sink } from '../../lib/graph/types.ts';
import type { JsonObject, ProblemFact, Ref } from '../api/fact.ts';
import { BySource } from './by-source.ts';
import { isoSeconds } from './clock.ts';
import { isTransient, messageOf, NotFoundError } from './errors.ts';
import { KeyedQueue } from './queue.ts';
import { refKey, resources } from './resources.ts';
import { assertMayWrite, type WriterOptions } from './writer.ts';

export interface EventNote {
  /** The object that the event is about. Without a UID the event is still shown by name. */
  readonly about: Ref & { readonly uid?: string };
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, e.g. PodNetworkAllocated. */
  readonly reason: string;
  readonly message: string;
}

export interface EventRecorderOptions extends Omit<WriterOptions, 'onWritten'> {
  readonly component: string;
  /** Name of this process, e.g. its pod. */
  readonly instance: string;
  /** UID of an object, for events about problems; undefined when it is not known. */
  readonly uidOf?: (ref: Ref) => string | undefined;
}

/** Repetitions of one event are counted on one Event object for this long, ms (client-go's ten minutes). */
const window = 600_000;
/** Per object: so many events at once, then one every `refill` ms (client-go's spam filter). */
const burst = 25;
const refill = 300_000;
const tries = 4;
const longest = 1024;

interface Series {
  readonly note: EventNote;
  readonly name: string;
  readonly first: number;
  last: number;
  count: number;
  /** Count that the API server has; 0 before the Event was created. */
  written: number;
}

interface Bucket {
  tokens: number;
  filledAt: number;
}

export class EventRecorder implements Sink<ProblemFact> {
  readonly #options: EventRecorderOptions;
  readonly #queue: KeyedQueue;
  readonly #series = new Map<string, Series>();
  readonly #buckets = new Map<string, Bucket>();
  readonly #problems = new BySource<ProblemFact>(problemKey);
  #sweptAt = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#queue = new KeyedQueue({
      clock: options.clock,
      concurrency: 8,
      spacingMs: 1000,
      run: (key) => this.#write(key),
      onFailure: (key, error, attempt) => this.#failed(key, error, attempt),
    });
  }

  /** Events that are not yet with the API server. */
  get size(): number {
    return this.#queue.size;
  }

  /** Never throws and never waits. Dropped while this process does not lead, and when the object's budget is used up. */
  record(note: EventNote): void {
    const { clock, mayWrite } = this.#options;
    if (!mayWrite()) return;
    const now = clock.now();
    this.#sweep(now);
    const key = seriesKey(note);
    const known = this.#series.get(key);
    if (!this.#allowed(refKey(note.about), now)) return;
    if (known !== undefined && now - known.first < window) {
      known.count += 1;
      known.last = now;
    } else {
      this.#series.set(key, { note, name: eventName(note, clock.wall()), first: now, last: now, count: 1, written: 0 });
    }
    this.#queue.add(key);
  }

  /** The source now has exactly these problems: each one that is new becomes a Warning. */
  replace(source: string, problems: readonly ProblemFact[]): void {
    const known = new Set([...problems].map(problemKey).filter((key) => this.#problems.at(key).length > 0));
    this.#problems.replace(source, problems);
    for (const problem of problems) {
      if (!known.has(problemKey(problem))) this.#tell(problem);
    }
  }

  /** A source that failed keeps its problems. */
  freeze(): void {
    // Nothing changes.
  }

  /** Problems that were found before this process led are told of now. */
  start(): void {
    this.#queue.start();
    for (const key of this.#problems.targets()) {
      const problem = this.#problems.at(key)[0];
      if (problem !== undefined) this.#tell(problem);
    }
  }

  stop(): Promise<void> {
    return this.#queue.stop();
  }

  #tell(problem: ProblemFact): void {
    const uid = this.#options.uidOf?.(problem.problem);
    const about = uid === undefined ? problem.problem : { ...problem.problem, uid };
    this.record({ about, type: 'Warning', reason: problem.reason, message: problem.message });
  }

  #allowed(object: string, now: number): boolean {
    const bucket = this.#buckets.get(object) ?? { tokens: burst, filledAt: now };
    const gained = Math.floor((now - bucket.filledAt) / refill);
    bucket.tokens = Math.min(burst, bucket.tokens + gained);
    bucket.filledAt += gained * refill;
    const allowed = bucket.tokens > 0;
    if (allowed) bucket.tokens -= 1;
    this.#buckets.set(object, bucket);
    return allowed;
  }

  // Series that ended and full buckets need not be remembered.
  #sweep(now: number): void {
    if (now - this.#sweptAt < window) return;
    this.#sweptAt = now;
    for (const [key, series] of this.#series) if (now - series.last > window) this.#series.delete(key);
    for (const [key, bucket] of this.#buckets) if (now - bucket.filledAt > burst * refill) this.#buckets.delete(key);
  }

  async #write(key: string): Promise<void> {
    const series = this.#series.get(key);
    if (series === undefined || series.written === series.count) return;
    assertMayWrite(this.#options);
    const { count } = series;
    if (series.written === 0) await this.#create(series, count);
    else await this.#count(series, count);
    series.written = count;
  }

  async #create(series: Series, count: number): Promise<void> {
    const { client, component, instance } = this.#options;
    const { note, name } = series;
    const { apiVersion, kind, name: object, uid } = note.about;
    const namespace = namespaceOf(note.about);
    const involved = {
      apiVersion,
      kind,
      name: object,
      ...(note.about.namespace === '' ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
    };
    const event: JsonObject = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject: involved,
      type: note.type,
      reason: note.reason,
      message: note.message.slice(0, longest),
      source: { component, host: instance },
      reportingComponent: component,
      reportingInstance: instance,
      firstTimestamp: this.#time(series.first),
      lastTimestamp: this.#time(series.last),
      count,
    };
    await client.create(resources.Event, event, { namespace });
  }

  async #count(series: Series, count: number): Promise<void> {
    const { note, name } = series;
    const ref = { apiVersion: 'v1', kind: 'Event', namespace: namespaceOf(note.about), name };
    try {
      const body = { count, lastTimestamp: this.#time(series.last) };
      await this.#options.client.patch(ref, { type: 'merge', body });
    } catch (error) {
      // Events live for an hour at most; someone may also delete them.
      if (!(error instanceof NotFoundError)) throw error;
      await this.#create(series, count);
    }
  }

  #time(monotonic: number): string {
    const { clock } = this.#options;
    return isoSeconds(clock.wall() - (clock.now() - monotonic));
  }

  #failed(key: string, error: unknown, attempt: number): void {
    if (isTransient(error) && attempt < tries) return;
    this.#options.log.warn({ event: key, error: messageOf(error) }, 'event dropped');
    this.#series.delete(key);
  }
}

function problemKey({ problem, reason, message }: ProblemFact): string {
  return `${refKey(problem)} ${reason} ${message}`;
}

function seriesKey({ about, type, reason, message }: EventNote): string {
  return `${refKey(about)} ${about.uid ?? ''} ${type} ${reason} ${message}`;
}

// Events about cluster-scoped objects are kept in namespace default, where kubectl looks for them.
function namespaceOf({ namespace }: Ref): string {
  return namespace === '' ? 'default' : namespace;
}

function eventName(note: EventNote, wall: number): string {
  const digest = createHash('sha256')
    .update(`${seriesKey(note)} ${wall}`)
    .digest('hex')
    .slice(0, 16);
  return `${note.about.name.slice(0, 230)}.${digest}`;
}
