import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { KubeClient } from '../../../operator/kube/client.ts';
import { into } from '../../../operator/kube/mirror.ts';
import { Reflector, type ReflectorOptions, type RestartReason } from '../../../operator/kube/reflector.ts';
import { resources } from '../../../operator/kube/resources.ts';
import { type Answering, apiDouble, type Asked } from './api-double.ts';
import { FakeClock, FakeTable, memoryLog, settled } from './fake.ts';

const running: { stop(): Promise<void> }[] = [];
afterEach(() => Promise.all(running.splice(0).map((one) => one.stop())));

const item = (name: string, version: number) => ({ metadata: { name, uid: name, resourceVersion: String(version) } });
const list = (version: number, names: readonly string[], token = '') => ({
  body: {
    kind: 'NodeList',
    metadata: { resourceVersion: String(version), continue: token },
    items: names.map((name) => item(name, version)),
  },
});
const line = (type: string, object: object) => `${JSON.stringify({ type, object })}\n`;
const names = (count: number) => Array.from({ length: count }, (_, n) => `n${n}`);

type Write = (response: ServerResponse) => void;

interface Server {
  /** The n-th list and the n-th watch are answered by the n-th of each; the last one of each for ever. */
  readonly lists: readonly (() => ReturnType<Answering>)[];
  readonly watches: readonly Write[];
  /** Streaming lists, in the same way; refused when there are none. */
  readonly streams?: readonly Write[];
  /** Where the server says it stands, before a watch is resumed. */
  readonly version?: () => ReturnType<Answering>;
  readonly discovery?: () => ReturnType<Answering>;
}

async function rig(server: Server, options: Partial<ReflectorOptions> = {}) {
  const { lists, watches, streams = [], version = () => list(1_000_000, []), discovery } = server;
  const counts = { list: 0, watch: 0, stream: 0 };
  const nth = <T>(of: readonly T[], kind: keyof typeof counts): T | undefined =>
    of[Math.min(counts[kind]++, of.length - 1)];
  const double = await apiDouble(({ path, query }, response) => {
    if (path === '/api/v1') return discovery?.();
    if (query.get('limit') === '1') return version();
    if (query.get('watch') === null) return nth(lists, 'list')?.();
    const streaming = query.get('sendInitialEvents') === 'true';
    if (streaming && streams.length === 0) return { status: 422, body: { reason: 'Invalid' } };
    const write = streaming ? nth(streams, 'stream') : nth(watches, 'watch');
    response.writeHead(200);
    response.flushHeaders();
    write?.(response);
    return undefined;
  });
  const asked = (kind: 'list' | 'watch') =>
    double.asked.filter(({ path, query }) => {
      if (path === '/api/v1' || query.get('limit') === '1' || query.get('sendInitialEvents') === 'true') return false;
      return (query.get('watch') === 'true') === (kind === 'watch');
    });
  const clock = new FakeClock();
  const client = new KubeClient({ kubeConfig: double.kubeConfig, clock });
  const table = new FakeTable<string>();
  const restarts: RestartReason[] = [];
  const log = memoryLog();
  const reflector = new Reflector({
    client,
    clock,
    log,
    resource: resources.Node,
    projections: [into(table, (object) => object.metadata.resourceVersion)],
    enter: (change) => change(),
    onRestart: (reason) => restarts.push(reason),
    ...options,
  });
  running.push({
    stop: async () => {
      await reflector.stop();
      client.close();
      await double.stop();
    },
  });
  reflector.start();
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await settled();
  };
  return { double, asked, clock, table, restarts, log, reflector, until };
}

const silent = (): void => undefined;
const expired: Write = (response) =>
  response.write(line('ERROR', { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' }));
const bookmark = (version: number, annotations = {}) =>
  line('BOOKMARK', { metadata: { resourceVersion: String(version), annotations } });
const listEnd = (version: number) => bookmark(version, { 'k8s.io/initial-events-end': 'true' });
const sorted = (keys: Iterable<string>) => [...keys].toSorted((a, b) => (a < b ? -1 : 1));
const positions = (asked: readonly Asked[]) => asked.map(({ query }) => query.get('resourceVersion'));

describe('Reflector, by pages', () => {
  it('keeps objects that a suspicious list lacks until a second list confirms it', async () => {
    const seen: string[] = [];
    const { table, clock, until, log, reflector } = await rig(
      {
        lists: [() => list(10, names(10)), () => list(20, ['n0', 'new']), () => list(21, [...names(9), 'new'])],
        watches: [expired, silent],
      },
      {
        brake: { share: 0.2, count: 5 },
        enter: (change) => {
          change();
          seen.push(`${table.size}`);
        },
      },
    );
    await until(() => reflector.state.at === 'waiting');
    await clock.advance(100);
    await until(() => reflector.state.at === 'watching');
    expect(seen).toEqual(['10', '11', '10']);
    expect(sorted(table.rows.keys())).toEqual([...names(9), 'new']);
    expect(log.lines.map(({ message }) => message)).toContain('list lacks many objects, reading again');
  });

  it('removes them when the second list lacks them too', async () => {
    const gone: string[] = [];
    const { table, clock, until, reflector, asked } = await rig(
      {
        lists: [() => list(10, names(10)), () => list(20, ['n0']), () => list(21, ['n0'])],
        watches: [expired, silent],
      },
      { brake: { share: 0.2, count: 5 }, onAbsent: (keys) => gone.push(...keys) },
    );
    await until(() => reflector.state.at === 'waiting');
    await clock.advance(100);
    await until(() => reflector.state.at === 'watching');
    expect([...table.rows.keys()]).toEqual(['n0']);
    expect(gone).toHaveLength(9);
    expect(asked('list')).toHaveLength(3);
  });

  it('begins a list anew, with larger pages, when a page token has expired', async () => {
    const seen: number[] = [];
    const { table, until, asked, reflector } = await rig(
      {
        lists: [
          () => list(10, ['a', 'b'], 'token'),
          () => ({ status: 410, body: { reason: 'Expired' } }),
          () => list(11, ['a', 'b'], 'token'),
          () => ({ status: 410, body: { reason: 'Expired' } }),
          () => list(12, ['a', 'b', 'c']),
        ],
        watches: [silent],
      },
      { pageSize: 2, enter: (change) => (change(), seen.push(table.size)) },
    );
    await until(() => reflector.state.at === 'watching');
    expect(seen).toEqual([3]);
    expect(asked('list').map(({ query }) => query.get('limit'))).toEqual(['2', '2', '20', '20', null]);
  });

  it('backs off from a server that refuses, and goes on for ever', async () => {
    let refusals = 0;
    const { clock, until, table, double, log } = await rig(
      {
        lists: [() => (refusals++ < 12 ? { status: 500, body: { reason: 'InternalError' } } : list(10, ['a']))],
        watches: [silent],
      },
      { lists: 'pages' },
    );
    const times: number[] = [];
    for (let n = 1; n <= 12; n += 1) {
      await until(() => double.asked.length === n && clock.waiting === 1);
      const before = clock.now();
      while (double.asked.length === n) await clock.advance(50);
      times.push(clock.now() - before);
    }
    await until(() => table.has('a'));
    expect(times[0]).toBeLessThanOrEqual(150);
    expect(times.at(-1)).toBeGreaterThanOrEqual(4000);
    expect(times.at(-1)).toBeLessThanOrEqual(10_050);
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(4);
  });

  it('waits for the graph before it reads on', async () => {
    const held: (() => void)[] = [];
    const { table, until, double, reflector } = await rig(
      { lists: [() => list(10, ['a'])], watches: [silent] },
      { lists: 'pages', enter: (change) => held.push(change) },
    );
    await until(() => held.length === 1);
    await settled();
    expect([reflector.state.at, double.asked.length, table.size]).toEqual(['listing', 1, 0]);
    held[0]?.();
    await until(() => reflector.state.at === 'watching');
    expect(double.asked[1]?.query.get('resourceVersion')).toBe('10');
  });

  it('makes the tables anew when letting changes in failed', async () => {
    let broken = true;
    const { table, clock, until, log, restarts, reflector } = await rig(
      { lists: [() => list(10, ['a'])], watches: [silent] },
      {
        enter: (change) => {
          const mistaken = broken;
          broken = false;
          if (mistaken) throw new TypeError('a bug');
          change();
        },
      },
    );
    await until(() => reflector.state.at === 'waiting');
    expect(restarts).toEqual(['internal']);
    expect(log.lines.at(-1)?.level).toBe('error');
    await clock.advance(100);
    await until(() => reflector.state.at === 'watching');
    expect([...table.rows.keys()]).toEqual(['a']);
  });
});

describe('Reflector, by streaming lists', () => {
  it('takes the initial events as one difference, and goes on with the same stream', async () => {
    const sizes: number[] = [];
    const { table, until, double, reflector } = await rig(
      {
        lists: [],
        watches: [],
        streams: [
          (response) => {
            for (const name of names(3)) response.write(line('ADDED', item(name, 5)));
            response.write(listEnd(10) + line('ADDED', item('later', 11)) + line('DELETED', item('n0', 12)));
          },
        ],
      },
      { enter: (change) => (change(), sizes.push(table.size)) },
    );
    await until(() => reflector.state.at === 'watching' && sizes.length > 1);
    expect(sizes).toEqual([3, 3]);
    expect([...table.rows.keys()]).toEqual(['n1', 'n2', 'later']);
    expect(double.asked).toHaveLength(1);
    expect(Object.fromEntries(double.asked[0]?.query ?? [])).toMatchObject({
      watch: 'true',
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: 'true',
    });
  });

  it.each<[string, Write]>([
    [
      'the feature behind it is missing',
      (response) =>
        response.write(line('ERROR', { code: 500, reason: 'InternalError', message: 'RequestWatchProgress' })),
    ],
    ['the server takes it for a watch', (response) => response.write(line('ADDED', item('a', 3)) + bookmark(9))],
  ])('reads pages at once when %s', async (_name, stream) => {
    const { table, until, restarts, reflector } = await rig({
      lists: [() => list(10, ['a', 'b'])],
      watches: [silent],
      streams: [stream],
    });
    await until(() => reflector.state.at === 'watching');
    expect([...table.rows.keys()]).toEqual(['a', 'b']);
    expect(restarts).toEqual([]);
  });

  it.each<[string, Write]>([
    ['is cut', (response) => (response.write(line('ADDED', item('x', 3))), void response.destroy())],
    ['ends early', (response) => response.end(line('ADDED', item('x', 3)))],
    ['carries garbage', (response) => response.write(`${line('ADDED', item('x', 3))}garbage\n`)],
  ])('reads pages in the next try when the stream %s', async (_name, stream) => {
    const { table, clock, until, reflector } = await rig({
      lists: [() => list(10, ['a', 'b'])],
      watches: [silent],
      streams: [stream],
    });
    await until(() => reflector.state.at === 'waiting');
    expect(table.size).toBe(0);
    await clock.advance(100);
    await until(() => reflector.state.at === 'watching');
    expect([...table.rows.keys()]).toEqual(['a', 'b']);
  });

  it('confirms removals by pages, and is not put back by what the stream tells of the time between', async () => {
    const streams: Write[] = [
      (response) => {
        for (const name of names(10)) response.write(line('ADDED', item(name, 5)));
        response.write(listEnd(10));
        expired(response);
      },
      (response) => {
        response.write(line('ADDED', item('n0', 5)) + listEnd(20));
        response.write(line('ADDED', item('n5', 21)) + line('DELETED', item('n5', 22)) + line('ADDED', item('x', 31)));
      },
    ];
    const sizes: number[] = [];
    const { table, clock, until, reflector } = await rig(
      { lists: [() => list(30, ['n0'])], watches: [], streams },
      { brake: { share: 0.2, count: 5 }, enter: (change) => (change(), sizes.push(table.size)) },
    );
    await until(() => reflector.state.at === 'waiting');
    await clock.advance(100);
    await until(() => table.has('x'));
    expect(sizes).toEqual([10, 10, 1, 2]);
    expect(table.changes.filter((line) => line.endsWith(' n5'))).toEqual(['set n5', 'delete n5']);
  });
});

describe('Reflector, watching', () => {
  it.each<[string, string | Buffer, RestartReason]>([
    ['not JSON', '{"type":"ADDED","object":{"metadata":\n', 'garbled'],
    ['JSON, not an event', '[1]\n', 'garbled'],
    ['of an unknown type', line('RENAMED', item('x', 12)), 'garbled'],
    ['without a version', line('ADDED', { metadata: { name: 'x' } }), 'garbled'],
    ['not UTF-8', Buffer.concat([Buffer.from('{"type":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}\n')]), 'garbled'],
    ['an error', line('ERROR', { code: 500, reason: 'InternalError' }), 'failed'],
    ['a plea for less', line('ERROR', { code: 429, reason: 'TooManyRequests' }), 'throttled'],
  ])('resumes from the last good event after one that is %s', async (_name, bad, reason) => {
    const write: Write = (response) => {
      response.write(line('ADDED', item('b', 11)));
      response.write(bad);
    };
    const { table, clock, until, restarts, asked, reflector } = await rig({
      lists: [() => list(10, ['a'])],
      watches: [write, silent],
    });
    await until(() => reflector.state.at === 'waiting');
    expect(reflector.state).toMatchObject({ reason });
    await clock.advance(100);
    await until(() => reflector.state.at === 'watching');
    expect([...table.rows.keys()]).toEqual(['a', 'b']);
    expect(restarts).toEqual([reason]);
    expect(positions(asked('watch'))).toEqual(['10', '11']);
  });

  it('lists when events come in another order than they happened, for one may have been passed over', async () => {
    const { table, clock, until, restarts, reflector, asked } = await rig({
      lists: [() => list(10, ['a']), () => list(12, ['a', 'b', 'c'])],
      watches: [(response) => response.write(line('ADDED', item('c', 12)) + line('ADDED', item('b', 11))), silent],
    });
    await until(() => reflector.state.at === 'waiting');
    expect([restarts, [...table.rows.keys()]]).toEqual([['garbled'], ['a', 'c']]);
    await clock.advance(100);
    await until(() => reflector.state.at === 'watching');
    expect([...table.rows.keys()]).toEqual(['a', 'c', 'b']);
    expect(positions(asked('watch'))).toEqual(['10', '12']);
  });

  it('lists when the next event cannot be read time and again', async () => {
    const { table, clock, until, asked, restarts, reflector } = await rig({
      lists: [() => list(10, ['a']), () => list(20, ['a', 'b'])],
      watches: Array.from({ length: 6 }, (_, n) => (n < 5 ? (response) => response.write('garbage\n') : silent)),
    });
    await until(() => restarts.length === 1);
    while (restarts.length < 5) await clock.advance(100);
    expect(asked('list')).toHaveLength(1);
    while (reflector.state.at !== 'watching') await clock.advance(100);
    expect(asked('list')).toHaveLength(2);
    expect([...table.rows.keys()]).toEqual(['a', 'b']);
  });

  it('takes the same event twice for one', async () => {
    const twice = line('MODIFIED', item('a', 11));
    const { table, until } = await rig({
      lists: [() => list(10, ['a', 'b'])],
      watches: [
        (response) =>
          response.write(twice + twice + line('DELETED', item('a', 12)).repeat(2) + line('ADDED', item('c', 13))),
      ],
    });
    await until(() => table.has('c'));
    expect(table.changes).toEqual(['set a', 'set b', 'set a', 'delete a', 'set c']);
  });

  it('reads by pages what is longer than an event may be', async () => {
    const long = { metadata: { ...item('big', 11).metadata, annotations: { text: 'x'.repeat(5000) } } };
    const { table, clock, until, restarts, reflector } = await rig(
      {
        lists: [() => list(10, ['a']), () => list(11, ['a', 'big'])],
        watches: [(response) => response.write(line('ADDED', long).slice(0, 4500)), silent],
      },
      { maxLineBytes: 4096 },
    );
    await until(() => reflector.state.at === 'waiting');
    await clock.advance(100);
    await until(() => reflector.state.at === 'watching');
    expect(restarts).toEqual(['oversized']);
    expect([...table.rows.keys()]).toEqual(['a', 'big']);
  });

  it('moves on with bookmarks', async () => {
    const { clock, until, asked } = await rig({
      lists: [() => list(10, [])],
      watches: [(response) => response.end(bookmark(30)), silent],
    });
    await until(() => asked('watch').length === 2);
    expect(positions(asked('watch'))).toEqual(['10', '30']);
    expect(clock.now()).toBe(1000);
  });

  it('does not ask again at once when a watch ends without anything', async () => {
    const { until, clock, asked, reflector } = await rig({
      lists: [() => list(10, [])],
      watches: [(response) => response.end()],
    });
    await until(() => reflector.state.at === 'waiting');
    expect(asked('watch')).toHaveLength(1);
    await clock.advance(100);
    await until(() => asked('watch').length === 2);
  });

  it('reconnects when nothing comes for too long, and a drop of bytes is nothing', async () => {
    const drip: Write = (response) => response.write('{"type":');
    const { clock, until, restarts, asked, reflector } = await rig(
      { lists: [() => list(10, ['a'])], watches: [drip, silent] },
      { stallMs: 60_000 },
    );
    await until(() => reflector.state.at === 'watching');
    await clock.advance(60_000);
    await until(() => restarts.length === 1);
    await clock.advance(100);
    await until(() => asked('watch').length === 2);
    expect(restarts).toEqual(['stalled']);
  });

  it('does not grow impatient with a kind that is merely quiet', async () => {
    const { clock, until, restarts, asked, reflector } = await rig(
      { lists: [() => list(10, ['a'])], watches: [silent] },
      { stallMs: 60_000 },
    );
    for (let n = 1; n <= 6; n += 1) {
      await until(() => reflector.state.at === 'watching' && asked('watch').length === n);
      await clock.advance(60_000);
      await until(() => restarts.length === n && clock.waiting === 1);
      await clock.advance(100);
    }
    await until(() => asked('watch').length === 7);
    expect(new Set(restarts)).toEqual(new Set(['stalled']));
  });

  it('does not take its own slowness for silence', async () => {
    const held: (() => void)[] = [];
    const open: ServerResponse[] = [];
    const { table, clock, until, restarts, asked } = await rig(
      {
        lists: [() => list(10, ['a'])],
        watches: [(response) => (open.push(response), response.write(line('ADDED', item('b', 11))))],
      },
      {
        stallMs: 60_000,
        enter: (change) => {
          held.push(change);
          if (held.length !== 2) change();
        },
      },
    );
    await until(() => held.length === 2);
    await clock.advance(600_000);
    held[1]?.();
    await settled();
    open[0]?.write(line('ADDED', item('c', 12)));
    await until(() => table.has('c') || restarts.length > 0);
    expect([restarts, asked('watch').length]).toEqual([[], 1]);
  });

  it('lists when the server stands before what was seen', async () => {
    const { table, clock, until, restarts, reflector, asked } = await rig({
      lists: [() => list(1000, ['a', 'b']), () => list(500, ['a', 'c'])],
      watches: [(response) => void response.destroy(), silent],
      version: () => list(500, []),
    });
    await until(() => restarts.length === 1);
    await clock.advance(100);
    await until(() => restarts.length === 2);
    await clock.advance(200);
    await until(() => reflector.state.at === 'watching');
    expect(restarts).toEqual(['failed', 'restored']);
    expect(table.changes.slice(2)).toEqual(['set a', 'set c', 'delete b']);
    expect(positions(asked('watch'))).toEqual(['1000', '500']);
  });
});

describe('Reflector, refused', () => {
  const wednesday = 'Wed, 21 Oct 2026 07:28:00 GMT';
  it.each<[string, Record<string, string>, number]>([
    ['seconds', { 'Retry-After': '7' }, 7000],
    ['a date', { 'Retry-After': 'Wed, 21 Oct 2026 07:28:09 GMT', Date: wednesday }, 9000],
    ['a date that has passed', { 'Retry-After': 'Wed, 21 Oct 2026 07:27:00 GMT', Date: wednesday }, 100],
    ['years', { 'Retry-After': '99999999999' }, 120_000],
    ['nonsense', { 'Retry-After': 'soon' }, 100],
  ])('waits as a 429 asks: %s', async (_name, headers, ms) => {
    const { clock, until, reflector, restarts, double } = await rig(
      { lists: [() => ({ status: 429, headers, body: { reason: 'TooManyRequests' } })], watches: [] },
      { lists: 'pages' },
    );
    await until(() => reflector.state.at === 'waiting' && clock.waiting === 1);
    expect(restarts).toEqual(['throttled']);
    await clock.advance(ms - 1);
    expect(double.asked).toHaveLength(1);
    await clock.advance(1);
    await until(() => double.asked.length === 2);
  });

  it('says what right is missing, and asks seldom', async () => {
    const refusal = { reason: 'Forbidden', message: 'nodes is forbidden: User "x" cannot list resource "nodes"' };
    const { clock, until, reflector, log, double } = await rig(
      { lists: [() => ({ status: 403, body: refusal })], watches: [] },
      { lists: 'pages' },
    );
    await until(() => reflector.state.at === 'waiting');
    expect(log.lines).toMatchObject([{ level: 'error', fields: { reason: 'forbidden' } }]);
    expect(JSON.stringify(log.lines[0]?.fields)).toContain('cannot list resource');
    await clock.advance(499);
    expect(double.asked).toHaveLength(1);
    await clock.advance(1);
    await until(() => double.asked.length === 2);
  });

  it('keeps its rows when a 404 is not what discovery says', async () => {
    const { table, clock, until, reflector } = await rig({
      lists: [() => list(10, ['a']), () => ({ status: 404, body: '404 page not found' }), () => list(12, ['a'])],
      watches: [expired, silent],
      discovery: () => ({ body: { resources: [{ name: 'nodes' }] } }),
    });
    await until(() => reflector.state.at === 'waiting');
    await clock.advance(100);
    await until(() => reflector.state.at === 'waiting' && reflector.state.reason === 'absent');
    expect(table.size).toBe(1);
    await clock.advance(200);
    await until(() => reflector.state.at === 'watching');
    expect(table.changes).toEqual(['set a', 'set a']);
  });

  it('drops its rows when the kind is gone, many only when asked twice', async () => {
    const gone: string[] = [];
    const { table, clock, until, reflector, restarts } = await rig(
      {
        lists: [() => list(10, names(10)), () => ({ status: 404 })],
        watches: [expired],
        discovery: () => ({ status: 404 }),
      },
      { brake: { share: 0.2, count: 5 }, onAbsent: (keys) => gone.push(...keys) },
    );
    await until(() => reflector.state.at === 'waiting');
    await clock.advance(100);
    await until(() => restarts.length === 2);
    expect([restarts, table.size]).toEqual([['expired', 'absent'], 10]);
    await clock.advance(200);
    await until(() => restarts.length === 3);
    expect([table.size, gone.length]).toEqual([0, 10]);
  });

  it('counts as listed without a kind that need not be', async () => {
    const { reflector } = await rig(
      { lists: [() => ({ status: 404 })], watches: [], discovery: () => ({ body: { resources: [] } }) },
      { optional: true },
    );
    await reflector.synced;
    expect(reflector.size).toBe(0);
  });

  it('finds a kind that need not be within ten seconds of its coming, however long it was not there', async () => {
    const missing = Array.from({ length: 12 }, () => () => ({ status: 404 }));
    const { table, clock, until, restarts } = await rig(
      {
        lists: [...missing, () => list(10, ['late'])],
        watches: [silent],
        discovery: () => ({ body: { resources: [] } }),
      },
      { optional: true, lists: 'pages' },
    );
    for (let n = 1; n <= missing.length; n += 1) {
      await until(() => restarts.length === n);
      await clock.advance(10_000);
    }
    await until(() => table.size > 0);
    expect([...table.rows.keys()]).toEqual(['late']);
  });
});
