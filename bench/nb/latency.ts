// One pod at a time where there are 10,000 already: from the event to the answer to its transaction (G3), one
// transaction each (G7).
import { contest, figure, percentile } from '../compare.ts';
import type { Figure, Pair, Round } from '../compare.ts';
import { RawClient, inserts, writePods } from './raw.ts';
import { feed, onServer, prepare, rowsOf, startProduct, timed } from './rounds.ts';
import { enterPod, podEvents, podRows, SHAPE } from './scene.ts';
import { counted } from './throughput.ts';

const PODS = 10_000;
const PAIRS = 15;
const EVENTS = 40;

/** Percentile of the best round, beside its limit: no other program's share of the processor is in it. */
function within(pairs: readonly Pair[], p: 50 | 99, limit: number): Figure {
  const least = Math.min(...pairs.map(({ product }) => percentile(product, p)));
  return { ...figure('G3 one pod at 10,000', pairs, p), limit, holds: least <= limit };
}

export async function single(): Promise<Figure[]> {
  return await onServer((mine) =>
    onServer(async (other) => {
      const product = await startProduct([mine.remote], SHAPE);
      await feed(product, podEvents(0, PODS, SHAPE));
      await product.committed();
      await prepare([other.remote], SHAPE);
      const client = await RawClient.open(other.remote);
      await writePods(client, rowsOf(0, PODS, SHAPE), { batch: 100, inFlight: 4 });

      const next = { product: PODS, raw: PODS };
      const productRound = (): Promise<Round> =>
        rounds(async () => {
          const [event] = podEvents(next.product++, 1, SHAPE);
          if (event === undefined) return 0;
          return await timed(() => {
            product.graph.enter(() => enterPod(product.world, event));
            return product.committed();
          });
        });
      const rawRound = (): Promise<Round> =>
        rounds(async () => {
          const rows = podRows(next.raw++, SHAPE);
          return await timed(() => client.transact(inserts([rows])));
        });
      await productRound();
      await rawRound();
      const [written, transactions] = [next.product, product.transactions];
      const pairs = await contest({ pairs: PAIRS, product: productRound, raw: rawRound });
      const each = (product.transactions - transactions) / (next.product - written);
      await product.stop();
      client.close();
      return [
        within(pairs, 50, 1),
        within(pairs, 99, 5),
        counted('G7 transactions per pod, idle', 'per pod', { product: each, raw: 1, limit: 1 }),
      ];
    }),
  );
}

async function rounds(one: () => Promise<number>): Promise<Round> {
  const times: number[] = [];
  for (let at = 0; at < EVENTS; at++) times.push(await one());
  return times;
}
