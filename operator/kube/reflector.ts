// Keeps the tables of one kind equal to the API server: list, then watch, for ever. An error is never the end of the
// process and never empties a table; it is waited out, and the watch resumes where it was.
//
//          start
//   idle --------> listing <--------------------------------- waiting    position lost: 410, restored, out of order, oversized,
//    ^              |    ^ |  list lacks many objects            ^  |     kind not served, our own mistake
//    | stop         |    | v                                     |  |
//  (any)            |  confirming (a second, consistent list)    |  |    position kept: 401, 403, 429, 5xx, cut,
//                   v    |                                       |  v     stalled, garbled
//                watching ----------- any error ---------------->+ resuming
//                   ^  |  the server ended it (every 5 to 10 min)      |  (is the server behind our position?)
//                   |  +---------------------------------------------->+
//                   +--------------------------------------------------+
import { absentBackoff, backoff, retryDelay } from './backoff.ts';
import type { KubeClient, ListOptions } from './client.ts';
import type { Clock } from './clock.ts';
import { ConnectionError, messageOf, NotFoundError } from './errors.ts';
import { listPages, listStream, refusesStreaming } from './listing.ts';
import type { Log } from './log.ts';
import { type Listed, Mirror, type Projection } from './mirror.ts';
import { compareVersions, type KubeObject } from './object.ts';
import { recoveryOf, RestoredError, type RestartReason } from './recovery.ts';
import { pathOf, type Resource } from './resources.ts';
import { type Change, type Source, WatchSession } from './watch-session.ts';

export type { RestartReason } from './recovery.ts';

export type ReflectorState =
  /** Built, not started; or stopped. */
  | { readonly at: 'idle' }
  /** Reading all objects. The tables still show what was known before. */
  | { readonly at: 'listing' }
  /** A list lacked suspiciously many objects. Additions and changes are in; removals await a second, consistent list. */
  | { readonly at: 'confirming'; readonly absent: number }
  /** Asking for the changes since our position, after making sure that the server has been there. */
  | { readonly at: 'resuming' }
  /** Following the stream of changes. */
  | { readonly at: 'watching' }
  /** The last try failed; the next begins after a delay. The tables keep what they have. */
  | { readonly at: 'waiting'; readonly reason: RestartReason; readonly error: string };

export interface ReflectorOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly resource: Resource;
  readonly projections: readonly Projection[];
  /** Every change of the tables happens inside; the graph buffers it until it may enter. */
  readonly enter: (change: () => void) => void;
  readonly select?: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>;
  /** `pages`: no streaming lists; by default they are tried first, and pages are what is left when they are refused. */
  readonly lists?: 'stream' | 'pages';
  /** Objects per page of a list; 500. */
  readonly pageSize?: number;
  /** Ms without an event or bookmark (the server sends one a minute) until the connection counts as dead; 180 s. */
  readonly stallMs?: number;
  /** Longest event of a watch, in bytes; what is longer is read by a list. 16 MiB. */
  readonly maxLineBytes?: number;
  /** A kind that need not exist: while it is not served it counts as listed, and empty. */
  readonly optional?: boolean;
  /** Told, inside `enter`, which objects a list lacked; objects seen as DELETED are never among them. */
  readonly onAbsent?: (keys: readonly string[]) => void;
  readonly onRestart?: (reason: RestartReason) => void;
  /** Removals by absence above both limits are confirmed by a second list; 20 % and 100 objects. */
  readonly brake?: { readonly share: number; readonly count: number };
}

export class Reflector {
  /** Settled once the first list is in the tables; never rejected. */
  readonly synced: Promise<void>;
  readonly #options: ReflectorOptions;
  readonly #source: Source;
  readonly #mirror: Mirror;
  readonly #resolveSynced: () => void;
  #state: ReflectorState = { at: 'idle' };
  #listed = false;
  /** The streaming list before this one broke: the next is by pages. */
  #byPages = false;
  /** Failures since a watch last brought something, or lasted. */
  #attempt = 0;
  #reason: RestartReason | undefined;
  /** Times in a row that the kind was found not to be served. */
  #unserved = 0;
  #control: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ReflectorOptions) {
    this.#options = options;
    const { client, clock, log, resource, select, stallMs = 180_000, maxLineBytes } = options;
    this.#mirror = new Mirror(options.projections, (key, error) =>
      log.error({ kind: resource.kind, key, error: messageOf(error) }, 'object could not be projected'),
    );
    const keep = this.#mirror.seen.bind(this.#mirror);
    const limit = maxLineBytes === undefined ? {} : { maxLineBytes };
    this.#source = { client, clock, resource, keep, stallMs, ...limit, ...(select && { select }) };
    const { promise, resolve } = Promise.withResolvers<void>();
    this.synced = promise;
    this.#resolveSynced = resolve;
  }

  get state(): ReflectorState {
    return this.#state;
  }

  /** Number of objects of the kind that are known. */
  get size(): number {
    return this.#mirror.size;
  }

  start(): void {
    if (this.#control !== undefined) return;
    this.#control = new AbortController();
    this.#running = this.#run(this.#control.signal);
  }

  async stop(): Promise<void> {
    this.#control?.abort();
    await this.#running;
    this.#control = undefined;
  }

  /** Lets an object that a write of ours returned in before the watch shows it. Older reports are ignored. */
  ingest(object: KubeObject): void {
    const seen = this.#mirror.seen(object);
    this.#options.enter(() => void this.#mirror.ingest(seen));
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let session: WatchSession | undefined;
      try {
        session = await (this.#listed ? this.#resume(signal) : this.#list(signal));
        await this.#follow(session, signal);
      } catch (error) {
        if (!signal.aborted) await this.#recover(await this.#diagnosed(error, signal), signal);
      } finally {
        session?.close();
      }
    }
    this.#state = { at: 'idle' };
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, optional, onRestart } = this.#options;
    const recovery = recoveryOf(error);
    const { reason } = recovery;
    const limits = reason === 'absent' && optional === true ? absentBackoff : recovery.backoff;
    this.#attempt += 1;
    // What cannot be read time and again is taken from a list.
    const unreadable = reason === 'garbled' && this.#attempt >= 5;
    if (unreadable) this.#byPages = true;
    const relist = recovery.relist || unreadable;
    if (relist) this.#listed = false;
    onRestart?.(reason);
    const ms = retryDelay(error, backoff(this.#attempt, limits, clock.random()));
    this.#tell(reason, error, { relist, ms });
    this.#state = { at: 'waiting', reason, error: messageOf(error) };
    await pause(clock, ms, signal);
  }

  // A failure that goes on is told of ever more seldom.
  #tell(reason: RestartReason, error: unknown, next: { readonly relist: boolean; readonly ms: number }): void {
    const { log, resource } = this.#options;
    const attempt = this.#attempt;
    const fields = { kind: resource.kind, reason, error: messageOf(error), attempt, ...next };
    const isDue = reason !== this.#reason || (attempt & (attempt - 1)) === 0;
    this.#reason = reason;
    if (!isDue) log.debug(fields, 'watch broke');
    else if (reason === 'internal') log.error({ ...fields, err: error }, 'watch broke by a mistake of ours');
    else if (reason === 'forbidden') log.error(fields, 'not allowed to list or watch this kind, see the RBAC rules');
    else if (isExpected(reason, this.#options)) log.info(fields, 'watch waits');
    else log.warn(fields, 'watch broke');
  }

  // Lists until no suspicious number of removals is left unconfirmed, and returns a watch from there on.
  async #list(signal: AbortSignal): Promise<WatchSession> {
    this.#state = { at: 'listing' };
    const { listed, session } = await this.#read(signal);
    try {
      let suspects = await this.#take(listed, new Set(), signal);
      while (suspects.size > 0) {
        this.#state = { at: 'confirming', absent: suspects.size };
        suspects = await this.#take(await this.#pages(signal), suspects, signal);
      }
    } catch (error) {
      session?.close();
      throw error;
    }
    this.#listed = true;
    this.#byPages = false;
    this.#unserved = 0;
    this.#resolveSynced();
    return session ?? WatchSession.open(this.#source, { resourceVersion: this.#mirror.position }, signal);
  }

  async #read(signal: AbortSignal): Promise<{ readonly listed: Listed; readonly session?: WatchSession }> {
    if (this.#options.lists === 'pages' || this.#byPages) return { listed: await this.#pages(signal) };
    try {
      return await listStream(this.#source, signal);
    } catch (error) {
      this.#byPages = true;
      if (!refusesStreaming(error)) throw error;
      const { log, resource } = this.#options;
      log.debug({ kind: resource.kind, error: messageOf(error) }, 'no streaming list, listing by pages');
      return { listed: await this.#pages(signal) };
    }
  }

  #pages(signal: AbortSignal): Promise<Listed> {
    const { log, resource, pageSize = 500 } = this.#options;
    const onExpired = (): void => log.info({ kind: resource.kind }, 'page token expired, listing anew');
    return listPages(this.#source, { pageSize, onExpired }, signal);
  }

  // Makes the tables what the list says, apart from removals that nobody has confirmed: they are returned.
  async #take(list: Listed, suspects: ReadonlySet<string>, signal: AbortSignal): Promise<ReadonlySet<string>> {
    const before = this.#mirror.size;
    const absent = this.#mirror.absent(list);
    const unconfirmed = absent.filter((key) => !suspects.has(key));
    const kept = new Set(this.#isSuspicious(unconfirmed.length, before) ? unconfirmed : []);
    await this.#enter(signal, () => {
      this.#mirror.relist(list, kept);
      this.#options.onAbsent?.(absent.filter((key) => !kept.has(key)));
    });
    if (kept.size > 0) {
      const { log, resource } = this.#options;
      log.warn({ kind: resource.kind, absent: kept.size, known: before }, 'list lacks many objects, reading again');
    }
    return kept;
  }

  #isSuspicious(absent: number, known: number): boolean {
    const { share, count } = this.#options.brake ?? { share: 0.2, count: 100 };
    return absent > count && absent > known * share;
  }

  // A watch from a version that the server has not reached is accepted, and silent until it gets there (checked on 1.36,
  // with and without its watch cache): after a restore from a copy, changes would be missed. One object tells where it is.
  async #resume(signal: AbortSignal): Promise<WatchSession> {
    this.#state = { at: 'resuming' };
    const { client, resource, select, stallMs } = this.#source;
    const namespace = select?.namespace === undefined ? {} : { namespace: select.namespace };
    const { resourceVersion } = await client.list(resource, {
      ...namespace,
      limit: 1,
      deadlineMs: Math.min(stallMs, 30_000),
      signal,
    });
    const { position } = this.#mirror;
    if (compareVersions(resourceVersion, position) < 0) {
      const request = `WATCH ${pathOf(resource, {})}`;
      throw new RestoredError(request, `the server is at version ${resourceVersion}, we have seen ${position}`);
    }
    return WatchSession.open(this.#source, { resourceVersion: position }, signal);
  }

  async #follow(session: WatchSession, signal: AbortSignal): Promise<void> {
    const { clock, log, resource, onRestart } = this.#options;
    const started = clock.now();
    if (this.#attempt > 0) log.info({ kind: resource.kind, attempts: this.#attempt }, 'watching again');
    this.#state = { at: 'watching' };
    let progress = false;
    try {
      for (let changes = await session.next(); changes !== undefined; changes = await session.next()) {
        const batch = changes;
        await this.#enter(signal, () => this.#apply(batch));
        progress = true;
      }
    } finally {
      // A kind without changes on a server without bookmarks stalls time and again, and nothing is wrong with it.
      if (progress || clock.now() - started >= Math.min(10_000, this.#source.stallMs)) this.#attempt = 0;
    }
    if (!progress && clock.now() - started < 1000) {
      throw new ConnectionError(`WATCH ${pathOf(resource, {})}`, 'the watch ended at once');
    }
    log.debug({ kind: resource.kind, reason: 'ended' }, 'watch ended');
    onRestart?.('ended');
  }

  #apply(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.type === 'bookmark') this.#mirror.bookmark(change.version);
      else this.#mirror.event(change.type, change.item);
    }
  }

  // A 404 may be a server that has not yet read its CRDs: only when discovery says so too is the kind absent, and then
  // so are its objects. Never throws.
  async #diagnosed(error: unknown, signal: AbortSignal): Promise<unknown> {
    if (!(error instanceof NotFoundError)) return error;
    try {
      const { client, resource, optional, onAbsent } = this.#options;
      if (await client.serves(resource, signal)) return error;
      this.#unserved += 1;
      const { size, position } = this.#mirror;
      if (this.#unserved > 1 || !this.#isSuspicious(size, size)) {
        const nothing = { items: [], version: position };
        const gone = this.#mirror.absent(nothing);
        await this.#enter(signal, () => {
          this.#mirror.relist(nothing);
          onAbsent?.(gone);
        });
      }
      if (optional === true) this.#resolveSynced();
      return error;
    } catch (other) {
      return other;
    }
  }

  // The graph may let a change in later; until then our position is the old one, so nothing is read meanwhile.
  async #enter(signal: AbortSignal, change: () => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const abandon = (): void => resolve();
    signal.addEventListener('abort', abandon, { once: true });
    this.#options.enter(() => {
      try {
        change();
        resolve();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    await promise.finally(() => signal.removeEventListener('abort', abandon));
  }
}

/** A server that asks for patience (it does when a CRD is new), and a kind that need not exist, are nothing to warn of. */
function isExpected(reason: RestartReason, { optional }: ReflectorOptions): boolean {
  return reason === 'throttled' || (reason === 'absent' && optional === true);
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  const wake = (): void => resolve();
  signal.addEventListener('abort', wake, { once: true });
  return promise.finally(() => {
    cancel();
    signal.removeEventListener('abort', wake);
  });
}
