// A copy of some tables and columns of a database, kept equal by monitor_cond_since (ovsdb-server(7) 4.1.15).
// Every update is decoded whole before anything of it shows: a reader sees the state before it or after it. A copy that
// cannot be continued is compared with the new one and replaced in one step; it is never emptied on the way.
import { applyDifference, rowDifference } from './difference.ts';
import { ProtocolError } from './errors.ts';
import { encodeCondition } from './transact.ts';
import type { ColumnSchema, Condition, DatabaseSchema, Row, RowChange, TableSchema } from './types.ts';
import { RowDecoder, ZERO_UUID } from './wire.ts';

/** What to copy. Tables and columns that the server's schema does not have are left out, and `absent` names them. */
export interface MonitorRequest {
  readonly tables: Readonly<Record<string, readonly string[]>>;
  /** Only rows that meet any of these; absent or empty: all rows of the table. */
  readonly conditions?: Readonly<Record<string, readonly Condition[]>>;
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
  /** Ends the copying; the consumer hears nothing more. */
  close(): void;
}

interface MonitoredTable {
  readonly columns: ReadonlyMap<string, ColumnSchema>;
  readonly decoder: RowDecoder;
}

type Rows = Map<string, Row>;
type Json = Readonly<Record<string, unknown>>;

const NO_ROWS: ReadonlyMap<string, Row> = new Map();

/** The replica, and what its session does with it. */
export class TableReplica implements Replica {
  readonly id: string;
  readonly consumer: ReplicaConsumer;
  readonly #request: MonitorRequest;
  readonly #close: () => void;
  #tables: ReadonlyMap<string, MonitoredTable> = new Map();
  #rows: ReadonlyMap<string, Rows> = new Map();
  #absent: readonly string[] = [];
  /** The last transaction that the rows contain; zero when there is nothing to continue. */
  #since = ZERO_UUID;
  #shape = '';

  /** `id` names the monitor on the wire and is unique in its session. */
  constructor(id: string, request: MonitorRequest, consumer: ReplicaConsumer, close: () => void = () => undefined) {
    this.id = id;
    this.consumer = consumer;
    this.#request = request;
    this.#close = close;
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

  close(): void {
    this.#close();
  }

  /** The parameters of monitor_cond_since, for the server's schema of this moment. */
  parameters(schema: DatabaseSchema): readonly unknown[] {
    const requests: Record<string, unknown> = {};
    const tables = new Map<string, MonitoredTable>();
    const absent: string[] = [];
    for (const [name, columns] of Object.entries(this.#request.tables)) {
      const table = schema.tables.get(name);
      if (table === undefined) {
        absent.push(name);
        continue;
      }
      const present = columns.filter((column) => table.columns.has(column));
      absent.push(...columns.filter((column) => !table.columns.has(column)).map((column) => `${name}.${column}`));
      tables.set(name, monitored(table, present));
      requests[name] = [{ columns: present, ...this.#where(table) }];
    }
    this.#tables = tables;
    this.#absent = absent;
    this.#continueWith(JSON.stringify(requests));
    return [schema.name, this.id, requests, this.#since];
  }

  /** Deltas are relative to the columns that were monitored then: for others, or other conditions, a new copy is needed. */
  #continueWith(shape: string): void {
    if (shape !== this.#shape) this.restart();
    this.#shape = shape;
  }

  #where(table: TableSchema): { where?: readonly unknown[] } {
    const conditions = this.#request.conditions?.[table.name] ?? [];
    return conditions.length === 0 ? {} : { where: conditions.map((condition) => encodeCondition(table, condition)) };
  }

  /** The next copy is a whole one. */
  restart(): void {
    this.#since = ZERO_UUID;
  }

  /** Takes the reply to monitor_cond_since; true when the copy was continued rather than replaced. */
  replied(reply: unknown): boolean {
    if (!Array.isArray(reply) || typeof reply[0] !== 'boolean' || typeof reply[1] !== 'string') {
      throw new ProtocolError('not a reply to monitor_cond_since');
    }
    const [found, since, updates] = reply as [boolean, string, unknown];
    if (found) this.#apply(updates);
    else this.#replace(updates);
    this.#since = since;
    return found;
  }

  /** Takes the <last-txn-id> and the <table-updates2> of an update3. */
  updated(since: unknown, updates: unknown): void {
    if (typeof since !== 'string') throw new ProtocolError('update3 without a transaction id');
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

function monitored(table: TableSchema, columns: readonly string[]): MonitoredTable {
  const decoder = new RowDecoder(table, columns);
  return { decoder, columns: new Map(columns.map((name) => [name, decoder.column(name)])) };
}

function initialRow(decoder: RowDecoder, update: Json): Row {
  const row = update['initial'] ?? update['insert'];
  if (row === undefined) throw new ProtocolError(`a change of ${decoder.table} in a new copy`);
  return decoder.whole(object(row));
}

interface Before {
  readonly table: string;
  readonly uuid: string;
  readonly old: Row | undefined;
}

/** The change that a <row-update2> means. A change of a row that is not there shows that the copy is not the server's. */
function rowChange(shape: MonitoredTable, before: Before, update: Json): RowChange | undefined {
  const { table, uuid, old } = before;
  const inserted = update['insert'] ?? update['initial'];
  if (inserted !== undefined) return rewritten(shape, before, shape.decoder.whole(object(inserted)));
  if (old === undefined) throw new ProtocolError(`a change of row ${uuid}, which is not in ${table}`);
  if ('delete' in update) return { table, uuid, old };
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
