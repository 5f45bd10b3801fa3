// The requests of RFC 7047 section 4.1 and ovsdb-server(7) that concern a server rather than a copy or a transaction, on
// anything that sends requests: a session, or a connection made for one question.
import { systemClock } from './clock.ts';
import { Connection } from './connection.ts';
import { ConnectionLost, ProtocolError } from './errors.ts';
import { dial } from './remote.ts';
import type { Tls } from './remote.ts';
import { parseSchema } from './schema.ts';
import type { DatabaseSchema } from './types.ts';

/** A Session or a Connection. */
export interface Requester {
  request(method: string, params: readonly unknown[]): Promise<unknown>;
}

/** The names of the databases that the server has, `_Server` among them (section 4.1.1). */
export async function listDatabases(server: Requester): Promise<readonly string[]> {
  const names = await server.request('list_dbs', []);
  if (Array.isArray(names) && names.every((name) => typeof name === 'string')) return names;
  throw new ProtocolError('not a reply to list_dbs');
}

/** The schema as the server states it (section 4.1.2). Rejects with UnknownDatabase. */
export async function getSchema(server: Requester, database: string): Promise<DatabaseSchema> {
  return parseSchema(await server.request('get_schema', [database]));
}

/** Names the server's process: it is another one after a restart (ovsdb-server(7) 4.1.17). */
export async function getServerId(server: Requester): Promise<string> {
  const id = await server.request('get_server_id', []);
  if (typeof id === 'string') return id;
  throw new ProtocolError('not a reply to get_server_id');
}

/** What was sent comes back (section 4.1.11). Sessions probe by themselves. */
export async function echo(server: Requester, params: readonly unknown[] = []): Promise<readonly unknown[]> {
  const back = await server.request('echo', params);
  if (Array.isArray(back)) return back;
  throw new ProtocolError('not a reply to echo');
}

/**
 * Converts a database to another schema of its name, given as the JSON of an .ovsschema (ovsdb-server(7) 4.1.19). Sessions
 * with the database reconnect then. Rejects with RequestError when the data does not fit.
 */
export async function convert(server: Requester, schema: unknown): Promise<void> {
  const { name } = parseSchema(schema);
  await server.request('convert', [name, schema]);
}

/** How `ask` may connect. */
export interface AskOptions {
  /** Needed for `ssl:` remotes. */
  readonly tls?: Tls;
  /** Milliseconds for everything; 10,000 by default. */
  readonly timeout?: number;
}

/** Bytes of the longest answer: the schema of OVN's northbound database is 60 kB. */
const MAX_ANSWER = 16 * 2 ** 20;

/** Opens a connection, asks, and closes it. Rejects with the system's error, or ConnectionLost when it takes too long. */
export async function ask<T>(
  remote: string,
  question: (server: Requester) => Promise<T>,
  { tls, timeout = 10_000 }: AskOptions = {},
): Promise<T> {
  const abort = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = systemClock.setTimeout(() => {
    abort.abort();
    late.reject(new ConnectionLost(`no answer within ${timeout} ms`, false));
  }, timeout);
  try {
    return await Promise.race([answer(remote, question, tls, abort.signal), late.promise]);
  } finally {
    systemClock.clearTimeout(timer);
    abort.abort();
  }
}

async function answer<T>(
  remote: string,
  question: (server: Requester) => Promise<T>,
  tls: Tls | undefined,
  signal: AbortSignal,
): Promise<T> {
  const stream = await dial(remote, tls, signal);
  const connection = new Connection(stream, {
    clock: systemClock,
    probeInterval: 0,
    maxMessage: MAX_ANSWER,
    maxRequests: 100,
    maxBuffered: MAX_ANSWER,
    notified: () => undefined,
    ended: () => undefined,
  });
  signal.addEventListener('abort', () => connection.end('not needed any more'));
  return await question(connection);
}
