import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { KubeClient } from '../../../operator/kube/client.ts';
import { into } from '../../../operator/kube/mirror.ts';
import { Reflector, type ReflectorOptions, type RestartReason } from '../../../operator/kube/reflector.ts';
import { resources } from '../../../operator/kube/resources.ts';
import { type Answering, apiDouble } from './api-double.ts';
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

/** The n-th list and the n-th watch are answered by the n-th of each; the last one of each for ever. */
async function rig(
  lists: readonly (() => ReturnType<Answering>)[],
  watches: readonly ((response: ServerResponse) => void)[],
  options: Partial<ReflectorOptions> = {},
) {
  const counts = { list: 0, watch: 0 };
  const double = await apiDouble(({ query }, response) => {
    if (query.get('watch') === null) return lists[Math.min(counts.list++, lists.length - 1)]?.();
    response.writeHead(200);
    response.flushHeaders();
    watches[Math.min(counts.watch++, watches.length - 1)]?.(response);
    return undefined;
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
  return { double, clock, table, restarts, log, reflector, until };
}

const silent = (): void => undefined;

describe('Reflector', () => {
  it('keeps objects that a suspicious list lacks until a second list confirms it', async () => {
    const seen: string[] = [];
    const expired = (response: ServerResponse) =>
      response.write(line('ERROR', { kind: 'Status', code: 410, reason: 'Expired' }));
    const { table, clock, until, log, reflector } = await rig(
      [() => list(10, names(10)), () => list(20, ['n0', 'new']), () => list(21, [...names(9), 'new'])],
      [expired, silent],
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
    expect([...table.rows.keys()].toSorted((a, b) => (a < b ? -1 : 1))).toEqual([...names(9), 'new']);
    expect(log.lines.map(({ message }) => message)).toContain('list lacks many objects, reading again');
  });

  it('removes them when the second list lacks them too', async () => {
    const expired = (response: ServerResponse) =>
      response.write(line('ERROR', { kind: 'Status', code: 410, reason: 'Expired' }));
    const gone: string[] = [];
    const { table, clock, until, reflector, double } = await rig(
      [() => list(10, names(10)), () => list(20, ['n0']), () => list(21, ['n0'])],
      [expired, silent],
      { brake: { share: 0.2, count: 5 }, onAbsent: (keys) => gone.push(...keys) },
    );
    await until(() => reflector.state.at === 'waiting');
    await clock.advance(100);
    await until(() => reflector.state.at === 'watching');
    expect([...table.rows.keys()]).toEqual(['n0']);
    expect(gone).toHaveLength(9);
    expect(double.asked.filter(({ query }) => query.get('watch') === null)).toHaveLength(3);
  });

  it('resumes after garbage, from the last good event', async () => {
    const garbled = (response: ServerResponse) => {
      response.write(line('ADDED', item('b', 11)));
      response.write('{"type":"ADDED","object":{"metadata":\n');
    };
    const { table, clock, until, restarts, double, reflector } = await rig([() => list(10, ['a'])], [garbled, silent]);
    await until(() => reflector.state.at === 'waiting');
    await clock.advance(100);
    await until(() => reflector.state.at === 'watching');
    expect([...table.rows.keys()]).toEqual(['a', 'b']);
    expect(restarts).toEqual(['failed']);
    const watches = double.asked.filter(({ query }) => query.get('watch') === 'true');
    expect(watches.map(({ query }) => query.get('resourceVersion'))).toEqual(['10', '11']);
  });

  it('puts together events that arrive in pieces, and moves on with bookmarks', async () => {
    const text = line('ADDED', item('é', 11)) + line('BOOKMARK', { metadata: { resourceVersion: '30' } });
    const bytes = Buffer.from(text);
    const pieces = (response: ServerResponse) => {
      for (let at = 0; at < bytes.length; at += 7) response.write(bytes.subarray(at, at + 7));
      response.end();
    };
    const { table, clock, until, double } = await rig([() => list(10, [])], [pieces, silent]);
    await until(() => table.has('é'));
    await until(() => clock.waiting > 0);
    await clock.advance(100);
    await until(() => double.asked.length === 3);
    expect(double.asked[2]?.query.get('resourceVersion')).toBe('30');
  });

  it('reconnects when nothing comes for too long', async () => {
    const { clock, until, restarts, double, reflector } = await rig([() => list(10, ['a'])], [silent], {
      stallMs: 60_000,
    });
    await until(() => reflector.state.at === 'watching');
    await clock.advance(60_000);
    await until(() => restarts.length === 1);
    await until(() => clock.waiting > 0);
    await clock.advance(100);
    await until(() => double.asked.filter(({ query }) => query.get('watch') === 'true').length === 2);
    expect(restarts).toEqual(['stalled']);
  });

  it('lists without pages when a page token has expired', async () => {
    const { table, until, double, reflector } = await rig(
      [
        () => list(10, ['a', 'b'], 'token'),
        () => ({ status: 410, body: { reason: 'Expired' } }),
        () => list(12, ['a', 'b', 'c']),
      ],
      [silent],
      { pageSize: 2 },
    );
    await until(() => reflector.state.at === 'watching');
    expect([...table.rows.keys()]).toEqual(['a', 'b', 'c']);
    expect(double.asked[2]?.query.get('limit')).toBeNull();
  });

  it('backs off from a server that refuses, and goes on for ever', async () => {
    let refusals = 0;
    const { clock, until, table, double } = await rig(
      [() => (refusals++ < 12 ? { status: 500, body: { reason: 'InternalError' } } : list(10, ['a']))],
      [silent],
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
  });

  it('waits for the graph before it reads on', async () => {
    const held: (() => void)[] = [];
    const { table, until, double, reflector } = await rig([() => list(10, ['a'])], [silent], {
      enter: (change) => held.push(change),
    });
    await until(() => held.length === 1);
    await settled();
    expect([reflector.state.at, double.asked.length, table.size]).toEqual(['listing', 1, 0]);
    held[0]?.();
    await until(() => reflector.state.at === 'watching');
    expect(double.asked[1]?.query.get('resourceVersion')).toBe('10');
  });
});
