// `npm run bench -- topology`: a large cluster through ovn-northd. All of it at once, then the next node, the next subnet
// and the next policy route, each until the southbound database has it; beside a raw client that writes the same rows.
import { contest, figure } from './compare.ts';
import type { Figure, Pair, Round } from './compare.ts';
import { memory } from './nb/restart.ts';
import { enterNode, enterRoutes, enterSubnet } from './nb/scene.ts';
import type { Shape } from './nb/scene.ts';
import { installed } from './nb/southbound.ts';
import { differing } from './topology/rows.ts';
import { rehearsed } from './topology/script.ts';
import type { Events } from './topology/script.ts';
import { productSide, rawSide } from './topology/side.ts';
import type { Memory, Side, Topology } from './topology/side.ts';

const PODS = 10_000;
/** Of every round of the subnets each node gets a third: 33 pods of as many subnets on each. */
const SHAPE: Shape = { subnets: 100, nodes: 300, spread: 3 };
/** A round of the whole takes half a minute on each side. */
const PAIRS = 3;
const EVENTS = 9;

type Kind = 'node' | 'subnet' | 'policy route';

/** Events of a topology: what comes is new in it. */
export const eventsOf = ({ nodes, subnets }: Shape): Events<Kind> => ({
  node: (world, at) => enterNode(world, nodes + at),
  subnet: (world, at) => enterSubnet(world, subnets + at),
  'policy route': (world, at) => enterRoutes(world, at + 1),
});

type Note = (text: string) => void;

/** The last of each side that was built stays, for what comes after. */
interface Standing {
  product?: Side;
  raw?: Side;
}

async function built(standing: Standing, topology: Topology, note: Note): Promise<Pair[]> {
  const round = async (name: keyof Standing, build: (topology: Topology) => Promise<Side>): Promise<Round> => {
    await standing[name]?.stop();
    delete standing[name];
    const side = await build(topology);
    standing[name] = side;
    note(`topology: ${name} ${(side.ms / 1000).toFixed(1)} s`);
    return [side.ms];
  };
  return await contest({
    pairs: PAIRS,
    product: () => round('product', productSide),
    raw: () => round('raw', rawSide),
  });
}

/** A figure without a goal. */
function context(name: string, product: number, raw: number): Figure {
  const ratio = product / raw;
  const numbers = { product, raw, ratio, low: ratio, high: ratio };
  return { name, case: 'RSS', unit: 'MB', ...numbers, goal: null, holds: null };
}

const programs: readonly (keyof Memory)[] = ['northd', 'northbound', 'southbound'];

async function further(kind: string, { product, raw }: Required<Standing>, topology: Topology): Promise<Figure> {
  const steps = topology.script.steps[kind] ?? [];
  const next = { product: 0, raw: 0 };
  const round = async (name: keyof typeof next, side: Side): Promise<Round> => {
    const step = steps[next[name]++];
    return step ? [await side.take(step)] : [];
  };
  const pairs = await contest({
    pairs: EVENTS,
    product: () => round('product', product),
    raw: () => round('raw', raw),
  });
  return figure(`next ${kind} to SB`, pairs, 50, { percentile: 50, ratio: 1.15 });
}

async function same({ product, raw }: Required<Standing>): Promise<void> {
  const [first] = differing(await product.rows(), await raw.rows());
  if (first !== undefined) throw new Error(`the sides have other rows: ${first}`);
}

export async function topologyFigures(note: Note): Promise<Figure[]> {
  note(`topology: OVN ${installed().name}`);
  const topology: Topology = {
    shape: SHAPE,
    pods: PODS,
    script: await rehearsed({ shape: SHAPE, events: eventsOf(SHAPE), each: EVENTS }),
  };
  const standing: Standing = {};
  try {
    const pairs = await built(standing, topology, note);
    const { product, raw } = standing;
    if (!product || !raw) throw new Error('a side is missing');
    const name = '300 nodes, 100 subnets, 10,000 pods';
    const figures = [figure(`${name} to SB`, pairs, 50, { percentile: 50, ratio: 1.15 })];
    for (const program of programs) figures.push(context(program, product.memory[program], raw.memory[program]));
    await same({ product, raw });
    for (const kind of Object.keys(topology.script.steps))
      figures.push(await further(kind, { product, raw }, topology));
    await same({ product, raw });
    return [...figures, ...(await memory(PODS, 250, SHAPE)())];
  } finally {
    await standing.product?.stop();
    await standing.raw?.stop();
  }
}
