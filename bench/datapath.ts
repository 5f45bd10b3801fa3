// `npm run bench -- datapath`: TCP and latency from pod to pod on one node, with policies and load balancing, beside a bare
// logical switch with two ports in the same Open vSwitch. A stream is 8 MB; the facts give no goals for it.
import { contest, figure } from './compare.ts';
import type { Figure, Pair, Round } from './compare.ts';
import { Bed, VIP } from './datapath/bed.ts';
import type { Setting } from './datapath/bed.ts';
import { measure } from './datapath/lane.ts';
import type { Kind } from './datapath/lane.ts';
import { installed } from './nb/southbound.ts';

type Note = (text: string) => void;

/** Pairs of rounds, and of each kind of traffic how much is a round. */
export type Effort = Readonly<Record<Kind | 'pairs', number>>;

const FULL: Effort = { pairs: 25, stream: 8 << 20, exchange: 150, connect: 50 };

interface Case extends Setting {
  readonly name: string;
  /** Called by the address of the Service instead of the pod's own. */
  readonly service?: boolean;
}

const cases: readonly Case[] = [
  ...[false, true].flatMap((balanced) =>
    [0, 1, 100].map((policies) => ({
      name: `${policies} ${policies === 1 ? 'policy' : 'policies'}, load balancing ${balanced ? 'on' : 'off'}`,
      policies,
      balanced,
    })),
  ),
  { name: '100 policies, by the Service', policies: 100, balanced: true, service: true },
];

const titles: Readonly<Record<Kind, string>> = {
  stream: 'TCP stream',
  exchange: 'request and answer',
  connect: 'connection',
};

/** Milliseconds by the clock, and those of Open vSwitch's processor time, of pairs of one kind of traffic. */
async function figures(bed: Bed, kind: Kind, { name, service }: Case, effort: Effort): Promise<Figure[]> {
  const traffic = {
    product: () => measure(bed.product, kind, effort[kind], service ? VIP : undefined),
    raw: () => measure(bed.raw, kind, effort[kind]),
  };
  const spent: { product: Round[]; raw: Round[] } = { product: [], raw: [] };
  const round = async (side: keyof typeof traffic): Promise<Round> => {
    const before = bed.processor();
    const took = await traffic[side]();
    spent[side].push([bed.processor() - before]);
    return took;
  };
  // The first packets are what Open vSwitch asks its slow path about.
  const passes = { product: await bed.passes(traffic.product), raw: await bed.passes(traffic.raw) };
  const clock = await contest({ pairs: effort.pairs, product: () => round('product'), raw: () => round('raw') });
  const costs = spent.product.map((product, at): Pair => ({ product, raw: spent.raw[at] ?? [] }));
  return [
    figure(`${titles[kind]}: ${name}`, clock, 50),
    { ...figure(`${titles[kind]}: ${name}`, costs, 50), case: 'processor of OVS' },
    ...(kind === 'stream' ? [counted(name, passes.product, passes.raw)] : []),
  ];
}

function counted(name: string, product: number, raw: number): Figure {
  const ratio = product / raw;
  const numbers = { product, raw, ratio, low: ratio, high: ratio };
  return { name: `passes of a packet: ${name}`, case: 'counted', unit: '', ...numbers, goal: null, holds: null };
}

export async function datapathFigures(note: Note, effort: Effort = FULL): Promise<Figure[]> {
  note(`datapath: OVN ${installed().name}`);
  const bed = await Bed.create();
  try {
    const all: Figure[] = [];
    for (const one of cases) {
      await bed.set(one);
      const streams = await figures(bed, 'stream', one, effort);
      const [stream] = streams;
      const rate = (ms = Number.NaN): string => ((effort.stream * 8) / 1000 / ms).toFixed(0);
      note(`datapath: ${one.name}: ${rate(stream?.product)} and ${rate(stream?.raw)} Mbit/s`);
      all.push(...streams, ...(await figures(bed, 'exchange', one, effort)));
      all.push(...(await figures(bed, 'connect', one, effort)));
    }
    return all;
  } finally {
    await bed.stop();
  }
}
