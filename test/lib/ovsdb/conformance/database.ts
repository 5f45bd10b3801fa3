// One database for all tests of an environment: written by our client, read back by Debian's ovsdb-client.
// oxlint-disable vitest/no-standalone-expect -- what stands here is called in tests.
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { TransactError } from '../../../../lib/ovsdb/index.ts';
import type { Mutation, Operation, OperationResult, Row } from '../../../../lib/ovsdb/index.ts';
import type { OvsdbServer, PlainRow } from '../../../ovsdb-server.ts';
import { live, plainRows } from '../live.ts';
import type { Live } from '../live.ts';
import { schema } from './environment.ts';
import type { Environment, Running } from './environment.ts';

export const TABLES: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Array.from(schema.tables, ([name, table]) => [name, [...table.columns.keys()]]),
);

/** Building trixie's root filesystem, the first time on a machine. */
const PATIENCE = 1_800_000;

export class Database {
  readonly environment: Environment;
  #running: Running | undefined;
  #live: Live | undefined;

  /** To be called in a describe block: starts before its tests, ends after them, and is empty before each. */
  constructor(environment: Environment) {
    this.environment = environment;
    beforeAll(async () => await this.#start(), PATIENCE);
    beforeEach(async () => await this.clear());
    afterAll(async () => await this.#stop());
  }

  async #start(): Promise<void> {
    this.#running = await this.environment.start();
    const { remotes } = this.#running;
    this.#live = live({ remotes, database: schema.name, leaderOnly: true, tables: TABLES });
    await this.#live.ready();
  }

  async #stop(): Promise<void> {
    await this.#live?.session.stop();
    await this.#running?.stop();
  }

  get live(): Live {
    if (this.#live === undefined) throw new Error('the database has not started');
    return this.#live;
  }

  get server(): OvsdbServer {
    if (this.#running === undefined) throw new Error('the database has not started');
    return this.#running.server;
  }

  async transact(...operations: readonly Operation[]): Promise<readonly OperationResult[]> {
    return await this.live.session.transact(operations);
  }

  async clear(): Promise<void> {
    const roots = [...schema.tables.values()].filter(({ isRoot }) => isRoot);
    await this.transact(...roots.map(({ name }): Operation => ({ op: 'delete', table: name, where: [] })));
  }

  /**
   * Every table as Debian's client reads it, after a check that our copy is the same: a uuid is its text, a set of other
   * than one element an array, a map an object; rows by their uuid.
   */
  async read(): Promise<ReadonlyMap<string, PlainRow[]>> {
    const tables = await this.server.dumpAll();
    const copies = Array.from(schema.tables.keys(), (table) => [table, plainRows(this.live.replica, table)] as const);
    expect(new Map(copies)).toEqual(tables);
    return tables;
  }

  /** Rows of one table, reduced to some columns, in the order of the first one. */
  async rows(table: string, ...columns: readonly string[]): Promise<PlainRow[]> {
    const rows = (await this.read()).get(table) ?? [];
    const [first = '_uuid'] = columns;
    return rows
      .toSorted((a, b) => (String(a[first]) < String(b[first]) ? -1 : 1))
      .map((row) => Object.fromEntries(columns.map((column) => [column, row[column]])));
  }

  /** Names of the rows of a table, sorted. */
  async names(table: string): Promise<unknown[]> {
    return (await this.rows(table, 'name')).map(({ name }) => name);
  }

  /** The error of a transaction that must fail, and that must have changed nothing. */
  async refused(...operations: readonly Operation[]): Promise<TransactError> {
    const { batches } = this.live;
    const seen = batches.length;
    const error: unknown = await this.transact(...operations).then(
      () => 'not refused',
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(TransactError);
    expect(batches).toHaveLength(seen);
    await this.read();
    return error as TransactError;
  }
}

/** In the order in which sets are read. */
export const sorted = (atoms: Iterable<unknown>): unknown[] =>
  [...atoms].sort((a, b) => (String(a) < String(b) ? -1 : 1));

export const insert = (table: string, row: Row, uuid?: string): Operation => ({
  op: 'insert',
  table,
  row,
  ...(uuid !== undefined && { uuid }),
});

export const update = (table: string, row: Row): Operation => ({ op: 'update', table, where: [], row });

export const mutate = (table: string, ...mutations: readonly Mutation[]): Operation => ({
  op: 'mutate',
  table,
  where: [],
  mutations,
});
