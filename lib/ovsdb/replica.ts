// A copy of some tables and columns of a database, kept equal by a monitor (monitor.ts).
// Every update is decoded whole before anything of it shows: a reader sees the state before it or after it. A copy that
// cannot be continued is compared with the new one and replaced in one step; it is never emptied on the way.
import { applyDifference, rowDifference } from './difference.ts';
import { ConnectionLost, ProtocolError } from './errors.ts';
import { monitorReply } from './monitor.ts';
import type { MonitorMethod, MonitorUpdate } from './monitor.ts';
import { encodeCondition } from './transact.ts';
import type { Clause, ColumnSchema, DatabaseSchema, Row, RowChange, TableSchema } from './types.ts';
import { RowDecoder } from './row-decoder.ts';
import { ZERO_UUID, columnOf } from './wire.ts';

/** Per table, the conditions of which a row has to meet any; none, or an empty list: all rows; `false` alone: none. */
export type MonitorConditions = Readonly<Record<string, readonly Clause[]>>;

/** What to copy. Tables and columns that the server's schema does not have are left out, and `absent` names them. */
export interface MonitorRequest {
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** Which rows; needs a server with `monitor_cond` (Open vSwitch 2.6). */
  readonly conditions?: MonitorConditions;
}

/** Told of every change, synchronously and in order; what it throws is a bug and is not caught. */
export interface ReplicaConsumer {
  /** The changes of one server update, or the one difference after a resync; never empty. The replica already has them. */
  changed(changes: readonly RowChange[]): void;
  /**
   * The replica is as the server is now: after the first copy, and after each reconnect. `continued`: only what had
   * changed meanwhile was sent; false: everything was, and compared. All copies of the session are then in sync, and
   * transactions are taken.
   */
  synced?(continued: boolean): void;
  /** The connection is gone; the replica keeps what it had until it is synced again. */
  lost?(reason: string): void;
}

/** A copy as its readers see it. Rows are immutable; a change puts a new one in place. */
export interface Replica {
  row(table: string, uuid: string): Row | undefined;
  rows(table: string): Iterable<[string, Row]>;
  size(table: string): number;
  /** `TABLE` and `TABLE.COLUMN` that were asked for and that the server's schema does not have. */
  readonly absent: readonly string[];
  /**
   * Other conditions for the tables named; those of other tables stay. Rows that leave or enter come as one ordinary
   * difference. Resolves when the copy is by them, perhaps after a reconnect; rejects with ConnectionLost when it is closed
   * before, which need not be caught. Throws EncodeError, changing nothing, for what the schema does not allow.
   */
  setConditions(conditions: MonitorConditions): Promise<void>;
  /** Ends the copying; the consumer hears nothing more. */
  close(): void;
}

/** What a copy asks of its session. */
export interface ReplicaOwner {
  closed(): void;
  /** New conditions for these tables. */
  conditionsChanged(tables: readonly string[]): void;
}

/** A request about a copy, and what to call when the server has answered it. */
export interface ReplicaRequest {
  readonly params: readonly unknown[];
  /** The rows meet the conditions that the request was made with. */
  readonly met: () => void;
}

interface MonitoredTable {
  readonly columns: ReadonlyMap<string, ColumnSchema>;
  readonly decoder: RowDecoder;
}

type Rows = Map<string, Row>;
type Json = Readonly<Record<string, unknown>>;

const NO_ROWS: ReadonlyMap<string, Row> = new Map();
const nobody: ReplicaOwner = { closed: () => undefined, conditionsChanged: () => undefined };

interface Waiter {
  readonly change: number;
  readonly resolve: () => void;
  readonly reject: (error: ConnectionLost) => void;
}

/** The replica, and what its session does with it. */
export class TableReplica implements Replica {
  readonly id: string;
  readonly consumer: ReplicaConsumer;
  readonly #wanted: Readonly<Record<string, readonly string[]>>;
  readonly #owner: ReplicaOwner;
  #conditions: MonitorConditions;
  /** How often the conditions were set, and who waits for which of them. */
  #change = 0;
  #waiters: readonly Waiter[] = [];
  #schema: DatabaseSchema | undefined;
  #tables: ReadonlyMap<string, MonitoredTable> = new Map();
  #rows: ReadonlyMap<string, Rows> = new Map();
  #absent: readonly string[] = [];
  /** The last transaction that the rows contain; zero when there is nothing to continue. */
  #since = ZERO_UUID;
  /** What the rows are a copy of; '' while the server may be at other conditions than were last acknowledged. */
  #shape = '';

  /** `id` names the monitor on the wire and is unique in its session. */
  constructor(id: string, request: MonitorRequest, consumer: ReplicaConsumer, owner: ReplicaOwner = nobody) {
    this.id = id;
    this.consumer = consumer;
    this.#wanted = request.tables;
    this.#conditions = request.conditions ?? {};
    this.#owner = owner;
  }

  row(table: string, uuid: string): Row | undefined {
    return this.#rows.get(table)?.get(uuid);
  }

  rows(table: string): Iterable<[string, Row]> {
    return this.#rowsOf(table).entries();
  }

  size(table: string): number {
    return this.#rowsOf(table).size;
  }

  get absent(): readonly string[] {
    return this.#absent;
  }

  /** Whether it needs a server that knows conditions. */
  get conditional(): boolean {
    return Object.values(this.#conditions).some((conditions) => conditions.length > 0);
  }

  setConditions(conditions: MonitorConditions): Promise<void> {
    for (const name of Object.keys(conditions)) {
      const table = this.#schema?.tables.get(name);
      if (table !== undefined) where(table, conditions[name] ?? []);
    }
    this.#conditions = { ...this.#conditions, ...conditions };
    this.#change += 1;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiters = [...this.#waiters, { change: this.#change, resolve, reject }];
    promise.catch(() => undefined);
    this.#owner.conditionsChanged(Object.keys(conditions));
    return promise;
  }

  close(): void {
    this.#owner.closed();
    for (const { reject } of this.#waiters) reject(new ConnectionLost('the copy was closed', false));
    this.#waiters = [];
  }

  /** The request that begins the copy, for the server's schema of this moment. Throws EncodeError for its conditions. */
  request(schema: DatabaseSchema, method: MonitorMethod): ReplicaRequest {
    this.#schema = schema;
    const requests = this.#requests(schema);
    const shape = JSON.stringify(requests);
    if (shape !== this.#shape) this.restart();
    this.#shape = shape;
    const params = [schema.name, this.id, requests, ...(method === 'monitor_cond_since' ? [this.#since] : [])];
    return { params, met: this.#meeting(shape) };
  }

  /** The parameters of monitor_cond_change (ovsdb-server(7) 4.1.13) for a copy that has been asked for. */
  conditionChange(schema: DatabaseSchema, changed: readonly string[]): ReplicaRequest {
    const requests = this.#requests(schema);
    const params = changed.flatMap((name) => {
      const table = schema.tables.get(name);
      // Spelt out also when it is empty: a table without a `where` would keep the one it has.
      return table && name in requests ? [[name, [{ where: where(table, this.#conditions[name] ?? []) }]]] : [];
    });
    this.#shape = '';
    return { params: [this.id, this.id, Object.fromEntries(params)], met: this.#meeting(JSON.stringify(requests)) };
  }

  #meeting(shape: string): () => void {
    const change = this.#change;
    return () => {
      if (change === this.#change) this.#shape = shape;
      const [met, waiting] = [
        this.#waiters.filter((w) => w.change <= change),
        this.#waiters.filter((w) => w.change > change),
      ];
      this.#waiters = waiting;
      for (const { resolve } of met) resolve();
    };
  }

  #requests(schema: DatabaseSchema): Record<string, unknown> {
    const requests: Record<string, unknown> = {};
    const tables = new Map<string, MonitoredTable>();
    const absent: string[] = [];
    for (const [name, columns] of Object.entries(this.#wanted)) {
      const table = schema.tables.get(name);
      if (table === undefined) {
        absent.push(name);
        continue;
      }
      const present = columns.filter((column) => table.columns.has(column));
      absent.push(...columns.filter((column) => !table.columns.has(column)).map((column) => `${name}.${column}`));
      tables.set(name, monitored(table, present));
      const conditions = this.#conditions[name] ?? [];
      requests[name] = [{ columns: present, ...(conditions.length > 0 && { where: where(table, conditions) }) }];
    }
    this.#tables = tables;
    this.#absent = absent;
    return requests;
  }

  /** The next copy is a whole one. */
  restart(): void {
    this.#since = ZERO_UUID;
  }

  /** Takes the reply to the request; true when the copy was continued rather than replaced. */
  replied(method: MonitorMethod, reply: unknown): boolean {
    const { found, since, updates } = monitorReply(method, reply);
    // Nothing can be continued that was not asked to be.
    const continued = found && this.#since !== ZERO_UUID;
    if (continued) this.#apply(updates);
    else this.#replace(updates);
    this.#since = since;
    return continued;
  }

  updated({ since, updates }: MonitorUpdate): void {
    this.#apply(updates);
    this.#since = since;
  }

  #rowsOf(table: string): ReadonlyMap<string, Row> {
    return this.#rows.get(table) ?? NO_ROWS;
  }

  #apply(updates: unknown): void {
    const changes: RowChange[] = [];
    for (const [table, rows] of Object.entries(object(updates))) {
      const shape = this.#table(table);
      for (const [uuid, update] of Object.entries(object(rows))) {
        const change = rowChange(shape, { table, uuid, old: this.row(table, uuid) }, object(update));
        if (change !== undefined) changes.push(change);
      }
    }
    for (const { table, uuid, new: row } of changes) {
      const rows = this.#writable(table);
      if (row === undefined) rows.delete(uuid);
      else rows.set(uuid, row);
    }
    if (changes.length > 0) this.consumer.changed(changes);
  }

  #writable(table: string): Rows {
    let rows = this.#rows.get(table);
    if (rows === undefined) {
      rows = new Map();
      this.#rows = new Map([...this.#rows, [table, rows]]);
    }
    return rows;
  }

  #replace(updates: unknown): void {
    const next = new Map<string, Rows>();
    for (const [table, rows] of Object.entries(object(updates))) {
      const { decoder } = this.#table(table);
      const decoded: Rows = new Map();
      for (const [uuid, update] of Object.entries(object(rows))) decoded.set(uuid, initialRow(decoder, object(update)));
      next.set(table, decoded);
    }
    const changes: RowChange[] = [];
    for (const table of new Set([...this.#rows.keys(), ...next.keys()])) this.#compare(table, next, changes);
    this.#rows = next;
    if (changes.length > 0) this.consumer.changed(changes);
  }

  /** Adds the changes of one table; rows that did not change stay the same objects. */
  #compare(table: string, next: ReadonlyMap<string, Rows>, changes: RowChange[]): void {
    const before = this.#rowsOf(table);
    const after = next.get(table) ?? new Map<string, Row>();
    for (const [uuid, old] of before) if (!after.has(uuid)) changes.push({ table, uuid, old });
    for (const [uuid, row] of after) {
      const old = before.get(uuid);
      const difference = old && rowDifference(this.#table(table).columns, old, row);
      if (old === undefined) changes.push({ table, uuid, new: row });
      else if (difference === undefined) after.set(uuid, old);
      else changes.push({ table, uuid, old, new: row, difference });
    }
  }

  #table(name: string): MonitoredTable {
    const table = this.#tables.get(name);
    if (table === undefined) throw new ProtocolError(`table ${name} was not asked for`);
    return table;
  }
}

/** The <condition>s. One on a column that the schema does not have is met by no row. Throws EncodeError. */
function where(table: TableSchema, conditions: readonly Clause[]): readonly unknown[] {
  return conditions.map((condition) => {
    if (typeof condition === 'boolean') return condition;
    return columnOf(table, condition[0]) === undefined ? false : encodeCondition(table, condition);
  });
}

function monitored(table: TableSchema, columns: readonly string[]): MonitoredTable {
  const decoder = new RowDecoder(table, columns);
  return { decoder, columns: new Map(columns.map((name) => [name, decoder.column(name)])) };
}

function initialRow(decoder: RowDecoder, update: Json): Row {
  const row = update['initial'] ?? update['insert'] ?? update['new'];
  if (row === undefined) throw new ProtocolError(`a change of ${decoder.table} in a new copy`);
  return decoder.whole(object(row));
}

interface Before {
  readonly table: string;
  readonly uuid: string;
  readonly old: Row | undefined;
}

/** The change that a <row-update> or <row-update2> means. A change of a row that is not there shows that the copy is not the server's. */
function rowChange(shape: MonitoredTable, before: Before, update: Json): RowChange | undefined {
  const { table, uuid, old } = before;
  // A <row-update> of RFC 7047 has the new row whole, and the old one alone when it was deleted.
  const inserted = update['insert'] ?? update['initial'] ?? update['new'];
  if (inserted !== undefined) return rewritten(shape, before, shape.decoder.whole(object(inserted)));
  if (old === undefined) throw new ProtocolError(`a change of row ${uuid}, which is not in ${table}`);
  if ('delete' in update || 'old' in update) return { table, uuid, old };
  const difference = shape.decoder.some(object(update['modify']));
  const row = { ...old };
  for (const [name, value] of Object.entries(difference)) {
    const previous = old[name];
    row[name] = previous === undefined ? value : applyDifference(shape.decoder.column(name), previous, value);
  }
  return { table, uuid, old, new: row, difference };
}

/** A row that comes whole. With conditions it may be one that is known already. */
function rewritten(shape: MonitoredTable, { table, uuid, old }: Before, row: Row): RowChange | undefined {
  if (old === undefined) return { table, uuid, new: row };
  const difference = rowDifference(shape.columns, old, row);
  return difference && { table, uuid, old, new: row, difference };
}

function object(json: unknown): Json {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Json;
  throw new ProtocolError('not an object in an update');
}
