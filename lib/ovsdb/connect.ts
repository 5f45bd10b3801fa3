// The short way in: one call gives a database whose tables are copied and typed, whose changes are iterated over, and that
// outlives its servers. What it is made of (Session, Replica, typed) can be used by itself.
import { systemClock } from './clock.ts';
import { ConnectionLost } from './errors.ts';
import { ChangeFeed } from './feed.ts';
import type { Lock, LockOptions } from './lock.ts';
import { parseRemote } from './remote.ts';
import type { MonitorConditions, MonitorRequest, Replica, ReplicaConsumer } from './replica.ts';
import { Session } from './session.ts';
import type { SessionOptions, TransactOptions } from './options.ts';
import { typed } from './typed.ts';
import type { Name, Trait, Typed, TypedCondition } from './typed.ts';
import type { ColumnSchema, Operation, Results, Row, RowChange } from './types.ts';

/** A database by its name and, for the compiler alone, the types of its tables: `database` of a generated module. */
export interface DatabaseTypes<D, K> {
  readonly name: string;
  readonly types?: { readonly tables: D; readonly traits: K };
}

/** Tables with the columns to copy. */
export type Selection<D> = { readonly [T in Name<D>]?: readonly Name<D[T]>[] };

type Columns<S, T> = T extends keyof S ? (S[T] extends readonly (infer C)[] ? C : never) : never;

/** A row of table `T`, reduced to the columns that are copied. */
export type SelectedRow<D, S, T extends Name<D>> = Pick<D[T], Columns<S, T> & keyof D[T]>;

/** The tables that are copied. */
export type Copied<D, S> = Name<D> & keyof S;

/** RowChange with the types of its table; `table` tells which. */
export type Change<D, S> = {
  [T in Copied<D, S>]: {
    readonly table: T;
    readonly uuid: string;
    readonly old?: SelectedRow<D, S, T>;
    readonly new?: SelectedRow<D, S, T>;
    readonly difference?: Partial<SelectedRow<D, S, T>>;
  };
}[Copied<D, S>];

/** Per table, the conditions of which a row has to meet any; `false` alone: no row. */
export type SelectedConditions<D, K, S> = {
  readonly [T in Copied<D, S>]?: readonly (TypedCondition<D[T], Trait<K, T, 'optional'>> | boolean)[];
};

/** What to connect to and what to copy; the other options are those of a session. */
export interface ConnectOptions<D, K, S> extends Omit<SessionOptions, 'remotes' | 'database'> {
  /** `database` of a module that ovsdb-gen wrote, or a name for rows without types. */
  readonly database: string | DatabaseTypes<D, K>;
  /** What to copy; nothing when absent. `columns` of the generated module is everything. */
  readonly tables?: S & { readonly [T in Exclude<keyof S, Name<D>>]: never };
  readonly conditions?: SelectedConditions<D, K, S>;
  /** Told of every change at once, the first rows among them: synchronously, before anything else that follows it. */
  readonly changed?: (changes: readonly Change<D, S>[]) => void;
  /** The copy is as the server is: after the first copy, which `connect` waits for, and after each reconnect. */
  readonly synced?: (continued: boolean) => void;
  /** The connection is gone; the copy stays as it was until it is synced again. */
  readonly lost?: (reason: string) => void;
  /** Milliseconds that `connect` may take; 30,000 by default, 0 for as long as it takes. */
  readonly timeout?: number;
  /** Gives up connecting. Afterwards it has no effect: `close` ends. */
  readonly signal?: AbortSignal;
  /** Go on without tables and columns that the server does not have; `connect` rejects otherwise. */
  readonly allowAbsent?: boolean;
}

/** A database that is connected, and connected again whenever the connection ends, until `close`. */
export class Database<D, K, S> {
  /** Operations checked against the tables; `transact` passes it to its callback. */
  readonly build: Typed<D, K> = typed<D, K>();
  readonly session: Session;
  readonly replica: Replica;
  readonly #tables: readonly string[];
  readonly #feeds = new Set<ChangeFeed>();

  /** For `connect`: copies by a session that has not been started. */
  constructor(session: Session, request: MonitorRequest, consumer: ReplicaConsumer) {
    this.session = session;
    this.#tables = Object.keys(request.tables);
    this.replica = session.monitor(request, {
      ...consumer,
      changed: (changes) => {
        consumer.changed(changes);
        for (const feed of this.#feeds) feed.push(changes);
      },
    });
  }

  row<T extends Copied<D, S>>(table: T, uuid: string): SelectedRow<D, S, T> | undefined {
    return this.replica.row(table, uuid) as SelectedRow<D, S, T> | undefined;
  }

  /** All rows of a table with their uuids. */
  rows<T extends Copied<D, S>>(table: T): Iterable<[uuid: string, row: SelectedRow<D, S, T>]> {
    return this.replica.rows(table) as Iterable<[string, SelectedRow<D, S, T>]>;
  }

  size(table: Copied<D, S>): number {
    return this.replica.size(table);
  }

  /**
   * All rows that there are, as one batch of new ones, then every change, without a gap; until `close`. Each batch is one
   * update of the server, or what changed over a reconnect, or, for a consumer that was busy, all of that merged by row: it
   * costs memory for each changed row once, and each batch leads to a state that the database has had.
   */
  async *changes(): AsyncGenerator<readonly Change<D, S>[], void, undefined> {
    const feed = new ChangeFeed((table) => this.#columns(table));
    for (const table of this.#tables) {
      feed.push(Array.from(this.replica.rows(table), ([uuid, row]): RowChange => ({ table, uuid, new: row })));
    }
    if (this.session.state === 'stopped') feed.end();
    this.#feeds.add(feed);
    try {
      for (let batch = await feed.next(); batch !== undefined; batch = await feed.next()) {
        yield batch as unknown as readonly Change<D, S>[];
      }
    } finally {
      this.#feeds.delete(feed);
    }
  }

  /**
   * Runs one transaction, whole or not at all: operations, or a function that builds them. The copy has what it changed when
   * this resolves. Rejects as Session.transact does; nothing is ever repeated.
   */
  async transact<const O extends readonly Operation[]>(
    operations: O | ((build: Typed<D, K>) => O),
    options?: TransactOptions,
  ): Promise<Results<O>> {
    return await this.session.transact(typeof operations === 'function' ? operations(this.build) : operations, options);
  }

  /** Other conditions for the tables named (Replica.setConditions). */
  async setConditions(conditions: SelectedConditions<D, K, S>): Promise<void> {
    await this.replica.setConditions(conditions as MonitorConditions);
  }

  /** Asks for a lock (Session.lock). */
  lock(id: string, options?: LockOptions): Lock {
    return this.session.lock(id, options);
  }

  /** Ends the connection and every `changes`. */
  async close(): Promise<void> {
    for (const feed of this.#feeds) feed.end();
    await this.session.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #columns(table: string): ReadonlyMap<string, ColumnSchema> {
    return this.session.schema?.tables.get(table)?.columns ?? new Map();
  }
}

/**
 * Connects to one of `remotes` (`unix:PATH`, `tcp:HOST:PORT`, `ssl:HOST:PORT`; several in a list, or in one text with
 * commas) and waits until the tables are copied. Rejects with RangeError for what is no remote, ConnectionLost when no server
 * would do in time, with the reason of each, and Error for tables or columns that the server does not have.
 */
export async function connect<D = Record<string, Row>, K = unknown, const S extends Selection<D> = object>(
  remotes: string | readonly string[],
  options: ConnectOptions<D, K, S>,
): Promise<Database<D, K, S>> {
  const list = (typeof remotes === 'string' ? remotes.split(',') : remotes).map((remote) => remote.trim());
  for (const remote of list) parseRemote(remote);
  options.signal?.throwIfAborted();
  const ready = Promise.withResolvers<void>();
  const reasons = new Map<string, string>();
  let trying = '';
  const session = new Session({
    ...options,
    remotes: list,
    database: typeof options.database === 'string' ? options.database : options.database.name,
    observe: (state, reason) => {
      if (state === 'connecting') trying = session.remote ?? '';
      if (state === 'waiting' && reason !== undefined) reasons.set(trying, reason);
      if (state === 'ready') ready.resolve();
      options.observe?.(state, reason);
    },
  });
  const database = new Database<D, K, S>(session, requestOf(options), consumerOf(options));
  session.start();
  try {
    await inTime(ready.promise, reasons, options);
    const { absent } = database.replica;
    if (absent.length > 0 && options.allowAbsent !== true) {
      throw new Error(`the schema of the server does not have ${absent.join(', ')}`);
    }
  } catch (error) {
    await session.stop();
    throw error;
  }
  return database;
}

function requestOf<D, K, S>({ tables = {} as never, conditions = {} }: ConnectOptions<D, K, S>): MonitorRequest {
  return { tables, conditions: conditions as MonitorConditions };
}

function consumerOf<D, K, S>({ changed, synced, lost }: ConnectOptions<D, K, S>): ReplicaConsumer {
  return {
    changed: (changes) => changed?.(changes as unknown as readonly Change<D, S>[]),
    ...(synced && { synced }),
    ...(lost && { lost }),
  };
}

type Patience = Pick<ConnectOptions<unknown, unknown, unknown>, 'timeout' | 'signal' | 'clock'>;

/** Waits, but not beyond what was allowed. */
async function inTime(
  ready: Promise<void>,
  reasons: ReadonlyMap<string, string>,
  { timeout = 30_000, signal, clock = systemClock }: Patience,
): Promise<void> {
  const { promise: given, reject } = Promise.withResolvers<never>();
  const late = (): void => {
    const told = Array.from(reasons, ([remote, reason]) => `${remote}: ${reason}`);
    reject(new ConnectionLost([`no server within ${timeout} ms`, ...told].join('; '), false));
  };
  const abort = (): void => reject(signal?.reason as Error);
  const timer = timeout > 0 ? clock.setTimeout(late, timeout) : undefined;
  signal?.addEventListener('abort', abort);
  try {
    await Promise.race([ready, given]);
  } finally {
    clock.clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
