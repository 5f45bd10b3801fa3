// One round of either side: a database as it was before, the pods, and the time until they are there.
import { startServer } from '../../test/ovsdb-server.ts';
import type { OvsdbServer } from '../../test/ovsdb-server.ts';
import { Product } from './product.ts';
import { RawClient, writePods } from './raw.ts';
import type { Pipeline } from './raw.ts';
import { enterBase, enterPod, podEvents, podRows } from './scene.ts';
import type { PodEvent, PodRows, Shape } from './scene.ts';

/** A watch delivers about so many pods with one read of its socket. */
const CHUNK = 20;

const nextTurn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** The product on these databases, with everything in place but pods. */
export async function startProduct(remotes: readonly string[], shape: Shape): Promise<Product> {
  const product = new Product(remotes);
  await product.start((world) => enterBase(world, shape));
  return product;
}

/** Everything but pods, as the product writes it, for the raw side to begin with. */
export async function prepare(remotes: readonly string[], shape: Shape): Promise<void> {
  const product = await startProduct(remotes, shape);
  await product.stop();
}

/** Enters the events as they come by a watch: some with each turn of the event loop. */
export async function feed(product: Product, events: readonly PodEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += CHUNK) {
    product.graph.enter(() => {
      for (const event of events.slice(at, at + CHUNK)) enterPod(product.world, event);
    });
    await nextTurn();
  }
}

export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

export const rowsOf = (from: number, count: number, shape: Shape): PodRows[] =>
  Array.from({ length: count }, (_, at) => podRows(from + at, shape));

export interface Burst {
  readonly ms: number;
  readonly transactions: number;
}

/** Pods from events in memory to the answer to the last transaction. */
export async function productBurst(remotes: readonly string[], pods: number, shape: Shape): Promise<Burst> {
  const events = podEvents(0, pods, shape);
  const product = await startProduct(remotes, shape);
  const before = product.transactions;
  const ms = await timed(async () => {
    await feed(product, events);
    await product.committed();
  });
  const transactions = product.transactions - before;
  await product.stop();
  return { ms, transactions };
}

/** The same rows by the raw client; the first of these remotes is the one that leads. */
export async function rawBurst(
  remotes: readonly string[],
  pods: number,
  { shape, pipeline }: { readonly shape: Shape; readonly pipeline: Pipeline },
): Promise<Burst> {
  const rows = rowsOf(0, pods, shape);
  const client = await RawClient.open(remotes[0] ?? '');
  let transactions = 0;
  const ms = await timed(async () => (transactions = await writePods(client, rows, pipeline)));
  client.close();
  return { ms, transactions };
}

/** A server for the length of one round. */
export async function onServer<T>(round: (server: OvsdbServer) => Promise<T>): Promise<T> {
  const server = await startServer();
  try {
    return await round(server);
  } finally {
    await server.dispose();
  }
}
