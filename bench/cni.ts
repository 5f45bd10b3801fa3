// The path of a pod on its node, beside the least that does the same work with the same tools: goals G4, G5, G14 and G15.
// README.md says what each figure is and what was reached.
import type { Cluster } from '../test/cluster/cluster.ts';
import { startCluster, stopCluster } from '../test/cluster/fixture.ts';
import { Bed } from './cni/bed.ts';
import type { Kind, RoundResult, Side } from './cni/protocol.ts';
import { shimFigures } from './cni/shim.ts';
import type { Figure, Pair, Round } from './compare.ts';
import { contest, figure } from './compare.ts';

const CLUSTER = 'bench';

/** Pairs of rounds, and operations of one side per round: 600 operations per figure, 1,200 of the burst. */
const PAIRS = 12;
const COUNTS: Readonly<Record<Kind, number>> = { assigned: 25, bound: 25, 'bound-api': 25, burst: 50 };

const P50 = { percentile: 50, ratio: 1.3 } as const;
const P90 = { percentile: 90, ratio: 2 } as const;
const P99 = { percentile: 99, ratio: 2 } as const;

export type Note = (text: string) => void;

interface Contested {
  readonly times: readonly Pair[];
  readonly own: readonly Pair[];
  readonly processes: readonly Pair[];
}

async function contested(bed: Bed, kind: Kind, note: Note): Promise<Contested> {
  const count = COUNTS[kind];
  const results: Record<Side, RoundResult[]> = { product: [], raw: [] };
  const play = (side: Side) => async (): Promise<Round> => {
    const result = await bed.round(kind, side, count);
    results[side].push(result);
    note(`${kind}: ${results.product.length} and ${results.raw.length} of ${PAIRS} rounds`);
    return result.times;
  };
  // Compilers and caches of both sides: not counted.
  for (const side of ['product', 'raw'] as const) await bed.round(kind, side, count);
  const times = await contest({ pairs: PAIRS, product: play('product'), raw: play('raw') });
  const paired = (of: (result: RoundResult) => number): Pair[] =>
    results.product.map((product, at) => {
      const raw = results.raw[at];
      if (raw === undefined) throw new Error('a round has no partner');
      return { product: [of(product)], raw: [of(raw)] };
    });
  return { times, own: paired(({ own }) => own), processes: paired(({ processes }) => processes) };
}

const percentiles = (name: string, pairs: readonly Pair[]): Figure[] => [
  figure(name, pairs, 50, P50),
  figure(name, pairs, 90, P90),
  figure(name, pairs, 99, P99),
];

const named = (figure: Figure, name: string, unit = 'ms'): Figure => ({ ...figure, case: name, unit });

type Measure = (bed: Bed, note: Note) => Promise<Figure[]>;

async function assigned(bed: Bed, note: Note): Promise<Figure[]> {
  const { times, own, processes } = await contested(bed, 'assigned', note);
  return [
    ...percentiles('ADD, assigned', times),
    named(figure('agent beyond OVN', own, 50, { percentile: 50, ratio: 1.5 }), 'mean'),
    named(figure('programs per ADD', processes, 50, { percentile: 50, ratio: 1 }), 'count', ''),
  ];
}

/** Those that need a cluster. */
const onCluster: Readonly<Record<string, Measure>> = {
  assigned,
  burst: async (bed, note) => {
    const { times } = await contested(bed, 'burst', note);
    return [named(figure('burst of 50 ADDs', times, 50, { percentile: 50, ratio: 1.5 }), 'wall')];
  },
  bound: async (bed, note) => percentiles('pod bound to reply', (await contested(bed, 'bound', note)).times),
  'bound-api': async (bed, note) =>
    percentiles('the same, API writes on both sides', (await contested(bed, 'bound-api', note)).times),
};

export const cniCases: readonly string[] = [...Object.keys(onCluster), 'shim'];

async function clusterFigures(cluster: Cluster, wanted: readonly Measure[], note: Note): Promise<Figure[]> {
  const bed = await Bed.make(cluster);
  try {
    const figures: Figure[] = [];
    for (const measure of wanted) figures.push(...(await measure(bed, note)));
    return figures;
  } finally {
    await bed.leave();
  }
}

/** Ends what was brought up, and then the process; a stopped kubelet ends with its cluster. */
async function interrupted(note: Note): Promise<void> {
  note('interrupted: ending the cluster');
  await stopCluster(CLUSTER);
  process.exit(130);
}

/** Brings a cluster up, measures, and takes it down, whatever happens. `cases`: those to take, none for all. */
export async function cniFigures(note: Note, cases: readonly string[] = []): Promise<Figure[]> {
  const isWanted = (name: string): boolean => cases.length === 0 || cases.includes(name);
  const shim = isWanted('shim') ? await shimFigures() : [];
  const wanted = Object.entries(onCluster).flatMap(([name, measure]) => (isWanted(name) ? [measure] : []));
  if (wanted.length === 0) return shim;
  note('starting a cluster');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void interrupted(note));
  try {
    return [...(await clusterFigures(await startCluster(CLUSTER), wanted, note)), ...shim];
  } finally {
    await stopCluster(CLUSTER);
  }
}
