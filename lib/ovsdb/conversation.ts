// One connection of a session, from the first request to its end: is this server the right one, what is its schema, the
// copies, then transactions. All of it in callbacks, because an update must be taken in the order of the wire.
import type { Connection, ConnectionOptions, Reply } from './connection.ts';
import { Canceled, ConnectionLost, ProtocolError, RequestError, UnknownDatabase, UnknownMethod } from './errors.ts';
import type { SessionLock } from './lock.ts';
import { monitorUpdate, olderMethod } from './monitor.ts';
import type { MonitorMethod } from './monitor.ts';
import { TableReplica } from './replica.ts';
import type { ReplicaRequest } from './replica.ts';
import { parseSchema } from './schema.ts';
import { databaseStatus, serverSchema, serverTables, unsuitable } from './server.ts';
import type { DatabaseStatus, Wanted } from './server.ts';
import { decodeResults, encodeOperations } from './transact.ts';
import type { DatabaseSchema, Operation, OperationResult } from './types.ts';
import { EncodeError } from './wire.ts';

/** Probe intervals granted to a server that is gathering the first copy. */
const SYNC_PATIENCE = 12;
const UNCONDITIONAL = 'the server has no conditional monitors, and a copy has conditions';

export interface ConversationOptions {
  readonly database: string;
  /** Owned by the session; copies come and go while the conversation lasts. */
  readonly replicas: ReadonlySet<TableReplica>;
  /** Owned by the session, by their id. */
  readonly locks: ReadonlyMap<string, SessionLock>;
  wanted(): Wanted;
  connect(events: Pick<ConnectionOptions, 'notified' | 'ended'>): Connection;
  learned(schema: DatabaseSchema): void;
  /** A status of a server that will do. */
  observed(status: DatabaseStatus): void;
  /** Every copy is as the server is. */
  synced(): void;
  ended(reason: string): void;
}

export class Conversation {
  readonly closed: Promise<void>;
  readonly #options: ConversationOptions;
  readonly #connection: Connection;
  readonly #server: TableReplica;
  /** Copies that were asked for and not yet answered, and those that are live, by their id on the wire. */
  readonly #pending = new Set<TableReplica>();
  readonly #live = new Map<string, TableReplica>();
  /** Copies that were closed, until the server knows: updates of them may be under way. */
  readonly #cancelled = new Set<string>();
  /** Copies that have come and whose consumers have not been told, with whether they were continued. */
  readonly #fresh = new Map<TableReplica, boolean>();
  #schema: DatabaseSchema | undefined;
  #status: DatabaseStatus | undefined;
  #synced = false;
  /** The newest that the server has, as far as it is known. */
  #method: MonitorMethod = 'monitor_cond_since';

  constructor(options: ConversationOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#options = options;
    this.#server = new TableReplica('server', { tables: serverTables }, { changed: () => this.#judge() });
    this.#connection = options.connect({
      notified: (method, params) => this.#notified(method, params),
      ended: (reason) => {
        resolve();
        options.ended(reason);
      },
    });
  }

  get status(): DatabaseStatus | undefined {
    return this.#status;
  }

  /** Asks everything that needs no answer first; the answers come in the same order. */
  begin(): void {
    // Without it the server closes the connection whenever it gains or loses a database, or changes its role.
    this.#call('set_db_change_aware', [true], () => undefined, 'unknown method');
    this.#monitor(this.#server, serverSchema, () => this.#judge());
    this.#call('get_schema', [this.#options.database], (json) => this.#described(json));
  }

  end(reason: string): void {
    this.#connection.end(reason);
  }

  /** Begins to copy; before the schema is known, `#described` will. */
  monitor(replica: TableReplica): void {
    const schema = this.#schema;
    if (schema === undefined) return;
    this.#pending.add(replica);
    this.#connection.patience = SYNC_PATIENCE;
    this.#monitor(replica, schema, (continued) => {
      this.#pending.delete(replica);
      this.#fresh.set(replica, continued);
      this.#settle();
    });
  }

  cancelMonitor(replica: TableReplica): void {
    this.#live.delete(replica.id);
    this.#cancelled.add(replica.id);
    // The server may not have the monitor any more: what it answers does not matter.
    const answered = (): void => void this.#cancelled.delete(replica.id);
    this.#connection.ask('monitor_cancel', [replica.id], { result: answered, failed: answered });
  }

  /** Sends the copy's new conditions; when it has not been asked for yet, it will be with them. */
  changeConditions(replica: TableReplica, tables: readonly string[]): void {
    const schema = this.#schema;
    if (schema === undefined || !(this.#pending.has(replica) || this.#live.has(replica.id))) return;
    if (this.#method === 'monitor') return this.end(UNCONDITIONAL);
    const { params, met } = replica.conditionChange(schema, tables);
    this.#call('monitor_cond_change', params, met);
  }

  lock(lock: SessionLock): void {
    if (this.#schema === undefined) return;
    this.#call(lock.ask(), [lock.id], (reply) => lock.replied(reply));
  }

  unlock(lock: SessionLock): void {
    this.#call('unlock', [lock.id], () => undefined);
  }

  /** Aborting `signal` asks the server to cancel; its reply tells what became of the transaction. */
  async transact(operations: readonly Operation[], signal?: AbortSignal): Promise<readonly OperationResult[]> {
    const schema = this.#schema;
    if (schema === undefined) throw new ConnectionLost('the schema is not known', false);
    const json = encodeOperations(schema, operations);
    const { promise, resolve, reject } = Promise.withResolvers<readonly OperationResult[]>();
    const id = this.#connection.call('transact', [this.#options.database, ...json], {
      result: (reply) => {
        try {
          resolve(decodeResults(schema, operations, reply));
        } catch (error) {
          if (!(error instanceof ProtocolError)) return reject(error);
          reject(new ConnectionLost(error.message, true));
          throw error;
        }
      },
      // A member of a cluster may have handed the transaction to the others already, and forgets it when it is canceled.
      failed: (error) => reject(canceled(error) ? new Canceled(this.#status?.clustered ?? false) : error),
    });
    const cancel = (): void => this.#connection.notify('cancel', [id]);
    signal?.addEventListener('abort', cancel);
    try {
      return await promise;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  async request(method: string, params: readonly unknown[]): Promise<unknown> {
    return await this.#connection.request(method, params);
  }

  #described(json: unknown): void {
    this.#schema = parseSchema(json);
    this.#options.learned(this.#schema);
    for (const replica of this.#options.replicas) this.monitor(replica);
    this.#settle();
    for (const lock of this.#options.locks.values()) this.lock(lock);
  }

  #settle(): void {
    if (this.#pending.size > 0 || this.#connection.reason !== undefined) return;
    this.#connection.patience = 1;
    if (!this.#synced) this.#options.synced();
    this.#synced = true;
    // Told only now, so that a consumer may transact at once.
    const fresh = [...this.#fresh];
    this.#fresh.clear();
    for (const [replica, continued] of fresh) if (this.#live.has(replica.id)) replica.consumer.synced?.(continued);
  }

  /** Reads the server's word on the database again, and leaves when it will not do any more. */
  #judge(): void {
    const row = [...this.#server.rows('Database')].find(([, { name }]) => name === this.#options.database)?.[1];
    const status = row && databaseStatus(row);
    const before = this.#status;
    this.#status = status;
    const reason =
      unsuitable(status, this.#options.wanted()) ??
      // The server has cancelled the monitors; what was encoded by the old schema must not be sent any more.
      (before !== undefined && before.schema !== status?.schema ? 'the schema has changed' : undefined);
    if (reason !== undefined) this.end(reason);
    else if (status !== undefined) this.#options.observed(status);
  }

  #monitor(replica: TableReplica, schema: DatabaseSchema, then: (continued: boolean) => void): void {
    const method = this.#method;
    const request = this.#request(replica, schema, method);
    if (request === undefined) return;
    this.#connection.ask(method, request.params, {
      result: (reply) => {
        // It may have been closed meanwhile; the cancellation follows on the wire.
        const wanted = replica === this.#server || this.#options.replicas.has(replica);
        if (wanted) this.#live.set(replica.id, replica);
        const continued = wanted && this.#take(replica, () => replica.replied(method, reply));
        request.met();
        then(continued);
      },
      failed: (error) => {
        const older = error instanceof UnknownMethod ? olderMethod(method) : undefined;
        if (older === undefined) return this.#refused(replica, error);
        if (this.#method === method) this.#method = older;
        this.#monitor(replica, schema, then);
      },
    });
  }

  /** The request, unless the server or its schema does not have what the copy needs. */
  #request(replica: TableReplica, schema: DatabaseSchema, method: MonitorMethod): ReplicaRequest | undefined {
    if (method === 'monitor' && replica.conditional) {
      this.end(UNCONDITIONAL);
      return undefined;
    }
    try {
      return replica.request(schema, method);
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error;
      this.end(`a condition of a copy: ${error.message}`);
      return undefined;
    }
  }

  #refused(replica: TableReplica, error: RequestError | ConnectionLost): void {
    // Servers before 2.9 say nothing of themselves; they have no clusters either, so any of them will do.
    const silent = replica === this.#server && error instanceof UnknownDatabase;
    // Whatever the server did not like, it has less to dislike in a copy from the start.
    if (error instanceof RequestError) replica.restart();
    if (!silent) this.end(error.message);
  }

  #notified(method: string, params: readonly unknown[]): void {
    const id = String(params[0]);
    if (method === 'locked' || method === 'stolen') this.#options.locks.get(id)?.notified(method);
    const replica = this.#live.get(id);
    if (method === 'monitor_canceled' && replica !== undefined) this.end('the server has cancelled the monitor');
    const update = monitorUpdate(method, params);
    if (update === undefined) return;
    if (replica !== undefined) this.#take(replica, () => replica.updated(update));
    else if (!this.#cancelled.has(id)) throw new ProtocolError(`an update of the monitor ${id}, which is not live`);
  }

  /** A copy that could not follow is made anew on the next connection. */
  #take<T>(replica: TableReplica, apply: () => T): T {
    try {
      return apply();
    } catch (error) {
      replica.restart();
      throw error;
    }
  }

  /** A request that has to succeed for the conversation to go on, unless it fails with `harmless`. */
  #call(method: string, params: unknown, result: Reply['result'], harmless?: string): void {
    this.#connection.ask(method, params, {
      result,
      failed: (error: RequestError | ConnectionLost) => {
        if (!(error instanceof RequestError) || error.code !== harmless) this.end(error.message);
      },
    });
  }
}

function canceled(error: RequestError | ConnectionLost): boolean {
  return error instanceof RequestError && error.code === 'canceled';
}
