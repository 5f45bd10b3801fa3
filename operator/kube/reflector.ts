// Keeps the tables of one kind equal to the API server: list, then watch, for ever. An error is never the end of the
// process and never empties a table; it is waited out, and the watch resumes where it was.
//
//   idle -> listing -> watching <-> waiting (for the next try of either)
//              |  ^        |
//   confirming +  +--------+  410 Gone: the server has forgotten where we were
import type { KubeClient, ListOptions, ListPage } from './client.ts';
import { backoff, retryDelay, watchBackoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { ApiError, GoneError, messageOf } from './errors.ts';
import type { Log } from './log.ts';
import { type Listed, Mirror, type Projection, type Seen } from './mirror.ts';
import type { KubeObject } from './object.ts';
import type { Resource } from './resources.ts';
import { watchEvents } from './watch-stream.ts';

export type ReflectorState =
  /** Built, not started; or stopped. */
  | { readonly at: 'idle' }
  /** Reading all objects, page by page. The tables still show what was known before. */
  | { readonly at: 'listing' }
  /** A list lacked suspiciously many objects. Additions and changes are in; removals await a second, consistent list. */
  | { readonly at: 'confirming'; readonly absent: number }
  /** Following the stream of changes. */
  | { readonly at: 'watching' }
  /** The last try failed; the next begins after a delay. The tables keep what they have. */
  | { readonly at: 'waiting'; readonly error: string };

/** Why a list or watch had to be started again, for metrics. */
export type RestartReason = 'expired' | 'stalled' | 'failed' | 'ended';

export interface ReflectorOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly resource: Resource;
  readonly projections: readonly Projection[];
  /** Every change of the tables happens inside; the graph buffers it until it may enter. */
  readonly enter: (change: () => void) => void;
  readonly select?: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>;
  /** Objects per page of a list; 500. */
  readonly pageSize?: number;
  /** Ms without a byte, bookmarks included (the server sends one a minute), until the connection counts as dead; 180 s. */
  readonly stallMs?: number;
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
  readonly #mirror: Mirror;
  readonly #resolveSynced: () => void;
  #state: ReflectorState = { at: 'idle' };
  #listed = false;
  #attempt = 0;
  #control: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#mirror = new Mirror(options.projections, (key, error) =>
      options.log.error({ kind: options.resource.kind, key, error: messageOf(error) }, 'object could not be projected'),
    );
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
      try {
        if (!this.#listed) await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (!signal.aborted) await this.#recover(error, signal);
      }
    }
    this.#state = { at: 'idle' };
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const { clock, log, resource, onRestart } = this.#options;
    this.#attempt += 1;
    const expired = mustRelist(error);
    if (expired) this.#listed = false;
    onRestart?.(expired ? 'expired' : error instanceof StalledError ? 'stalled' : 'failed');
    const ms = retryDelay(error, backoff(this.#attempt, watchBackoff, clock.random()));
    log.warn(
      { kind: resource.kind, error: messageOf(error), attempt: this.#attempt, relist: expired, ms },
      'watch broke',
    );
    this.#state = { at: 'waiting', error: messageOf(error) };
    await pause(clock, ms, signal);
  }

  // Lists until no suspicious number of removals is left unconfirmed.
  async #list(signal: AbortSignal): Promise<void> {
    let suspects: ReadonlySet<string> = new Set();
    for (;;) {
      this.#state = suspects.size > 0 ? { at: 'confirming', absent: suspects.size } : { at: 'listing' };
      const list = await this.#read(signal);
      const before = this.#mirror.size;
      const absent = this.#mirror.absent(list);
      const unconfirmed = absent.filter((key) => !suspects.has(key));
      const braked = this.#isSuspicious(unconfirmed.length, before);
      const kept = new Set(braked ? unconfirmed : []);
      await this.#enter(signal, () => {
        this.#mirror.relist(list, kept);
        this.#options.onAbsent?.(absent.filter((key) => !kept.has(key)));
      });
      if (!braked) break;
      suspects = new Set(absent);
      const { log, resource } = this.#options;
      log.warn({ kind: resource.kind, absent: absent.length, known: before }, 'list lacks many objects, reading again');
    }
    this.#listed = true;
    this.#resolveSynced();
  }

  #isSuspicious(absent: number, known: number): boolean {
    const { share, count } = this.#options.brake ?? { share: 0.2, count: 100 };
    return absent > count && absent > known * share;
  }

  // All pages of one consistent list, each projected at once. A continue token that expires on the way (the server
  // compacts every five minutes) leads to one list without pages.
  async #read(signal: AbortSignal): Promise<Listed> {
    try {
      return await this.#pages(this.#options.pageSize ?? 500, signal);
    } catch (error) {
      if (!(error instanceof GoneError)) throw error;
      return this.#pages(undefined, signal);
    }
  }

  async #pages(limit: number | undefined, signal: AbortSignal): Promise<Listed> {
    const { client, resource, select } = this.#options;
    const items: Seen[] = [];
    let token = '';
    let page: ListPage;
    do {
      const paging = limit === undefined ? {} : { limit, continue: token };
      page = await client.list(resource, { ...select, ...paging, signal });
      for (const object of page.items) items.push(this.#mirror.seen(object));
      token = page.continue;
    } while (token !== '');
    return { items, version: page.resourceVersion };
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, resource, select, clock, onRestart } = this.#options;
    const stop = new AbortController();
    const forward = (): void => stop.abort();
    signal.addEventListener('abort', forward, { once: true });
    const watchdog = new Watchdog(clock, this.#options.stallMs ?? 180_000, () => stop.abort());
    const started = clock.now();
    try {
      const response = await client.watch(resource, {
        ...select,
        resourceVersion: this.#mirror.position,
        timeoutSeconds: 300 + Math.floor(clock.random() * 300),
        signal: stop.signal,
      });
      this.#state = { at: 'watching' };
      await this.#follow(response, watchdog, stop.signal);
    } catch (error) {
      if (watchdog.barked) throw new StalledError('no bytes from the API server', { cause: error });
      throw error;
    } finally {
      watchdog.stop();
      signal.removeEventListener('abort', forward);
      stop.abort();
    }
    if (clock.now() - started < 1000) throw new Error('the watch ended at once');
    onRestart?.('ended');
  }

  async #follow(response: AsyncIterable<unknown>, watchdog: Watchdog, signal: AbortSignal): Promise<void> {
    for await (const events of watchEvents(response, this.#options.resource)) {
      watchdog.reset();
      this.#attempt = 0;
      if (events.length === 0) continue;
      const changes = events.map((event) =>
        event.type === 'bookmark' ? event : { type: event.type, seen: this.#mirror.seen(event.object) },
      );
      await this.#enter(signal, () => {
        for (const change of changes) {
          if (change.type === 'bookmark') this.#mirror.bookmark(change.version);
          else this.#mirror.event(change.type, change.seen);
        }
      });
    }
  }

  // The graph may let a change in later; until then our position is the old one, so nothing is read meanwhile.
  async #enter(signal: AbortSignal, change: () => void): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    this.#options.enter(() => {
      change();
      resolve();
    });
    await promise;
  }
}

/** The connection is open and silent: a peer that vanished without a FIN. */
class StalledError extends Error {}

// Either the server has forgotten our position, or it has never been there (restored from a backup).
function mustRelist(error: unknown): boolean {
  if (error instanceof GoneError) return true;
  return error instanceof ApiError && error.causes.some(({ reason }) => reason === 'ResourceVersionTooLarge');
}

class Watchdog {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #bark: () => void;
  #cancel: () => void = () => undefined;
  barked = false;

  constructor(clock: Clock, ms: number, bark: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#bark = bark;
    this.reset();
  }

  reset(): void {
    this.#cancel();
    this.#cancel = this.#clock.after(this.#ms, () => {
      this.barked = true;
      this.#bark();
    });
  }

  stop(): void {
    this.#cancel();
  }
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise.finally(cancel);
}
