// One member of a cluster as a light connection sees it: what it says of itself in `_Server`, and nothing else is copied.
// Reconnects for as long as it is wanted; while it is not connected, nothing is known.
import type { Duplex } from 'node:stream';
import { backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import { Connection } from './connection.ts';
import { monitorUpdate } from './monitor.ts';
import type { Dial, Tls } from './remote.ts';
import { TableReplica } from './replica.ts';
import { exposedIndex, memberColumns, memberStatus, serverSchema } from './server.ts';
import type { MemberStatus } from './server.ts';
import { decodeResults, encodeOperations } from './transact.ts';
import type { Operation } from './types.ts';

export interface MemberOptions {
  readonly database: string;
  readonly tls: Tls | undefined;
  readonly clock: Clock;
  readonly random: () => number;
  /** Milliseconds, with the meaning that they have for a session. */
  readonly probeInterval: number;
  readonly connectTimeout: number;
  readonly dial: Dial;
  /** Told when the status or the index became another. */
  readonly changed: () => void;
}

/** Limits of a connection on which little is said. */
const MAX_MESSAGE = 2 ** 20;
const MAX_BUFFERED = 2 ** 16;
const MAX_REQUESTS = 8;
/** Milliseconds between two tries: a member that comes back is soon known to be there. */
const PAUSES = { first: 50, most: 1000 };

export class Member {
  readonly remote: string;
  readonly #options: MemberOptions;
  /** The present attempt; whatever belongs to an earlier one is not listened to. */
  #abort: AbortController | undefined;
  #connection: Connection | undefined;
  #timer: unknown;
  #failures = 0;
  #status: MemberStatus | undefined;
  #index: number | undefined;
  #asking = false;

  constructor(remote: string, options: MemberOptions) {
    this.remote = remote;
    this.#options = options;
  }

  /** What it says; undefined while it cannot be asked, or does not have the database. */
  get status(): MemberStatus | undefined {
    return this.#status;
  }

  /** The newest log entry that it shows to clients, as it answered since the last `ask`. */
  get index(): number | undefined {
    return this.#index;
  }

  start(): void {
    const abort = new AbortController();
    this.#abort = abort;
    this.#timer = this.#options.clock.setTimeout(() => abort.abort(), this.#options.connectTimeout);
    void this.#open(abort);
  }

  stop(): void {
    const [abort, connection] = [this.#abort, this.#connection];
    this.#options.clock.clearTimeout(this.#timer);
    this.#abort = undefined;
    this.#forget();
    abort?.abort();
    connection?.end('stopped');
  }

  /** Asks for the index, which is not monitored because it changes with every transaction. */
  ask(): void {
    this.#index = undefined;
    const connection = this.#connection;
    if (connection === undefined || this.#asking) return;
    this.#asking = true;
    const { database } = this.#options;
    const operations: Operation[] = [
      { op: 'select', table: 'Database', where: [['name', '==', database]], columns: ['index'] },
    ];
    connection.call('transact', [serverSchema.name, ...encodeOperations(serverSchema, operations)], {
      result: (reply) => {
        this.#asking = false;
        const [result] = decodeResults(serverSchema, operations, reply);
        const [row] = result !== undefined && 'rows' in result ? result.rows : [];
        this.#index = row === undefined ? undefined : exposedIndex(row);
        this.#options.changed();
      },
      failed: ({ message }) => connection.end(message),
    });
  }

  async #open(abort: AbortController): Promise<void> {
    let stream: Duplex;
    try {
      stream = await this.#options.dial(this.remote, this.#options.tls, abort.signal);
    } catch {
      if (this.#abort === abort) this.#again();
      return;
    }
    if (this.#abort === abort) this.#watch(abort, stream);
    else stream.destroy();
  }

  #watch(abort: AbortController, stream: Duplex): void {
    const { clock, probeInterval } = this.#options;
    clock.clearTimeout(this.#timer);
    const tables = { Database: memberColumns };
    const replica: TableReplica = new TableReplica('members', { tables }, { changed: () => this.#read(replica) });
    const connection: Connection = new Connection(stream, {
      clock,
      probeInterval,
      maxMessage: MAX_MESSAGE,
      maxBuffered: MAX_BUFFERED,
      maxRequests: MAX_REQUESTS,
      notified: (method, params) => {
        const update = monitorUpdate(method, params);
        if (update !== undefined) replica.updated(update);
      },
      ended: () => {
        if (this.#abort === abort) this.#again();
      },
    });
    this.#connection = connection;
    const ignored = (): void => undefined;
    // Without it the server closes the connection whenever it gains or loses a database, or changes its role.
    connection.call('set_db_change_aware', [true], { result: ignored, failed: ignored });
    const { params } = replica.request(serverSchema, 'monitor');
    connection.call('monitor', params, {
      result: (reply) => void replica.replied('monitor', reply),
      failed: ({ message }) => connection.end(message),
    });
  }

  #read(replica: TableReplica): void {
    const row = [...replica.rows('Database')].find(([, { name }]) => name === this.#options.database)?.[1];
    this.#status = row && memberStatus(row);
    this.#failures = 0;
    this.#options.changed();
  }

  #forget(): void {
    this.#connection = undefined;
    this.#status = undefined;
    this.#index = undefined;
    this.#asking = false;
  }

  #again(): void {
    const { clock, random, changed } = this.#options;
    clock.clearTimeout(this.#timer);
    this.#abort = undefined;
    this.#forget();
    this.#failures += 1;
    this.#timer = clock.setTimeout(() => this.start(), backoff(this.#failures, 1, { ...PAUSES, random }));
    changed();
  }
}
