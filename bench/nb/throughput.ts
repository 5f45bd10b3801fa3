// A burst of pods: how fast events become rows (G1), and how few transactions that takes (G7). Then the same on a raft
// cluster of three members, where a transaction costs ten times as much.
import { startCluster } from '../../test/ovsdb-server.ts';
import type { OvsdbCluster } from '../../test/ovsdb-server.ts';
import { contest, figure } from '../compare.ts';
import type { Figure, Pair } from '../compare.ts';
import type { Pipeline } from './raw.ts';
import { onServer, prepare, productBurst, rawBurst } from './rounds.ts';
import { SHAPE } from './scene.ts';

const PODS = 10_000;
const PAIRS = 7;
/** Ten pods in a transaction, sixteen of them on their way: the fastest that one connection does. */
const PIPELINED: Pipeline = { batch: 10, inFlight: 16 };

/** A figure whose product is a count that may not exceed `limit`. */
export function counted(
  name: string,
  unit: string,
  { product, raw, limit }: { product: number; raw: number; limit: number },
): Figure {
  const ratio = product / raw;
  return {
    name,
    case: 'count',
    unit,
    product,
    raw,
    ratio,
    low: ratio,
    high: ratio,
    goal: null,
    limit,
    holds: product <= limit,
  };
}

export async function burst(): Promise<Figure[]> {
  const counts = { product: 0, raw: 0 };
  const product = (pods: number): Promise<number> =>
    onServer(async ({ remote }) => {
      const { ms, transactions } = await productBurst([remote], pods, SHAPE);
      counts.product = Math.max(counts.product, transactions / pods);
      return ms;
    });
  const raw = (pods: number): Promise<number> =>
    onServer(async ({ remote }) => {
      await prepare([remote], SHAPE);
      const { ms, transactions } = await rawBurst([remote], pods, { shape: SHAPE, pipeline: PIPELINED });
      counts.raw = transactions / pods;
      return ms;
    });
  await product(PODS);
  await raw(PODS);
  counts.product = 0;
  const pairs = await contest({
    pairs: PAIRS,
    product: async () => [await product(PODS)],
    raw: async () => [await raw(PODS)],
  });
  // A quarter of the raw rate is four times the time.
  return [
    figure('G1 burst of 10,000 pods to NB', pairs, 50, { percentile: 50, ratio: 4 }),
    counted('G7 transactions per pod, burst', 'per pod', { ...counts, limit: 0.1 }),
  ];
}

const FEW = 2_000;
const RAFT_PAIRS = 5;

/** Every round has rows of its own, so a cluster is made for each. */
async function onCluster(round: (remotes: readonly string[]) => Promise<number>): Promise<number> {
  const cluster: OvsdbCluster = await startCluster();
  try {
    const leader = await cluster.leader();
    const others = cluster.remotes.filter((remote) => remote !== leader.remote);
    return await round([leader.remote, ...others]);
  } finally {
    await cluster.stop();
  }
}

const onRaft = (pipeline: Pipeline): Promise<number> =>
  onCluster(async (remotes) => {
    await prepare(remotes, SHAPE);
    return (await rawBurst(remotes, FEW, { shape: SHAPE, pipeline })).ms;
  });

export async function raft(): Promise<Figure[]> {
  const single: Pair[] = [];
  const batched: Pair[] = [];
  for (let at = 0; at < RAFT_PAIRS; at++) {
    const product = [await onCluster(async (remotes) => (await productBurst(remotes, FEW, SHAPE)).ms)];
    single.push({ product, raw: [await onRaft({ batch: 1, inFlight: 1 })] });
    batched.push({ product, raw: [await onRaft({ batch: 100, inFlight: 4 })] });
  }
  return [
    figure('raft of 3, 2,000 pods; raw: one transaction per pod', single, 50, { percentile: 50, ratio: 1 }),
    figure('raft of 3, 2,000 pods; raw: 100 pods per transaction', batched, 50),
  ];
}
