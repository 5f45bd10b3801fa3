// A lasting conversation with a database that several servers may offer: finds one that will do, copies what was asked
// for, runs transactions, and begins again elsewhere when the connection ends, keeping the copies.
//
//   stopped --start--> connecting --stream, _Server, schema--> syncing --all copies--> ready
//                        ^   |                                   |                      |
//                        |   +------------ any failure ----------+----------------------+
//                        +---- waiting <-- the next remote, at once or after a pause
//
// With leaderOnly a light connection to each remote (members.ts) tells which member leads: the session goes straight to that
// one, and leaves a leader that the others have replaced without its knowing.
// It never writes on its own, never repeats a transaction, and never shows a copy that is empty or half made.
import type { Duplex } from 'node:stream';
import { backoff } from './backoff.ts';
import { Connection } from './connection.ts';
import { Conversation } from './conversation.ts';
import { Canceled, ConnectionLost } from './errors.ts';
import { SessionLock } from './lock.ts';
import type { Lock, LockOptions } from './lock.ts';
import { Members } from './members.ts';
import type { Incumbent } from './members.ts';
import { settledOptions } from './options.ts';
import type { SessionOptions, SessionState, SettledOptions, TransactOptions } from './options.ts';
import { TableReplica } from './replica.ts';
import type { MonitorRequest, Replica, ReplicaConsumer } from './replica.ts';
import { STALE } from './server.ts';
import type { DatabaseStatus } from './server.ts';
import type { DatabaseSchema, Operation, Results } from './types.ts';

const FIRST_PAUSE = 50;
/** Probe intervals that the first copies may take together. */
const SYNC_INTERVALS = 60;
/** A member that lags may catch up for so long; after that its older state is what the cluster has (a restored copy). */
const STALE_PATIENCE = 10_000;
/** The same when every member says that it does not have what was seen. */
const REWRITTEN_PATIENCE = 1000;

/** A conversation that is being opened or is open. */
interface Attempt {
  readonly remote: string;
  readonly abort: AbortController;
  conversation?: Conversation;
}

/** A conversation with a database that lasts until `stop`; nothing happens before `start`. */
export class Session {
  readonly #options: SettledOptions;
  readonly #replicas = new Set<TableReplica>();
  readonly #locks = new Map<string, SessionLock>();
  #remotes: readonly string[];
  #state: SessionState = 'stopped';
  #schema: DatabaseSchema | undefined;
  #attempt: Attempt | undefined;
  #timer: unknown;
  /** The remote to try next, and how many tries have failed since the last lasting success. */
  #cursor = 0;
  #failures = 0;
  #readyAt = 0;
  #monitors = 0;
  /** The cluster seen last, and the newest log entry of it. */
  #seen: { cid: string; index: number } = { cid: '', index: 0 };
  #staleSince: number | undefined;
  readonly #members: Members;
  /** The last failure told of per remote, so that a server that is down fills no log. */
  readonly #told = new Map<string, string>();

  constructor(options: SessionOptions) {
    this.#options = settledOptions(options);
    this.#remotes = [...options.remotes];
    this.#members = new Members({
      ...this.#options,
      changed: () => this.#led(),
      incumbent: () => this.#incumbent(),
    });
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The schema as the last server stated it; undefined before the first one did. */
  get schema(): DatabaseSchema | undefined {
    return this.#schema;
  }

  /** The remote that is being spoken with. */
  get remote(): string | undefined {
    return this.#attempt?.remote;
  }

  /** What the server says of itself and the database. */
  get status(): DatabaseStatus | undefined {
    return this.#attempt?.conversation?.status;
  }

  /** Begins to connect, and goes on until `stop`. */
  start(): void {
    if (this.#state !== 'stopped') return;
    // Clients spread over the members; with leaderOnly it does not matter where the search begins.
    this.#cursor = Math.floor(this.#options.random() * this.#remotes.length);
    this.#failures = 0;
    this.#members.setRemotes(this.#watched());
    this.#members.start();
    this.#connect();
  }

  /** Ends the connection; outstanding transactions fail with ConnectionLost. Copies keep their rows. May be started again. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return;
    const attempt = this.#attempt;
    this.#options.clock.clearTimeout(this.#timer);
    this.#leave('stopped');
    this.#enter('stopped', 'stopped');
    this.#members.stop();
    await attempt?.conversation?.closed;
  }

  /** Replaces the list. A connection to a remote that is not in it any more ends; a pause is cut short. */
  setRemotes(remotes: readonly string[]): void {
    if (remotes.length === this.#remotes.length && remotes.every((remote) => this.#remotes.includes(remote))) return;
    this.#remotes = [...remotes];
    for (const remote of this.#told.keys()) if (!remotes.includes(remote)) this.#told.delete(remote);
    if (this.#state === 'stopped') return;
    this.#members.setRemotes(this.#watched());
    const current = this.#attempt?.remote;
    if (current !== undefined && remotes.includes(current)) {
      this.#cursor = remotes.indexOf(current);
      return;
    }
    if (current !== undefined) this.#failed('not a remote any more');
    this.#cursor = 0;
    this.#failures = 0;
    this.#again(0);
  }

  /** Copies tables and columns of the database from now on, through every reconnect. */
  monitor(request: MonitorRequest, consumer: ReplicaConsumer): Replica {
    this.#monitors += 1;
    const replica: TableReplica = new TableReplica(`monitor-${this.#monitors}`, request, consumer, {
      closed: () => {
        if (this.#replicas.delete(replica)) this.#attempt?.conversation?.cancelMonitor(replica);
      },
      conditionsChanged: (tables) => this.#attempt?.conversation?.changeConditions(replica, tables),
    });
    this.#replicas.add(replica);
    this.#attempt?.conversation?.monitor(replica);
    return replica;
  }

  /**
   * Asks for a lock (RFC 7047 section 4.1.8) from now on, through every reconnect, until it is released. Throws RangeError
   * when `id` is no <id>, or is a lock of this session already.
   */
  lock(id: string, options: LockOptions = {}): Lock {
    if (this.#locks.has(id)) throw new RangeError(`the session asks for the lock ${id} already`);
    const lock = new SessionLock(id, options, (asked) => {
      this.#locks.delete(id);
      if (asked) this.#attempt?.conversation?.unlock(lock);
    });
    this.#locks.set(id, lock);
    this.#attempt?.conversation?.lock(lock);
    return lock;
  }

  /**
   * Runs one transaction. All monitor updates that it causes have been delivered when this resolves. Rejects with a
   * TransactError (nothing was written), ConnectionLost (`uncertain`: it may have been), QueueFull, or Canceled when `signal`
   * was aborted before the server was done; when it was done already, the outcome stands.
   */
  async transact<const O extends readonly Operation[]>(
    operations: O,
    { signal }: TransactOptions = {},
  ): Promise<Results<O>> {
    if (signal?.aborted === true) throw new Canceled(false);
    const conversation = this.#attempt?.conversation;
    if (this.#state !== 'ready' || conversation === undefined) {
      throw new ConnectionLost(`not connected to ${this.#options.database}: ${this.#state}`, false);
    }
    return (await conversation.transact(operations, signal)) as Results<O>;
  }

  /**
   * Any other request of RFC 7047 section 4.1 or ovsdb-server(7) on the current connection, as JSON (requests.ts has most).
   * Monitors and locks are not made by it. Rejects with RequestError or ConnectionLost.
   */
  async request(method: string, params: readonly unknown[]): Promise<unknown> {
    const conversation = this.#attempt?.conversation;
    if (conversation === undefined) throw new ConnectionLost(`not connected: ${this.#state}`, false);
    return await conversation.request(method, params);
  }

  /** The remotes whose word on the leader is wanted. */
  #watched(): readonly string[] {
    return this.#options.leaderOnly && this.#remotes.length > 1 ? this.#remotes : [];
  }

  #incumbent(): Incumbent | undefined {
    const status = this.status;
    return status?.clustered && status.leader ? status : undefined;
  }

  /** Another member leads than before: goes to it, from a member that is silent or wrong as well as from a pause. */
  #led(): void {
    const { leader } = this.#members;
    if (this.#state === 'stopped' || leader === undefined || leader === this.#attempt?.remote) return;
    const [from, reason] = [this.#attempt?.remote, `another member leads: ${leader}`];
    if (from !== undefined) {
      // Where the search began was a guess: no news.
      if (this.#state !== 'ready') this.#told.set(from, reason);
      this.#failed(reason);
    }
    this.#again(0);
  }

  /** The member that leads; while none is known to, the next one that may. */
  #next(): string | undefined {
    if (this.#members.leader !== undefined) return this.#members.leader;
    const count = this.#remotes.length;
    const order = this.#remotes.map((_, index) => this.#remotes[(this.#cursor + index) % count] ?? '');
    return order.find((remote) => !this.#members.follows(remote));
  }

  #connect(): void {
    const remote = this.#next();
    if (remote === undefined) {
      // When all members follow, one of them will say that it leads; without remotes, there is nothing to wait for.
      if (this.#remotes.length > 0) this.#again(this.#options.longestPause);
      else this.#enter('waiting', 'no remotes');
      return;
    }
    const attempt: Attempt = { remote, abort: new AbortController() };
    this.#attempt = attempt;
    this.#enter('connecting');
    this.#timer = this.#options.clock.setTimeout(() => attempt.abort.abort(), this.#options.connectTimeout);
    void this.#open(attempt);
  }

  async #open(attempt: Attempt): Promise<void> {
    let stream: Duplex;
    try {
      stream = await this.#options.dial(attempt.remote, this.#options.tls, attempt.abort.signal);
    } catch (error) {
      if (this.#attempt === attempt) this.#failed((error as Error).message);
      return;
    }
    if (this.#attempt === attempt) this.#converse(attempt, stream);
    else stream.destroy();
  }

  #converse(attempt: Attempt, stream: Duplex): void {
    const { clock, database, leaderOnly, maxBuffered, maxMessage, maxRequests, probeInterval } = this.#options;
    clock.clearTimeout(this.#timer);
    this.#enter('syncing');
    attempt.conversation = new Conversation({
      database,
      wanted: () => ({ leaderOnly, ...this.#seen, ...(this.#acceptsStale() && { index: 0 }) }),
      replicas: this.#replicas,
      locks: this.#locks,
      connect: (events) =>
        new Connection(stream, {
          clock,
          maxMessage,
          probeInterval,
          maxRequests,
          maxBuffered,
          ...events,
        }),
      learned: (schema) => (this.#schema = schema),
      observed: ({ cid, index }) => (this.#seen = { cid, index }),
      synced: () => this.#synced(attempt),
      ended: (reason) => this.#ended(attempt, reason),
    });
    attempt.conversation.begin();
    // A server may talk, and answer probes, and never send what was asked for.
    const longest = probeInterval * SYNC_INTERVALS;
    const late = (): void => attempt.conversation?.end(`no copy after ${longest} ms`);
    if (longest > 0 && this.#state === 'syncing') this.#timer = clock.setTimeout(late, longest);
  }

  #acceptsStale(): boolean {
    if (this.#staleSince === undefined) return false;
    const { cid, index } = this.#seen;
    const patience = this.#members.mayHave(cid, index) ? STALE_PATIENCE : REWRITTEN_PATIENCE;
    return this.#options.clock.now() - this.#staleSince > patience;
  }

  #synced(attempt: Attempt): void {
    this.#readyAt = this.#options.clock.now();
    this.#options.clock.clearTimeout(this.#timer);
    this.#staleSince = undefined;
    this.#told.clear();
    this.#enter('ready');
    this.#options.log.info({ remote: attempt.remote, database: this.#options.database }, 'OVSDB session ready');
  }

  #ended(attempt: Attempt, reason: string): void {
    if (this.#attempt !== attempt) return;
    this.#failed(reason);
  }

  /** The attempt is over: tells of it, and plans the next one. */
  #failed(reason: string): void {
    const { clock, longestPause, log, database, random } = this.#options;
    const remote = this.#attempt?.remote ?? '';
    if (reason === STALE) {
      this.#staleSince ??= clock.now();
      this.#members.ask();
    }
    // Success is lasting when it outlived the longest pause: a server that ends every connection is not tried in a loop.
    const lasted = this.#state === 'ready' && clock.now() - this.#readyAt > longestPause;
    clock.clearTimeout(this.#timer);
    this.#leave(reason);
    const again = this.#told.get(remote) === reason;
    this.#told.set(remote, reason);
    log[again ? 'debug' : 'warn']({ remote, database, reason }, 'OVSDB connection ended');
    this.#cursor = (this.#remotes.indexOf(remote) + 1) % Math.max(1, this.#remotes.length);
    this.#failures = lasted ? 0 : this.#failures + 1;
    // Whether older data is all that there is shows soon.
    const most = reason === STALE ? Math.min(longestPause, REWRITTEN_PATIENCE / 4) : longestPause;
    const pause = backoff(this.#failures, this.#remotes.length, { first: FIRST_PAUSE, most, random });
    this.#enter('waiting', reason);
    this.#again(pause);
    this.#members.review();
  }

  /** Drops the current attempt; consumers hear of it when their copies had been live. */
  #leave(reason: string): void {
    const attempt = this.#attempt;
    const wasReady = this.#state === 'ready';
    this.#attempt = undefined;
    attempt?.abort.abort();
    attempt?.conversation?.end(reason);
    for (const lock of this.#locks.values()) lock.disconnected(reason);
    if (wasReady) for (const { consumer } of this.#replicas) consumer.lost?.(reason);
  }

  #again(pause: number): void {
    const { clock } = this.#options;
    clock.clearTimeout(this.#timer);
    this.#timer = clock.setTimeout(() => this.#connect(), pause);
  }

  #enter(state: SessionState, reason?: string): void {
    this.#state = state;
    this.#options.observe?.(state, reason);
  }
}
