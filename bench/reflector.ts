// `npm run bench -- reflector`: what it costs to know the pods of a cluster. A real kube-apiserver holds them; raw is the
// same bytes and JSON.parse. KUBELOOM_BENCH_PODS sets their number.
import { Graph } from '../lib/graph/graph.ts';
import type { CentralRow, PodRow } from '../operator/api/tables.ts';
import { centralRow, podRow } from '../operator/api/project.ts';
import { KubeClient } from '../operator/kube/client.ts';
import { systemClock } from '../operator/kube/clock.ts';
import { into, Mirror, type Projection, type Seen } from '../operator/kube/mirror.ts';
import { Reflector } from '../operator/kube/reflector.ts';
import { resources } from '../operator/kube/resources.ts';
import { watchEvents } from '../operator/kube/watch-stream.ts';
import { startApiServer } from '../test/kube-apiserver.ts';
import { contest, type Figure, figure, type Goal, type Pair, type Round } from './compare.ts';
import { collectGarbage } from './reflector/garbage.ts';
import { changePods, createPods } from './reflector/pods.ts';
import { parseEvents, RawClient } from './reflector/raw.ts';

const PODS = Number(process.env['KUBELOOM_BENCH_PODS'] ?? 10_000);
const EVENTS = Math.min(PODS, 2000);
const PAIRS = 5;
const EVENT_PAIRS = 25;
const PAGE = 500;
const path = '/api/v1/pods';
const goal: Goal = { percentile: 50, ratio: 2 };
/** facts: what Kube-OVN keeps of a pod in its cache since 2026. */
const RETAINED = 3004;

interface Tables {
  readonly pod: PodRow;
  readonly central: CentralRow;
}

/** A graph with the tables that pods fill, as the operator's. */
function kept(): { readonly graph: Graph<Tables>; readonly projections: Projection[] } {
  const clock = { now: () => performance.now(), defer: (fn: () => void) => void setImmediate(fn) };
  const graph = new Graph<Tables>({ clock, sliceMs: 4 });
  const isCentral = (labels: Readonly<Record<string, string>> | undefined): boolean =>
    labels?.['app'] === 'ovn-central';
  const projections = [
    into(graph.table('pod'), podRow),
    into(graph.table('central'), (object) => (isCentral(object.metadata.labels) ? centralRow(object) : undefined)),
  ];
  return { graph, projections };
}

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** The product, until all pods are in its tables. */
async function listed(client: KubeClient, lists: 'stream' | 'pages'): Promise<{ stop: () => Promise<void> }> {
  const { graph, projections } = kept();
  const reflector = new Reflector({
    client,
    clock: systemClock,
    log: silent,
    resource: resources.Pod,
    projections,
    enter: (change) => graph.enter(change),
    lists,
    pageSize: PAGE,
  });
  reflector.start();
  await reflector.synced;
  if (reflector.size !== PODS) throw new Error(`${reflector.size} pods of ${PODS} were listed`);
  return { stop: () => reflector.stop() };
}

/** Milliseconds by the clock, and of our own processor time: the server's share is in the first only. */
async function timed(work: () => Promise<unknown>): Promise<{ wall: number; processor: number }> {
  collectGarbage();
  const processor = process.cpuUsage();
  const start = performance.now();
  await work();
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(processor);
  return { wall, processor: (user + system) / 1000 };
}

async function lists(name: string, product: () => Promise<unknown>, raw: () => Promise<unknown>): Promise<Figure[]> {
  const processor: { product: Round; raw: Round }[] = [];
  const side = (work: () => Promise<unknown>, into: number[]) => async (): Promise<Round> => {
    const taken = await timed(work);
    into.push(taken.processor);
    return [taken.wall];
  };
  const ours: number[] = [];
  const theirs: number[] = [];
  await product();
  await raw();
  const pairs = await contest({ pairs: PAIRS, product: side(product, ours), raw: side(raw, theirs) });
  for (const [at, time] of ours.entries()) processor.push({ product: [time], raw: [theirs[at] ?? 0] });
  return [
    { ...figure(name, pairs, 50, goal), case: 'time' },
    { ...figure(name, processor, 50, goal), case: 'processor' },
  ];
}

async function listFigures(client: KubeClient, raw: RawClient): Promise<Figure[]> {
  const ours = (how: 'stream' | 'pages') => async (): Promise<void> => (await listed(client, how)).stop();
  return [
    ...(await lists(`list of ${PODS} pods by pages`, ours('pages'), () => raw.listPages(path, PAGE))),
    ...(await lists(`streaming list of ${PODS} pods`, ours('stream'), () => raw.listStream(path))),
  ];
}

/** What the watch tells while pods change, and the pods before that. */
async function recorded(client: KubeClient, raw: RawClient): Promise<{ chunks: Buffer[]; version: string }> {
  const { resourceVersion: version } = await client.list(resources.Pod, { limit: 1 });
  const opened = Promise.withResolvers<void>();
  const chunks = raw.watchBytes(path, version, EVENTS, opened.resolve);
  await opened.promise;
  await changePods(client, EVENTS, 1);
  return { chunks: await chunks, version };
}

async function eventFigure(client: KubeClient, raw: RawClient): Promise<Figure> {
  const { projections: plain } = kept();
  const before = new Mirror(plain, () => undefined);
  const items: Seen[] = [];
  for (let token = ''; ;) {
    const page = await client.list(resources.Pod, { limit: PAGE, ...(token !== '' && { continue: token }) });
    for (const object of page.items) items.push(before.seen(object));
    token = page.continue;
    if (token === '') break;
  }
  const { chunks, version } = await recorded(client, raw);
  const bytes = Buffer.concat(chunks);
  const product = async (): Promise<Round> => {
    const { graph, projections } = kept();
    const mirror = new Mirror(projections, () => undefined);
    mirror.relist({ items, version });
    collectGarbage();
    const start = performance.now();
    const decoding = { resource: resources.Pod, keep: (object: Parameters<Mirror['seen']>[0]) => mirror.seen(object) };
    for await (const changes of watchEvents(stream(chunks), decoding)) {
      graph.enter(() => {
        for (const change of changes) if (change.type !== 'bookmark') mirror.event(change.type, change.item);
      });
    }
    return [((performance.now() - start) * 1000) / EVENTS];
  };
  const least = async (): Promise<Round> => {
    collectGarbage();
    const start = performance.now();
    if (parseEvents(bytes) < EVENTS) throw new Error('events are missing');
    return [((performance.now() - start) * 1000) / EVENTS];
  };
  for (let at = 0; at < 3; at += 1) {
    await product();
    await least();
  }
  const pairs: Pair[] = await contest({ pairs: EVENT_PAIRS, product, raw: least });
  return {
    ...figure('event of a watch', pairs, 50, goal),
    case: `${Math.round(bytes.length / EVENTS)} bytes`,
    unit: 'us',
  };
}

async function* stream(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

function heap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** Bytes of heap per pod that `make` leaves behind. A call of its own for each: nothing of the one before is held. */
async function retained<T>(make: () => Promise<T>, end: (made: T) => Promise<void>): Promise<Round> {
  const before = heap();
  const made = await make();
  const after = heap();
  await end(made);
  return [(after - before) / PODS];
}

/** Raw: the same pods as they are parsed. */
async function retainedFigure(client: KubeClient, raw: RawClient): Promise<Figure> {
  const ours = (): Promise<Round> =>
    retained(
      () => listed(client, 'pages'),
      (held) => held.stop(),
    );
  const theirs = (): Promise<Round> =>
    retained(
      () => raw.listPages(path, PAGE),
      async (parsed) => {
        if (parsed.length !== PODS) throw new Error(`${parsed.length} pods of ${PODS} were parsed`);
      },
    );
  await ours();
  await theirs();
  const pairs = await contest({ pairs: 3, product: ours, raw: theirs });
  const { product, ...rest } = figure('retained per pod', pairs, 50);
  return { ...rest, product, case: 'heap', unit: 'B', limit: RETAINED, holds: product <= RETAINED };
}

/** Lists, events and memory against one API server. Without its watch cache: Debian's etcd is too old for both at once. */
export async function reflectorFigures(note: (text: string) => void): Promise<Figure[]> {
  const api = await startApiServer({ args: ['--watch-cache=false'] });
  const client = new KubeClient({ kubeConfig: api.kubeConfig(), clock: systemClock });
  const raw = new RawClient(api.kubeConfig());
  try {
    const start = performance.now();
    await createPods(client, PODS);
    const perSecond = Math.round(PODS / ((performance.now() - start) / 1000));
    note(`${PODS} pods made, ${perSecond} a second, two writes each`);
    const figures = [await retainedFigure(client, raw), ...(await listFigures(client, raw))];
    return [...figures, await eventFigure(client, raw)];
  } finally {
    client.close();
    raw.close();
    await api.stop();
  }
}
