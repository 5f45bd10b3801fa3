// Events for `kubectl describe`: repeated ones are counted on one object, floods are cut, and none is worth much effort.
// Events tell people; no decision may depend on one, nothing waits for one, and what is kept of them is bounded.
import { createHash } from 'node:crypto';
import type { Sink } from '../../lib/graph/types.ts';
import type { JsonObject, ProblemFact, Ref } from '../api/fact.ts';
import { BySource } from './by-source.ts';
import { isoSeconds } from './clock.ts';
import { AlreadyExistsError, isOfEndingNamespace, isTransient, messageOf, NotFoundError } from './errors.ts';
import { KeyedQueue } from './queue.ts';
import { refKey, resources } from './resources.ts';
import { assertMayWrite, metered, type WriterOptions } from './writer.ts';

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
/** Different messages of one reason about one object; later ones are counted on one Event together (client-go's ten). */
const variety = 10;
/** Per object: so many events at once, then one every `refill` ms (client-go's spam filter). */
const burst = 25;
const refill = 300_000;
/** Ms between two requests: a hundred events a second, whatever happens to however many objects. */
const pace = 10;
/** Events that wait for the API server, fewer than are remembered; what comes beyond is dropped. */
const mostWaiting = 1000;
/** What could not be written in this time tells nobody anything any more, ms. */
const staleMs = 120_000;
/** Series, reasons and objects that are remembered: about a kilobyte each. */
const mostRemembered = 1024;
const longest = 1024;

interface Series {
  readonly note: EventNote;
  readonly name: string;
  readonly first: number;
  last: number;
  count: number;
  /** Count that the API server has; 0 before the Event was created. */
  written: number;
  /** When the first of those that are not written was recorded. */
  since: number;
}

interface Bucket {
  tokens: number;
  filledAt: number;
}

interface Messages {
  readonly seen: Set<string>;
  readonly since: number;
}

export class EventRecorder implements Sink<ProblemFact> {
  readonly #options: EventRecorderOptions;
  readonly #queue: KeyedQueue;
  readonly #series = new Recent<Series>(mostRemembered);
  readonly #buckets = new Recent<Bucket>(mostRemembered);
  readonly #messages = new Recent<Messages>(mostRemembered);
  readonly #problems = new BySource<ProblemFact>(problemKey);
  #nextAt = 0;
  #dropped = 0;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#queue = new KeyedQueue({
      ...metered(options, 'events'),
      clock: options.clock,
      concurrency: 8,
      spacingMs: 1000,
      run: (key) => this.#write(key),
      onFailure: (key, error) => this.#failed(key, error),
    });
  }

  /** Events that are not yet with the API server. */
  get size(): number {
    return this.#queue.size;
  }

  /** What is kept, for tests of what grows. */
  get kept(): number {
    return this.#series.size + this.#buckets.size + this.#messages.size + this.#queue.remembered;
  }

  /**
   * Never throws and never waits. Dropped while this process does not lead, when the object's budget is used up, and when
   * too many wait.
   */
  record(note: EventNote): void {
    const { clock, mayWrite, log } = this.#options;
    if (!mayWrite()) return;
    const now = clock.now();
    if (!this.#allowed(refKey(note.about), now)) return;
    const told = this.#combined(note, now);
    const key = seriesKey(told);
    const known = this.#series.get(key);
    if (known !== undefined && now - known.first < window) {
      if (known.count === known.written) known.since = now;
      known.count += 1;
      known.last = now;
    } else if (this.#queue.remembered >= mostWaiting) {
      this.#dropped += 1;
      if (this.#dropped % mostWaiting === 1) log.warn({ dropped: this.#dropped }, 'too many events, some are not told');
      return;
    } else {
      const name = eventName(told, clock.wall());
      this.#series.set(key, { note: told, name, first: now, last: now, count: 1, written: 0, since: now });
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

  /** What was not written is not told. */
  async stop(): Promise<void> {
    await this.#queue.stop();
    for (const kept of [this.#series, this.#buckets, this.#messages]) kept.clear();
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

  // A reason that is given with ever new messages becomes one series, told by the first message of it.
  #combined(note: EventNote, now: number): EventNote {
    const key = `${refKey(note.about)} ${note.type} ${note.reason}`;
    let messages = this.#messages.get(key);
    if (messages === undefined || now - messages.since >= window) {
      messages = { seen: new Set(), since: now };
      this.#messages.set(key, messages);
    }
    if (messages.seen.size < variety) messages.seen.add(note.message);
    if (messages.seen.has(note.message)) return note;
    return { ...note, message: '(combined from similar events)' };
  }

  async #write(key: string): Promise<void> {
    const series = this.#series.get(key);
    if (series === undefined || series.written === series.count) return;
    await this.#turn();
    assertMayWrite(this.#options);
    const { count } = series;
    if (series.written === 0) await this.#create(series, count);
    else await this.#count(series, count);
    series.written = count;
    series.since = this.#options.clock.now();
  }

  async #turn(): Promise<void> {
    const { clock } = this.#options;
    const now = clock.now();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + pace;
    if (at > now) await new Promise<void>((resolve) => clock.after(at - now, resolve));
  }

  // core/v1, since events.k8s.io/v1 refuses `source`, by which people and programs tell Kube-OVN's events from others.
  async #create(series: Series, count: number): Promise<void> {
    const { client, component, instance } = this.#options;
    const { note, name } = series;
    const { apiVersion, kind, name: object, uid } = note.about;
    const namespace = namespaceOf(note.about);
    const involvedObject = {
      apiVersion,
      kind,
      name: object,
      ...(note.about.namespace === '' ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
    };
    const event: JsonObject = {
      apiVersion: resources.Event.apiVersion,
      kind: 'Event',
      metadata: { name, namespace },
      involvedObject,
      type: note.type,
      reason: note.reason,
      message: note.message.slice(0, longest),
      source: { component },
      reportingComponent: component,
      reportingInstance: instance.slice(0, 128),
      firstTimestamp: this.#time(series.first),
      ...this.#counted(series, count),
    };
    try {
      await client.create(resources.Event, event, { namespace });
    } catch (error) {
      // The answer to an earlier try was lost.
      if (!(error instanceof AlreadyExistsError)) throw error;
      if (count > 1) await this.#count(series, count);
    }
  }

  async #count(series: Series, count: number): Promise<void> {
    const { note, name } = series;
    const ref = { apiVersion: resources.Event.apiVersion, kind: 'Event', namespace: namespaceOf(note.about), name };
    try {
      await this.#options.client.patch(ref, { type: 'merge', body: this.#counted(series, count) });
    } catch (error) {
      // Events live for an hour at most; someone may also delete them.
      if (!(error instanceof NotFoundError)) throw error;
      await this.#create(series, count);
    }
  }

  #counted({ last }: Series, count: number): JsonObject {
    return { count, lastTimestamp: this.#time(last) };
  }

  #time(monotonic: number): string {
    const { clock } = this.#options;
    return isoSeconds(clock.wall() - (clock.now() - monotonic));
  }

  #failed(key: string, error: unknown): void {
    const { clock, log } = this.#options;
    const series = this.#series.get(key);
    if (series === undefined || (isTransient(error) && clock.now() - series.since < staleMs)) return;
    // The last that is told of many pods; there is nobody left to read it.
    if (!isOfEndingNamespace(error)) log.warn({ event: key, error: messageOf(error) }, 'event dropped');
    this.#series.delete(key);
  }
}

/** A map that forgets what was written longest ago when it holds too much. */
class Recent<V> {
  readonly #most: number;
  readonly #entries = new Map<string, V>();

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#most) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
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
