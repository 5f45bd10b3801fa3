// The raw side: a socket, JSON.stringify and JSON.parse, and no more. It knows its rows and their UUIDs beforehand,
// reads nothing before it writes and keeps nothing but the number of requests that are not answered.
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { Columns } from '../../lib/delta/fact.ts';
import type { Atom, Value } from '../../lib/ovsdb/index.ts';
import type { PodRows } from './scene.ts';

export type WireOperation = Readonly<Record<string, unknown>>;

interface Message {
  readonly id?: unknown;
  readonly method?: string;
  readonly params?: readonly unknown[];
  readonly result?: unknown;
  readonly error?: unknown;
}

/** JSON texts back to back: a message ends where its brackets close. Only quotes and brackets are looked at. */
class Frames {
  #parts: Buffer[] = [];
  #depth = 0;
  #text = false;
  #escaped = false;

  push(chunk: Buffer, deliver: (bytes: Buffer) => void): void {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      if (!this.#closes(chunk[at])) continue;
      deliver(Buffer.concat([...this.#parts, chunk.subarray(start, at + 1)]));
      this.#parts = [];
      start = at + 1;
    }
    if (start < chunk.length) this.#parts.push(chunk.subarray(start));
  }

  #closes(byte: number | undefined): boolean {
    if (this.#text) {
      if (this.#escaped) this.#escaped = false;
      else if (byte === 0x5c) this.#escaped = true;
      else if (byte === 0x22) this.#text = false;
      return false;
    }
    if (byte === 0x22) this.#text = true;
    else if (byte === 0x7b || byte === 0x5b) this.#depth += 1;
    else if (byte === 0x7d || byte === 0x5d) return --this.#depth === 0;
    return false;
  }
}

export class RawClient {
  readonly #socket: Socket;
  readonly #frames = new Frames();
  readonly #waiting = new Map<number, (message: Message) => void>();
  readonly #update: (params: readonly unknown[]) => void;
  #id = 0;

  private constructor(socket: Socket, update: (params: readonly unknown[]) => void) {
    this.#socket = socket;
    this.#update = update;
    socket.on('data', (chunk: Buffer) => this.#frames.push(chunk, (bytes) => this.#take(bytes)));
    socket.on('error', () => this.#socket.destroy());
  }

  /** `remote` is `unix:PATH`; `update` is given the parameters of each notification. */
  static async open(
    remote: string,
    update: (params: readonly unknown[]) => void = () => undefined,
  ): Promise<RawClient> {
    const socket = connect({ path: remote.replace('unix:', '') });
    await once(socket, 'connect');
    return new RawClient(socket, update);
  }

  /** The result; throws the server's error. */
  async request(method: string, params: readonly unknown[]): Promise<unknown> {
    const id = ++this.#id;
    const { promise, resolve } = Promise.withResolvers<Message>();
    this.#waiting.set(id, resolve);
    this.#socket.write(JSON.stringify({ id, method, params }));
    const { result, error } = await promise;
    if (error !== null && error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`);
    return result;
  }

  async transact(operations: readonly WireOperation[], database = 'OVN_Northbound'): Promise<readonly unknown[]> {
    const results = (await this.request('transact', [database, ...operations])) as (WireOperation | null)[];
    const failed = results.find((result) => result !== null && 'error' in result);
    if (failed) throw new Error(`transact: ${JSON.stringify(failed)}`);
    return results;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    const message = JSON.parse(bytes.toString('utf8')) as Message;
    if (message.method === 'echo') {
      this.#socket.write(JSON.stringify({ id: message.id, result: message.params, error: null }));
    } else if (message.method !== undefined) {
      this.#update(message.params ?? []);
    } else {
      const resolve = this.#waiting.get(message.id as number);
      this.#waiting.delete(message.id as number);
      resolve?.(message);
    }
  }
}

const uuid = (id: string): readonly [string, string] => ['uuid', id];

function wire(value: Value): unknown {
  if (value instanceof Map) return ['map', [...(value as ReadonlyMap<Atom, Atom>)]];
  // A set of one is written as its element (RFC 7047 section 5.1), as the server does it.
  if (value instanceof Set) return value.size === 1 ? [...value][0] : ['set', [...(value as ReadonlySet<Atom>)]];
  return value;
}

export const wireRow = (columns: Columns): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(columns).map(([name, value]) => [name, wire(value)] as const));

/** One transaction for these pods: a row each, and one mutate for each switch and group that gets some. */
export function inserts(pods: readonly PodRows[]): WireOperation[] {
  const mutates = new Map<string, { table: string; ids: string[] }>();
  const add = (table: string, id: string, element: string): void => {
    const mutate = mutates.get(id) ?? { table, ids: [] };
    mutates.set(id, mutate);
    mutate.ids.push(element);
  };
  const rows = pods.map(({ port, switch: parent, groups }) => {
    add('Logical_Switch', parent, port.id);
    for (const group of groups) add('Port_Group', group, port.id);
    return { op: 'insert', table: port.row, uuid: port.id, row: wireRow(port.columns) };
  });
  const additions = [...mutates].map(([id, { table, ids }]) => ({
    op: 'mutate',
    table,
    where: [['_uuid', '==', uuid(id)]],
    mutations: [['ports', 'insert', ['set', ids.map(uuid)]]],
  }));
  return [...rows, ...additions];
}

export interface Pipeline {
  /** Pods of one transaction. */
  readonly batch: number;
  /** Transactions that are not answered yet, at most. */
  readonly inFlight: number;
}

/** Writes the pods; resolves when the last transaction is answered. Answers the number of transactions. */
export async function writePods(
  client: RawClient,
  pods: readonly PodRows[],
  { batch, inFlight }: Pipeline,
): Promise<number> {
  const count = Math.ceil(pods.length / batch);
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++)
      await client.transact(inserts(pods.slice(at * batch, (at + 1) * batch)));
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return count;
}
