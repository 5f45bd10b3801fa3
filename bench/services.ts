// `npm run bench -- services [case ...]`: 5,000 Services with 10 endpoints each into the northbound database, and one
// endpoint that changes, there and in the southbound database, beside a raw client that writes the same rows.
import type { OvnCentral } from '../test/ovn-central.ts';
import { startOvn } from '../test/ovn-central.ts';
import { defaults } from '../test/worlds/process.ts';
import { contest, figure } from './compare.ts';
import type { Figure, Pair } from './compare.ts';
import { Product } from './nb/product.ts';
import { RawClient } from './nb/raw.ts';
import { onServer, timed } from './nb/rounds.ts';
import { enterBase } from './nb/scene.ts';
import { installed } from './nb/southbound.ts';
import { relay } from './services/relay.ts';
import { changed, enterService, enterSlice, ENDPOINTS, rawChange, rawInserts, SERVICES } from './services/scene.ts';
import type { Layout } from './services/scene.ts';

type Note = (text: string) => void;

const shape = { subnets: 10, nodes: 100 };
const PAIRS = 5;
const BATCH = 100;
const CHANGES = 200;
/** northd takes its time for each. */
const SLOW_CHANGES = 30;
const SLOW_PAIRS = 3;
/** Seconds each, when all Services are in one row. */
const LAYOUT_CHANGES = 3;

/** The product with everything in place but Services. */
async function started(remote: string, serviceLbLayout: Layout = 'own'): Promise<Product> {
  const product = new Product([remote]);
  await product.start((world) => {
    enterBase(world, shape);
    world.cluster.set('cluster', { ...defaults, serviceLbLayout });
  });
  return product;
}

async function loaded(product: Product): Promise<void> {
  product.graph.enter(() => {
    for (let at = 0; at < SERVICES; at++) enterService(product.world, at);
  });
  await product.graph.settle();
  await product.committed();
}

/** As many transactions as the raw client may have under way. */
const LANES = 4;

async function rawLoaded(client: RawClient): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next; at < SERVICES; at = next) {
      next += BATCH;
      await client.transact(rawInserts(at, BATCH));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

interface Cost {
  readonly ms: number;
  readonly bytes: number;
  readonly transactions: number;
}

const productLoad = (): Promise<Cost> =>
  onServer(async (server) => {
    const counted = await relay(server);
    const product = await started(counted.remote);
    const [bytes, transactions] = [counted.sent(), product.transactions];
    const ms = await timed(() => loaded(product));
    const cost = { ms, bytes: counted.sent() - bytes, transactions: product.transactions - transactions };
    await product.stop();
    counted.close();
    return cost;
  });

const rawLoad = (): Promise<Cost> =>
  onServer(async (server) => {
    await (await started(server.remote)).stop();
    const counted = await relay(server);
    const client = await RawClient.open(counted.remote);
    const ms = await timed(() => rawLoaded(client));
    const cost = { ms, bytes: counted.sent(), transactions: SERVICES / BATCH };
    client.close();
    counted.close();
    return cost;
  });

async function load(note: Note): Promise<Figure[]> {
  const costs: { product: Cost[]; raw: Cost[] } = { product: [], raw: [] };
  const round = async (side: 'product' | 'raw', work: () => Promise<Cost>): Promise<number[]> => {
    const cost = await work();
    costs[side].push(cost);
    return [cost.ms];
  };
  const pairs = await contest({
    pairs: PAIRS,
    product: () => round('product', productLoad),
    raw: () => round('raw', rawLoad),
  });
  for (const [side, [first]] of Object.entries(costs))
    note(`services: load, ${side}: ${first?.transactions} transactions, ${first?.bytes} bytes`);
  return [figure(`${SERVICES} Services with ${ENDPOINTS} endpoints to NB`, pairs, 50)];
}

/** Service and turn of a change: each Service once before any a second time. */
const turns = (count: number): readonly (readonly [at: number, turn: number])[] =>
  Array.from({ length: count }, (_, index) => [(index * 37) % SERVICES, index + 1]);

async function change(note: Note): Promise<Figure[]> {
  const product = (): Promise<number[]> =>
    onServer(async (server) => {
      const counted = await relay(server);
      const side = await started(counted.remote);
      await loaded(side);
      const [bytes, transactions] = [counted.sent(), side.transactions];
      const times: number[] = [];
      for (const [at, turn] of turns(CHANGES)) times.push(await timed(() => entered(side, at, turn)));
      const [each, all] = [(counted.sent() - bytes) / CHANGES, side.transactions - transactions];
      note(`services: one endpoint: ${each.toFixed(0)} bytes, ${(all / CHANGES).toFixed(2)} transactions`);
      await side.stop();
      counted.close();
      return times;
    });
  const raw = (): Promise<number[]> =>
    onServer(async (server) => {
      await (await started(server.remote)).stop();
      const client = await RawClient.open(server.remote);
      await rawLoaded(client);
      const times: number[] = [];
      for (const [at, turn] of turns(CHANGES))
        times.push(await timed(() => client.transact(rawChange(at, turn, 'own'))));
      client.close();
      return times;
    });
  const pairs = await contest({ pairs: PAIRS, product, raw });
  return [50, 90].map((p) => figure('one endpoint of them to NB', pairs, p));
}

async function entered(product: Product, at: number, turn: number): Promise<void> {
  product.graph.enter(() => enterSlice(product.world, at, turn));
  await product.graph.settle();
  await product.committed();
}

type Updates = Readonly<Record<string, Readonly<Record<string, { readonly modify?: unknown }>>>>;

/** Waits until the southbound database speaks of a backend. */
async function told({ sb }: OvnCentral): Promise<{ until: (text: string) => Promise<void>; close: () => void }> {
  let look = (_text: string): void => undefined;
  const client = await RawClient.open(sb.remote, ([, tables]) =>
    look(JSON.stringify((tables as Updates)['Logical_Flow'])),
  );
  const select = { initial: false, delete: false };
  await client.request('monitor_cond', [
    'OVN_Southbound',
    'told',
    { Logical_Flow: [{ columns: ['actions'], select }] },
  ]);
  const until = (text: string): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    look = (update) => void (update.includes(text) && resolve());
    return promise;
  };
  return { until, close: () => client.close() };
}

/** Times from each of some changes to its flow, on a whole OVN; `write` makes the change. */
async function slowly(
  layout: Layout,
  count: number,
  writer: (ovn: OvnCentral, product: Product) => Promise<(at: number, turn: number) => Promise<unknown>>,
): Promise<number[]> {
  const ovn = await startOvn(installed());
  try {
    const product = await started(ovn.nb.remote, layout);
    await loaded(product);
    await ovn.settled();
    const write = await writer(ovn, product);
    const listener = await told(ovn);
    const times: number[] = [];
    for (const [at, turn] of turns(count)) {
      const done = listener.until(changed(at, turn));
      times.push(await timed(() => Promise.all([write(at, turn), done])));
    }
    listener.close();
    await product.stop();
    return times;
  } finally {
    await ovn.stop();
  }
}

const ofProduct = (layout: Layout, count = SLOW_CHANGES): Promise<number[]> =>
  slowly(layout, count, async (_, product) => (at, turn) => entered(product, at, turn));

const ofRaw = (layout: Layout): Promise<number[]> =>
  slowly(layout, SLOW_CHANGES, async ({ nb }, product) => {
    await product.stop();
    const client = await RawClient.open(nb.remote);
    return (at, turn) => client.transact(rawChange(at, turn, layout));
  });

async function southbound(note: Note): Promise<Figure[]> {
  note(`services: OVN ${installed().name}`);
  const pairs = await contest({ pairs: SLOW_PAIRS, product: () => ofProduct('own'), raw: () => ofRaw('own') });
  return [figure('one endpoint of them to SB', pairs, 50)];
}

/** Why each Service has a row of its own: both sides are the product. */
async function layout(): Promise<Figure[]> {
  const pairs: Pair[] = await contest({
    pairs: SLOW_PAIRS,
    product: () => ofProduct('own', LAYOUT_CHANGES),
    raw: () => ofProduct('shared', LAYOUT_CHANGES),
  });
  return [figure('one endpoint to SB, own rows beside one for all', pairs, 50)];
}

const cases: Readonly<Record<string, (note: Note) => Promise<Figure[]>>> = {
  'services-load': load,
  'services-change': change,
  'services-sb': southbound,
  'services-layout': layout,
};

/** Names by which one may ask for less than everything. */
export const serviceCases: readonly string[] = Object.keys(cases);

export async function serviceFigures(note: Note, named: readonly string[] = []): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [name, run] of Object.entries(cases)) {
    if (named.length > 0 && !named.includes(name)) continue;
    note(`services: ${name}`);
    figures.push(...(await run(note)));
  }
  return figures;
}
