// What a server says of itself: its row for our database in `_Server` (ovsdb-server(5)), and whether we want to stay.
import { ProtocolError } from './errors.ts';
import { parseSchema } from './schema.ts';
import type { DatabaseSchema, Row, Value } from './types.ts';

const string = { type: { key: 'string', min: 0, max: 1 } };
const uuid = { type: { key: 'uuid', min: 0, max: 1 } };

/** The `_Server` database as far as it is read here; it is the same in every version that has it (since 2.9). */
export const serverSchema: DatabaseSchema = parseSchema({
  name: '_Server',
  version: '1.2.0',
  tables: {
    Database: {
      columns: {
        name: { type: 'string' },
        model: { type: 'string' },
        connected: { type: 'boolean' },
        leader: { type: 'boolean' },
        schema: string,
        cid: uuid,
        sid: uuid,
        index: { type: { key: 'integer', min: 0, max: 1 } },
      },
    },
  },
});

export const serverTables: Readonly<Record<string, readonly string[]>> = {
  Database: ['name', 'model', 'connected', 'leader', 'schema', 'cid', 'sid', 'index'],
};

/** A server's view of one database. */
export interface DatabaseStatus {
  readonly clustered: boolean;
  /** In contact with a majority of its cluster; always so for a standalone database. */
  readonly connected: boolean;
  readonly leader: boolean;
  /** JSON text; '' until a new member has joined. */
  readonly schema: string;
  /** Cluster and member ids; '' for a standalone database. */
  readonly cid: string;
  readonly sid: string;
  /** The log entry that clients see; grows with every transaction. 0 for a standalone database. */
  readonly index: number;
}

/** What changes with the role of a member, and seldom: neither the schema nor the index. */
export const memberColumns: readonly string[] = ['name', 'model', 'connected', 'leader', 'cid', 'sid'];

export type MemberStatus = Omit<DatabaseStatus, 'schema' | 'index'>;

/** Reads a row of `_Server.Database`. */
export function databaseStatus(row: Row): DatabaseStatus {
  return { ...memberStatus(row), schema: optional(row['schema']), index: exposedIndex(row) };
}

/** Reads `memberColumns`. */
export function memberStatus(row: Row): MemberStatus {
  return {
    clustered: row['model'] === 'clustered',
    connected: row['connected'] === true,
    leader: row['leader'] === true,
    cid: optional(row['cid']),
    sid: optional(row['sid']),
  };
}

export function exposedIndex(row: Row): number {
  return Number(optional(row['index']));
}

function optional(value: Value | undefined): string {
  if (!(value instanceof Set)) throw new ProtocolError('an optional column of _Server is no set');
  const [first = ''] = value;
  return String(first);
}

/** What a session wants of a server. */
export interface Wanted {
  readonly leaderOnly: boolean;
  /** The cluster that it has seen, '' for none yet, and the newest log entry of it. */
  readonly cid: string;
  readonly index: number;
}

/** Why the server will not do, or undefined when it does. */
export function unsuitable(status: DatabaseStatus | undefined, wanted: Wanted): string | undefined {
  if (status === undefined) return 'the server does not have the database';
  if (!status.clustered) return undefined;
  if (!status.connected) return 'not in contact with a majority of its cluster';
  if (wanted.leaderOnly && !status.leader) return 'not the leader';
  if (status.cid === wanted.cid && status.index < wanted.index) return STALE;
  return undefined;
}

export const STALE = 'older than what was already seen';
