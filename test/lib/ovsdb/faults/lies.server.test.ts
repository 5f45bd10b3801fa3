// Well-formed messages that are wrong, between a real server and a session. Each ends the connection with a reason; the copy
// is what it was, and later what the server has.
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FrameReader, Session } from '../../../../lib/ovsdb/index.ts';
import { jsonText } from '../../../../lib/ovsdb/json.ts';
import { eventually } from '../../../eventually.ts';
import { startServer } from '../../../ovsdb-server.ts';
import { Interposer } from '../interposer.ts';
import { live, plainRows } from '../live.ts';
import type { Live } from '../live.ts';

interface Message {
  readonly [member: string]: unknown;
}
/** What arrives in place of the message that is the `count`th of its connection. */
type Lie = (message: Message, count: number) => readonly unknown[];

const TABLES = { Thing: ['name', 'size', 'tags'] };
/** The messages of a connection's beginning, in their order. */
const [AWARE, SERVER, SCHEMA, COPY, UPDATE] = [1, 2, 3, 4, 5];
const STRANGER = '00000000-0000-4000-8000-000000000000';

let server: Awaited<ReturnType<typeof startServer>>;
let interposer: Interposer;
/** Makes what the session is compared with. */
let truth: Live;
let lie: Lie | undefined;
let it_: Live | undefined;

beforeAll(async () => {
  server = await startServer({ schema: join(import.meta.dirname, 'thing.ovsschema') });
  await server.transact([{ op: 'insert', table: 'Thing', row: { name: 'a', size: 1, tags: ['set', ['x', 'y']] } }]);
  const path = join(server.directory, 'interposed.sock');
  const answers = (): Transform | undefined => (lie === undefined ? undefined : lying(lie));
  interposer = await Interposer.listen(path, server.remote.slice('unix:'.length), { answers });
  truth = live({ remotes: [server.remote], database: 'Things', tables: TABLES });
  await truth.ready();
});

afterEach(async () => {
  await it_?.session.stop();
  [it_, lie] = [undefined, undefined];
});

afterAll(async () => {
  await truth.session.stop();
  interposer.close();
  await server.dispose();
});

function lying(rewrite: Lie): Transform {
  let count = 0;
  const transform: Transform = new Transform({
    transform(chunk: Buffer, _, done) {
      reader.push(chunk);
      done();
    },
  });
  const reader = new FrameReader(1 << 20, (message) => {
    count += 1;
    for (const other of rewrite(message as Message, count)) transform.push(jsonText(other));
  });
  return transform;
}

async function start(): Promise<Live> {
  it_ = live({ remotes: [interposer.remote], database: 'Things', tables: TABLES, longestPause: 0 });
  await it_.ready();
  return it_;
}

/** Changes one message of the next connection. */
const at =
  (place: number, change: (message: Message) => readonly unknown[]): Lie =>
  (message, count) =>
    count === place ? change(message) : [message];
const result =
  (change: (result: never) => unknown) =>
  (message: Message): readonly unknown[] => [{ ...message, result: change(message['result'] as never) }];
const update = (updates: unknown, since: unknown = STRANGER, monitor: unknown = 'monitor-1'): unknown => ({
  id: null,
  method: 'update3',
  params: [monitor, since, updates],
});
const insert = (row: unknown): unknown => update({ Thing: { [STRANGER]: { insert: row } } });
const nested = (depth: number): unknown => {
  let json: unknown = 'x';
  for (let count = 0; count < depth; count += 1) json = [json];
  return json;
};
const copyOf = (updates: unknown): Lie =>
  at(
    COPY,
    result(() => [false, STRANGER, updates]),
  );

describe('the beginning of a connection', () => {
  it.each<[string, Lie, RegExp]>([
    ['a reply with a wrong id', at(SERVER, (message) => [{ ...message, id: 99 }]), /a reply to nothing: id 99/],
    ['a reply twice', at(SERVER, (message) => [message, message]), /a reply to nothing: id 2/],
    [
      'a reply without an id',
      at(SCHEMA, (message) => [{ ...message, id: undefined }]),
      /a reply to nothing: id absent/,
    ],
    ['replies to each other', at(COPY, (message) => [{ ...message, id: 1 }]), /a reply to nothing: id 1/],
    ['an error', at(COPY, (message) => [{ ...message, error: { error: 'no', details: 'not now' } }]), /no: not now/],
    ['an error that is none', at(AWARE, (message) => [{ ...message, error: [1n << 70n] }]), /1180591620717411303424/],
    [
      'no rows of itself',
      at(
        SERVER,
        result(() => [false, STRANGER, {}]),
      ),
      /does not have the database/,
    ],
    [
      'no schema',
      at(
        SCHEMA,
        result(() => null),
      ),
      /the schema is not an object/,
    ],
    [
      'a copy that is no reply',
      at(
        COPY,
        result(() => ({})),
      ),
      /not a reply to monitor_cond_since/,
    ],
    ['a copy of another table', copyOf({ Other: {} }), /table Other was not asked for/],
    [
      'a copy that is only changes',
      copyOf({ Thing: { [STRANGER]: { modify: {} } } }),
      /a change of Thing in a new copy/,
    ],
    [
      'a copy with another column',
      copyOf({ Thing: { [STRANGER]: { initial: { x: 1 } } } }),
      /column Thing.x was not asked for/,
    ],
    ['a copy with a wrong type', copyOf({ Thing: { [STRANGER]: { initial: { size: 'x' } } } }), /"x" is no integer/],
    [
      'an update before the reply',
      at(COPY, (message) => [insert({ name: 'lie' }), message]),
      /monitor-1, which is not live/,
    ],
    ['deep nesting', copyOf(nested(990)), /not an object in an update/],
    ['deeper nesting', copyOf(nested(2000)), /nested more than 1000 deep/],
  ])('with %s', async (_, next, reason) => {
    const session = await start();
    lie = (message, count) => {
      if (count === 1) lie = undefined;
      return next(message, count);
    };
    interposer.cut();
    await eventually(() => session.synced.length === 2);
    const reasons = session.states.flatMap(([state, why]) => (state === 'waiting' ? [why] : []));
    expect(reasons).toEqual(['closed by the server', expect.stringMatching(reason)]);
    expect(session.lost).toHaveLength(1);
    expect(session.batches).toHaveLength(1);
    expect(plainRows(session.replica, 'Thing')).toEqual(plainRows(truth.replica, 'Thing'));
  });
});

describe('a live copy', () => {
  it.each<[string, unknown, RegExp]>([
    ['a reply to nothing', { id: 99, result: [], error: null }, /a reply to nothing: id 99/],
    ['a reply that was given already', { id: COPY, result: [], error: null }, /a reply to nothing: id 4/],
    ['an update of no monitor', update({}, STRANGER, 'x'), /an update of the monitor x, which is not live/],
    ['an update of the monitor null', update({}, STRANGER, null), /an update of the monitor null/],
    ['an update with a transaction that is none', update({}, 'x'), /update3 without a transaction id/],
    ['an update without a transaction', update({}, 7), /update3 without a transaction id/],
    ['an update that is a number', update(7), /not an object in an update/],
    ['another table', update({ Other: {} }), /table Other was not asked for/],
    ['a table that is a set', update({ Thing: ['set', []] }), /not an object in an update/],
    ['another column', insert({ colour: 'red' }), /column Thing.colour was/],
    ['a column that every object has', insert({ constructor: 'x' }), /column Thing.constructor was/],
    ['a wrong type', insert({ name: 5 }), /5 is no string/],
    ['a nested value', insert({ name: nested(900) }), /is no string/],
    ['an integer beyond 64 bits', insert({ size: 1n << 63n }), /9223372036854775808 is no integer/],
    ['a set that is none', insert({ tags: ['set', 'x'] }), /is no set/],
    [
      'a change of a row that is not there',
      update({ Thing: { [STRANGER]: { modify: { name: 'x' } } } }),
      /not in Thing/,
    ],
    ['the deletion of a row that is not there', update({ Thing: { [STRANGER]: { delete: null } } }), /not in Thing/],
    ['a change that is none', update({ Thing: { [STRANGER]: null } }), /not an object in an update/],
    ['a method without parameters', { id: null, method: 'update3' }, /update3 without parameters/],
  ])('takes nothing of %s', async (_, message, reason) => {
    const session = await start();
    interposer.inject(jsonText(message));
    await eventually(() => session.synced.length === 2);
    expect(session.lost).toEqual([expect.stringMatching(reason)]);
    expect(session.batches).toHaveLength(1);
    expect(plainRows(session.replica, 'Thing')).toEqual(plainRows(truth.replica, 'Thing'));
  });
});

/** The places in a JSON value, as keys from the outside to the inside. */
function* places(json: unknown): Generator<readonly string[]> {
  yield [];
  if (typeof json !== 'object' || json === null) return;
  for (const [key, value] of Object.entries(json)) for (const rest of places(value)) yield [key, ...rest];
}

function replaced(json: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(json))
    return json.map((item, index) => (String(index) === key ? replaced(item, rest, value) : item));
  return { ...(json as object), [key]: replaced((json as Message)[key], rest, value) };
}

const WRONG: readonly unknown[] = [null, true, 'x', -7, 1n << 64n, [], {}, ['set', [['x', 1]]], nested(900)];

/** How a session got on that was lied to on its first connection. */
interface Course {
  /** It left that connection, and was right on the next. */
  readonly sawThrough: boolean;
  readonly right: boolean;
}

let sizes = 0;

async function courseOf(change: Lie): Promise<Course> {
  let connections = 0;
  lie = (message, count) => {
    if (count === 1) connections += 1;
    return connections === 1 ? change(message, count) : [message];
  };
  const session = new Session({ remotes: [interposer.remote], database: 'Things', longestPause: 0 });
  const replica = session.monitor({ tables: TABLES }, { changed: () => undefined });
  session.start();
  const ready = async (): Promise<boolean> => await eventually(() => session.state === 'ready', { every: 1 });
  try {
    await ready();
    sizes += 1;
    await truth.session.transact([{ op: 'update', table: 'Thing', where: [], row: { size: sizes } }]);
    // Behind its answer, the update has been taken or the connection has ended.
    await session.request('list_dbs', []).catch(() => undefined);
    await ready();
    const [rows, real] = [replica, truth.replica].map((copy) => jsonText(plainRows(copy, 'Thing')));
    return { sawThrough: connections > 1, right: rows === real };
  } finally {
    await session.stop();
  }
}

describe('anything in place of anything', () => {
  it.each([
    ['the status', SERVER],
    ['the schema', SCHEMA],
    ['the copy', COPY],
    ['an update', UPDATE],
  ])('of %s ends the connection, or is believed, and throws nothing', async (_, place) => {
    let honest: Message = {};
    const course = await courseOf((message, count) => {
      if (count === place) honest = message;
      return [message];
    });
    expect(course).toEqual({ sawThrough: false, right: true });
    const harmed: string[] = [];
    const believed: string[] = [];
    for (const path of places(honest)) {
      for (const value of WRONG) {
        const lied = await courseOf((message, count) => [count === place ? replaced(message, path, value) : message]);
        const told = `${path.join('.')} ${jsonText(value).slice(0, 20)}`;
        if (!lied.sawThrough) believed.push(told);
        else if (!lied.right) harmed.push(told);
      }
    }
    expect(harmed).toEqual([]);
    // Values that are legal where they stand, of some 50 to 200 that are not.
    expect(believed.slice(15)).toEqual([]);
  });
});
