import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KubeClient } from '../../../operator/kube/client.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import { into } from '../../../operator/kube/mirror.ts';
import { field, asObject } from '../../../operator/kube/object.ts';
import { Reflector, type ReflectorOptions, type RestartReason } from '../../../operator/kube/reflector.ts';
import { resources } from '../../../operator/kube/resources.ts';
import { eventually } from '../../eventually.ts';
import { type ApiServer, startApiServer } from '../../kube-apiserver.ts';
import { FakeTable, memoryLog } from './fake.ts';

let api: ApiServer;
let client: KubeClient;
beforeAll(async () => {
  // As clusters run it, with its watch cache; streaming lists are refused then, since Debian's etcd is too old for them.
  api = await startApiServer();
  client = new KubeClient({ kubeConfig: api.kubeConfig(), clock: systemClock });
});
afterAll(async () => {
  client.close();
  await api.stop();
});

const running: Reflector[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((reflector) => reflector.stop()));
});

const namespace = 'default';
const create = (name: string, value: string) =>
  client.create(resources.ConfigMap, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace, name, labels: { reflected: 'yes' } },
    data: { value },
  });
const ref = (name: string) => ({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name });
const change = (name: string, value: string) => client.patch(ref(name), { type: 'merge', body: { data: { value } } });
const remove = (name: string) => client.delete(ref(name));

function reflect(prefix: string, options: Partial<ReflectorOptions> = {}) {
  const table = new FakeTable<string>();
  const log = memoryLog();
  const restarts: RestartReason[] = [];
  const absent: string[] = [];
  const reflector = new Reflector({
    client,
    clock: systemClock,
    log,
    resource: resources.ConfigMap,
    select: { namespace, labelSelector: 'reflected=yes' },
    projections: [
      into(table, (object) => {
        const value = asObject(field(object, 'data'))?.value;
        return object.metadata.name.startsWith(prefix) && typeof value === 'string' ? value : undefined;
      }),
    ],
    enter: (apply) => apply(),
    pageSize: 3,
    onRestart: (reason) => restarts.push(reason),
    onAbsent: (keys) => absent.push(...keys.filter((key) => key.startsWith(`${namespace}/${prefix}`))),
    ...options,
  });
  running.push(reflector);
  reflector.start();
  const rows = (): Record<string, string> =>
    Object.fromEntries([...table.rows].map(([key, value]) => [key.replace(`${namespace}/`, ''), value]));
  return { table, reflector, log, restarts, absent, rows };
}

const shows = (probe: () => unknown, wanted: unknown) =>
  eventually(() => JSON.stringify(probe()) === JSON.stringify(wanted), {
    what: JSON.stringify(wanted),
    within: 20_000,
  });

describe('Reflector against a real API server', () => {
  it('lists by pages and follows changes', async () => {
    for (let n = 0; n < 8; n += 1) await create(`list-${n}`, 'a');
    const { reflector, rows, table, log } = reflect('list-');
    await reflector.synced;
    expect(log.lines).toMatchObject([{ level: 'debug', message: 'no streaming list, listing by pages' }]);
    expect(Object.keys(rows())).toHaveLength(8);
    await change('list-3', 'b');
    await remove('list-4');
    await create('list-new', 'c');
    await eventually(() => rows()['list-3'] === 'b' && !('list-4' in rows()) && rows()['list-new'] === 'c');
    expect(reflector.state).toEqual({ at: 'watching' });
    expect(table.changes.filter((line) => line.startsWith('set'))).toHaveLength(10);
  });

  it('lets the answer to our own write in, and nothing happens when the watch shows it', async () => {
    const { reflector, rows, table } = reflect('own-');
    await reflector.synced;
    await eventually(() => reflector.state.at === 'watching');
    reflector.ingest(await create('own-1', 'x'));
    reflector.ingest(await change('own-1', 'y'));
    expect(rows()['own-1']).toBe('y');
    await create('own-2', 'z');
    await eventually(() => 'own-2' in rows());
    expect(rows()).toEqual({ 'own-1': 'y', 'own-2': 'z' });
    expect(table.changes.at(-1)).toBe('set default/own-2');
    expect(table.changes.filter((line) => line === 'set default/own-1').length).toBeLessThanOrEqual(2);
  });

  it('resumes without listing again when the connection is cut', async () => {
    await create('cut-1', 'a');
    const { reflector, rows, restarts, absent } = reflect('cut-', { stallMs: 300 });
    await reflector.synced;
    await eventually(() => restarts.includes('stalled'));
    await change('cut-1', 'b');
    await shows(rows, { 'cut-1': 'b' });
    expect(restarts).not.toContain('expired');
    expect(absent).toEqual([]);
  });

  it('converges after kill -9 and restart of the API server, and keeps its rows meanwhile', async () => {
    await create('kill-1', 'a');
    await create('kill-2', 'a');
    const { reflector, rows, restarts } = reflect('kill-');
    await reflector.synced;
    await eventually(() => reflector.state.at === 'watching');
    await api.kill();
    await eventually(() => reflector.state.at === 'waiting');
    expect(rows()).toEqual({ 'kill-1': 'a', 'kill-2': 'a' });
    await api.start();
    await change('kill-1', 'b');
    await remove('kill-2');
    await shows(rows, { 'kill-1': 'b' });
    expect(restarts).toContain('failed');
  });

  it('lists again, as one difference, when its position was compacted away', async () => {
    await create('gone-1', 'a');
    await create('gone-2', 'a');
    const { reflector, rows, restarts, table, absent } = reflect('gone-');
    await reflector.synced;
    await eventually(() => reflector.state.at === 'watching');
    // The watch cache of a server that has just started begins where etcd is, and knows nothing of before.
    await reflector.stop();
    await change('gone-1', 'b');
    await remove('gone-2');
    await create('gone-3', 'c');
    await api.compact();
    await api.kill();
    await api.start();
    table.changes.length = 0;
    reflector.start();
    await shows(rows, { 'gone-1': 'b', 'gone-3': 'c' });
    expect(restarts).toContain('expired');
    expect(absent).toEqual(['default/gone-2']);
    expect(table.changes.toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'delete default/gone-2',
      'set default/gone-1',
      'set default/gone-3',
    ]);
  });

  it('waits out a kind that is not served, starts when it is, and drops its rows when it is gone', async () => {
    const table = new FakeTable<string>();
    const restarts: RestartReason[] = [];
    const options: ReflectorOptions = {
      client,
      clock: systemClock,
      log: memoryLog(),
      resource: { apiVersion: 'late.invalid/v1', kind: 'Late', plural: 'lates', namespaced: false },
      projections: [into(table, (object) => object.metadata.uid)],
      enter: (apply) => apply(),
      onRestart: (reason) => restarts.push(reason),
    };
    const reflector = new Reflector(options);
    const optional = new Reflector({ ...options, projections: [], onRestart: () => undefined, optional: true });
    running.push(reflector, optional);
    reflector.start();
    optional.start();
    await optional.synced;
    await eventually(() => restarts.includes('absent'));
    await api.apply(lateKind);
    await reflector.synced;
    await api.apply('{ apiVersion: late.invalid/v1, kind: Late, metadata: { name: one } }');
    await eventually(() => table.size === 1 && optional.size === 1);
    // Its objects go with it while nobody looks: no event tells of them.
    await reflector.stop();
    await api.kubectl('delete', 'crd', 'lates.late.invalid');
    restarts.length = 0;
    reflector.start();
    await eventually(() => table.size === 0, { within: 20_000 });
    await eventually(() => restarts.includes('absent'), { within: 20_000 });
    await api.apply(lateKind);
    await api.apply('{ apiVersion: late.invalid/v1, kind: Late, metadata: { name: two } }');
    await eventually(() => table.has('two'), { within: 20_000 });
    expect([...table.rows.keys()]).toEqual(['two']);
  });
});

const lateKind = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: lates.late.invalid }
spec:
  group: late.invalid
  scope: Cluster
  names: { plural: lates, singular: late, kind: Late }
  versions:
    - { name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object } } }
`;
