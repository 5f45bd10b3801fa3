// One watch request from its opening to its end, with what the stream itself cannot know: that silence has lasted too
// long, and that versions must not go backwards.
import type { KubeClient, ListOptions, WatchOptions } from './client.ts';
import type { Clock } from './clock.ts';
import { ConnectionError, KubeError, messageOf, OrderError, StalledError } from './errors.ts';
import type { Seen } from './mirror.ts';
import { compareVersions } from './object.ts';
import { pathOf } from './resources.ts';
import { type WatchDecoding, type WatchEvent, watchEvents } from './watch-stream.ts';

export type Change = WatchEvent<Seen>;

/** What a kind is read with, be it by lists or by watches. */
export interface Source extends WatchDecoding<Seen> {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly select?: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>;
  /** Ms without an event or a bookmark until the connection counts as dead. */
  readonly stallMs: number;
}

export class WatchSession {
  readonly #source: Source;
  readonly #request: string;
  readonly #stop = new AbortController();
  readonly #release: () => void;
  #changes: AsyncGenerator<Change[]> | undefined;
  /** Version of the last event; undefined during the initial events of a streaming list, which have no order. */
  #cursor: string | undefined;
  #unread: Change[] = [];
  #failure: OrderError | undefined;
  #stalled = false;

  /** Rejects with the errors of `KubeClient.watch`, or StalledError. The caller closes it. */
  static async open(source: Source, from: WatchOptions['from'], signal: AbortSignal): Promise<WatchSession> {
    const session = new WatchSession(source, from, signal);
    try {
      await session.#guarded(() => session.#open(from));
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  private constructor(source: Source, from: WatchOptions['from'], signal: AbortSignal) {
    this.#source = source;
    this.#request = `WATCH ${pathOf(source.resource, source.select ?? {})}`;
    this.#cursor = from === 'all' ? undefined : from.resourceVersion;
    const forward = (): void => this.#stop.abort();
    if (signal.aborted) forward();
    signal.addEventListener('abort', forward, { once: true });
    this.#release = () => signal.removeEventListener('abort', forward);
  }

  async #open(from: WatchOptions['from']): Promise<void> {
    const { client, clock, resource, select } = this.#source;
    // Spread, so that the watches of a process do not end together.
    const timeoutSeconds = 300 + Math.floor(clock.random() * 300);
    const body = await client.watch(resource, { ...select, from, timeoutSeconds, signal: this.#stop.signal });
    this.#changes = watchEvents(body, this.#source);
  }

  /**
   * The next changes, at least one; undefined when the server has ended the watch. What came before a failure is given
   * first. Time counts as silence only while somebody waits here, so a slow reader does not look like a dead server.
   */
  async next(): Promise<Change[] | undefined> {
    const unread = this.#unread;
    this.#unread = [];
    if (unread.length > 0) return this.#ordered(unread);
    if (this.#failure !== undefined) throw this.#failure;
    const changes = await this.#guarded(() => this.#read());
    return changes && this.#ordered(changes);
  }

  /** Puts back what was read too far. `version` is where the stream stands before it. */
  resume(changes: readonly Change[], version: string): void {
    this.#cursor = version;
    this.#unread.push(...changes);
  }

  close(): void {
    this.#release();
    this.#stop.abort();
  }

  async #read(): Promise<Change[] | undefined> {
    for (;;) {
      const step = await this.#changes?.next();
      if (step === undefined || step.done === true) return undefined;
      if (step.value.length > 0) return step.value;
    }
  }

  // Runs `work` with a limit on the silence in it.
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    const { clock, stallMs } = this.#source;
    const cancel = clock.after(stallMs, () => {
      this.#stalled = true;
      this.#stop.abort();
    });
    try {
      return await work();
    } catch (cause) {
      if (this.#stalled) throw new StalledError(this.#request, `nothing for ${stallMs} ms`, { cause });
      if (cause instanceof KubeError) throw cause;
      throw new ConnectionError(this.#request, messageOf(cause), { cause });
    } finally {
      cancel();
    }
  }

  // A server that tells of the past has been restored, or is not one server.
  #ordered(changes: Change[]): Change[] {
    for (const [index, change] of changes.entries()) {
      const version = change.type === 'bookmark' ? change.version : change.item.version;
      if (this.#cursor !== undefined && compareVersions(version, this.#cursor) < 0) {
        this.#failure = new OrderError(this.#request, `version ${version} came after ${this.#cursor}`);
        if (index === 0) throw this.#failure;
        return changes.slice(0, index);
      }
      if (this.#cursor !== undefined) this.#cursor = version;
    }
    return changes;
  }
}
