// The bytes of a real server's answers, ended, falsified, or followed by silence after each byte of a connection's beginning;
// and a peer that takes nothing. Each ends in a reconnect with a reason in the log; the copy is unharmed and later right.
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QueueFull } from '../../../../lib/ovsdb/index.ts';
import type { SessionOptions } from '../../../../lib/ovsdb/index.ts';
import { eventually } from '../../../eventually.ts';
import { startServer } from '../../../ovsdb-server.ts';
import { Interposer } from '../interposer.ts';
import { live, plainRows } from '../live.ts';
import type { Live } from '../live.ts';

const SCHEMA = join(import.meta.dirname, 'thing.ovsschema');
const TABLES = { Thing: ['name', 'size', 'tags'] };
const thing = (name: string): unknown => ({
  op: 'insert',
  table: 'Thing',
  row: { name, size: 1, tags: ['set', ['x', 'y']] },
});

let server: Awaited<ReturnType<typeof startServer>>;
let interposer: Interposer;
let it_: Live;
let answers: () => Transform | undefined;
let logged: string[];

beforeEach(async () => {
  server = await startServer({ schema: SCHEMA });
  await server.transact([thing('a'), thing('b')]);
  const path = join(server.directory, 'interposed.sock');
  [answers, logged] = [() => undefined, []];
  interposer = await Interposer.listen(path, server.remote.slice('unix:'.length), { answers: () => answers() });
});

afterEach(async () => {
  await it_.session.stop();
  interposer.close();
  await server.dispose();
});

function start(options: Partial<SessionOptions> = {}): void {
  const log = ({ reason }: Readonly<Record<string, unknown>>): unknown =>
    reason !== undefined && logged.push(reason as string);
  it_ = live({
    remotes: [interposer.remote],
    database: 'Things',
    tables: TABLES,
    longestPause: 0,
    log: { debug: log, info: log, warn: log },
    ...options,
  });
}

/** Passes the first `count` bytes on; the rest goes through `then`, chunk by chunk. */
function after(count: number, then: (rest: Buffer, first: boolean) => Buffer | null): Transform {
  let passed = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      const rest = chunk.subarray(Math.max(0, count - passed));
      const first = passed <= count;
      if (rest.length < chunk.length) this.push(chunk.subarray(0, chunk.length - rest.length));
      passed += chunk.length;
      if (rest.length > 0 && !this.readableEnded) this.push(then(rest, first));
      done();
    },
  });
}

const NOTHING = Buffer.alloc(0);
const stall = (count: number): Transform => after(count, () => NOTHING);
const cut = (count: number): Transform => after(count, (_, first) => (first ? null : NOTHING));
const garble = (count: number): Transform =>
  after(count, (rest, first) => (first ? Buffer.concat([Buffer.of(0), rest]) : rest));

/** Ends the good connection, and waits for the next that gets through. */
async function again(): Promise<void> {
  const before = it_.synced.length;
  interposer.cut();
  await eventually(() => it_.synced.length > before, { within: 50_000, what: 'a connection to get through' });
}

/** Ends the good connection, and sends the next ones through `fault` at ever later bytes, until one gets through. */
async function walk(fault: (count: number) => Transform, offsets: Iterable<number>): Promise<number> {
  let connections = 0;
  const places = offsets[Symbol.iterator]();
  answers = () => {
    const { value } = places.next() as { value?: number };
    if (value === undefined) return undefined;
    connections += 1;
    return fault(value);
  };
  await again();
  return connections;
}

/** One difference at most for all of it, and the copy is as the server is. */
async function expectRight(differences = 0): Promise<void> {
  // The fault of the connection that got through is still to come.
  answers = () => undefined;
  await again();
  expect(it_.batches).toHaveLength(1 + differences);
  expect(plainRows(it_.replica, 'Thing')).toEqual(await server.dump('Thing', ['_uuid', ...TABLES.Thing]));
  await it_.session.transact([{ op: 'insert', table: 'Thing', row: { name: 'c' } }]);
  expect(plainRows(it_.replica, 'Thing')).toEqual(await server.dump('Thing', ['_uuid', ...TABLES.Thing]));
}

function* naturals(): Generator<number> {
  for (let count = 0; ; count += 1) yield count;
}

/** Lengths of the beginnings that end with a whole message, when everything goes well. */
async function boundaries(): Promise<number[]> {
  const lengths: number[] = [];
  let length = 0;
  let depth = 0;
  answers = () =>
    new Transform({
      transform(chunk: Buffer, _, done) {
        // The names in this database hold neither brackets nor quotes; those of the schema that is sent as a text match.
        for (const character of chunk.toString('latin1')) {
          length += 1;
          if (character === '{') depth += 1;
          if (character === '}') depth -= 1;
          if (character === '}' && depth === 0) lengths.push(length);
        }
        done(null, chunk);
      },
    });
  await again();
  return lengths;
}

describe('a connection', () => {
  it('that is cut after each byte', async () => {
    start();
    await it_.ready();
    const connections = await walk(cut, naturals());
    expect(connections).toBeGreaterThan(1000);
    await expectRight();
    expect(new Set(logged)).toEqual(new Set(['closed by the server', 'closed within a message']));
    expect(logged).toHaveLength(connections + 1);
  });

  it('that brings a zero after each byte', async () => {
    start();
    await it_.ready();
    const connections = await walk(garble, naturals());
    expect(connections).toBeGreaterThan(1000);
    await expectRight();
    expect(logged.slice(1, -1).filter((reason) => !/is not JSON|no JSON object begins with/.test(reason))).toEqual([]);
    expect(logged).toHaveLength(connections + 1);
  });

  it('that falls silent around and within each message, and is given up by the probe', async () => {
    start({ probeInterval: 20 });
    await it_.ready();
    const ends = await boundaries();
    expect(ends.length).toBeGreaterThanOrEqual(4);
    const places = [0, ...ends].flatMap((end, index) => [end, end + 1, Math.floor((end + (ends[index] ?? end)) / 2)]);
    const connections = await walk(stall, places);
    expect(connections).toBeGreaterThan(8);
    await expectRight();
    expect(logged.filter((reason) => /^no answer for \d+ ms$/.test(reason)).length).toBeGreaterThan(8);
  });

  it('that brings one byte at a time', async () => {
    start();
    await it_.ready();
    await server.transact([thing('meanwhile')]);
    let bytes = 0;
    const drip = (): Transform =>
      new Transform({
        transform(chunk: Buffer, _, done) {
          const next = (at: number): void => {
            if (at === chunk.length) return done();
            bytes += 1;
            this.push(chunk.subarray(at, at + 1));
            setImmediate(next, at + 1);
          };
          next(0);
        },
      });
    await walk(drip, [0]);
    expect(bytes).toBeGreaterThan(1000);
    await expectRight(1);
  });
});

describe('a peer that takes nothing', () => {
  it('fills a queue of so many requests, and no more; all of them are answered later', async () => {
    start({ maxRequests: 100 });
    await it_.ready();
    server.pause();
    const results: Promise<unknown>[] = [];
    const one = async (): Promise<unknown> =>
      await it_.session.transact([{ op: 'insert', table: 'Thing', row: { name: 'q' } }]);
    for (let count = 0; count < 100; count += 1) results.push(one());
    await expect(one()).rejects.toThrow(new QueueFull('100 requests outstanding, 0 bytes unsent'));
    server.resume();
    await Promise.all(results);
    await one();
    expect(it_.replica.size('Thing')).toBe(2 + 101);
  });

  it('fills a queue of so many bytes, and no more; all of them are sent later', async () => {
    start({ maxBuffered: 1_000_000 });
    await it_.ready();
    interposer.cut();
    it_.session.setRemotes([server.remote]);
    await eventually(() => it_.synced.length === 2);
    server.pause();
    const results: Promise<unknown>[] = [];
    const name = 'x'.repeat(100_000);
    const one = async (): Promise<unknown> =>
      await it_.session.transact([{ op: 'insert', table: 'Thing', row: { name } }]);
    const refused: unknown[] = [];
    while (refused.length === 0 && results.length < 100) {
      const result = one();
      result.catch((error: unknown) => refused.push(error));
      results.push(result);
      await new Promise(setImmediate);
    }
    expect(refused).toEqual([expect.any(QueueFull)]);
    expect(results.length).toBeLessThan(20);
    server.resume();
    await Promise.all(results.slice(0, -1));
    expect(it_.replica.size('Thing')).toBe(2 + results.length - 1);
  });
});
