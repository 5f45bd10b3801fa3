// One connection of a session, from the first request to its end: is this server the right one, what is its schema, the
// copies, then transactions. All of it in callbacks, because an update must be taken in the order of the wire.
import type { Connection, ConnectionOptions, Reply } from './connection.ts';
import { ConnectionLost, ProtocolError } from './errors.ts';
import type { RequestError } from './errors.ts';
import { TableReplica } from './replica.ts';
import { parseSchema } from './schema.ts';
import { databaseStatus, serverSchema, serverTables, unsuitable } from './server.ts';
import type { DatabaseStatus, Wanted } from './server.ts';
import { decodeResults, encodeOperations } from './transact.ts';
import type { DatabaseSchema, Operation, OperationResult } from './types.ts';

/** Probe intervals granted to a server that is gathering the first copy. */
const SYNC_PATIENCE = 12;

export interface ConversationOptions {
  readonly database: string;
  /** Owned by the session; copies come and go while the conversation lasts. */
  readonly replicas: ReadonlySet<TableReplica>;
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
  /** Copies that have come and whose consumers have not been told, with whether they were continued. */
  readonly #fresh = new Map<TableReplica, boolean>();
  #schema: DatabaseSchema | undefined;
  #status: DatabaseStatus | undefined;
  #synced = false;

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
    this.#call('set_db_change_aware', [true], () => undefined);
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
    // The server may not have the monitor any more: the answer does not matter.
    this.#connection.call('monitor_cancel', [replica.id], { result: () => undefined, failed: () => undefined });
  }

  async transact(operations: readonly Operation[]): Promise<readonly OperationResult[]> {
    const schema = this.#schema;
    if (schema === undefined) throw new ConnectionLost('the schema is not known', false);
    const json = encodeOperations(schema, operations);
    const { promise, resolve, reject } = Promise.withResolvers<readonly OperationResult[]>();
    this.#connection.call('transact', [this.#options.database, ...json], {
      result: (reply) => {
        try {
          resolve(decodeResults(schema, operations, reply));
        } catch (error) {
          if (!(error instanceof ProtocolError)) return reject(error);
          reject(new ConnectionLost(error.message, true));
          throw error;
        }
      },
      failed: reject,
    });
    return await promise;
  }

  async request(method: string, params: readonly unknown[]): Promise<unknown> {
    return await this.#connection.request(method, params);
  }

  #described(json: unknown): void {
    this.#schema = parseSchema(json);
    this.#options.learned(this.#schema);
    for (const replica of this.#options.replicas) this.monitor(replica);
    this.#settle();
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
    this.#call('monitor_cond_since', replica.parameters(schema), (reply) => {
      // It may have been closed meanwhile; the cancellation follows on the wire.
      const wanted = replica === this.#server || this.#options.replicas.has(replica);
      if (wanted) this.#live.set(replica.id, replica);
      then(wanted && this.#take(replica, () => replica.replied(reply)));
    });
  }

  #notified(method: string, params: readonly unknown[]): void {
    const replica = this.#live.get(String(params[0]));
    // An update may still arrive for a monitor that was cancelled a moment ago.
    if (method === 'update3' && replica !== undefined) this.#take(replica, () => replica.updated(params[1], params[2]));
    if (method === 'monitor_canceled' && replica !== undefined) this.end('the server has cancelled the monitor');
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

  /** A request that has to succeed for the conversation to go on. */
  #call(method: string, params: unknown, result: Reply['result']): void {
    this.#connection.call(method, params, {
      result,
      failed: (error: RequestError | ConnectionLost) => this.end(error.message),
    });
  }
}
