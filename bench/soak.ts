// Does the operator grow? Pods come and go on a cluster of so many for so long; after every few hundred lives the load
// pauses until nothing is left to do, and the operator's process tells its memory after a collection. What grows with
// lives and not with pods is a leak: the slope over all those moments says how many bytes a life leaves behind.
import type { Figure } from './compare.ts';
import { type Bed, nodeName, podManifest, startBed } from './soak/bed.ts';
import type { Sample } from './soak/operator.ts';

export interface SoakOptions {
  readonly api: 'real' | 'simulated';
  readonly pods: number;
  readonly nodes: number;
  /** Pods created per second at most, until there are `pods` of them. */
  readonly load: number;
  /** Lives, a pod deleted and another created, per second at most. */
  readonly rate: number;
  /** Lives before the first moment that counts: tables of recent events and addresses have filled. */
  readonly warmUp: number;
  /** Lives between two moments. */
  readonly every: number;
  /** Moments that count. */
  readonly moments: number;
}

export interface Moment extends Sample {
  readonly lives: number;
  readonly objects: number;
}

/** Bytes that a life may leave behind before it counts as a leak. */
export const leak = 64;

type Note = (text: string) => void;

/** Runs `work` for 0..count, eight at a time and at most `rate` a second. */
async function paced(count: number, rate: number, work: (index: number) => Promise<void>): Promise<void> {
  const begun = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      const early = begun + (index / rate) * 1000 - performance.now();
      // Always a turn of the loop: one that is late must not run ahead of another that waits for its timer.
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, early)));
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

const podName = (index: number): string => `soak-${index}`;
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Slope of y over x: the median of the slopes of all pairs (Theil and Sen), which a few odd moments do not move. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const slopes = points.flatMap(([x, y], at) => points.slice(at + 1).map(([x2, y2]) => (y2 - y) / (x2 - x)));
  const sorted = slopes.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

/** Brings the cluster to its size and keeps it busy. */
export async function soak(options: SoakOptions, note: Note): Promise<{ loaded: Sample; moments: Moment[] }> {
  const { api, nodes, pods, load, rate, warmUp, every, moments: wanted } = options;
  // A machine that is busy otherwise may let a lease pass, and what a new term forgets would look like no growth.
  const bed = await startBed({ api, nodes, flags: ['--lease-duration=3600', '--lease-renew-deadline=3000'] });
  try {
    const begun = performance.now();
    const create = (index: number): Promise<void> =>
      bed.load.create(podManifest(podName(index), nodeName(index % nodes)));
    await paced(pods, load, create);
    await bed.quiet(pods + nodes, 1_800_000);
    const loaded = await bed.sample();
    const seconds = (performance.now() - begun) / 1000;
    note(`${pods} pods in ${seconds.toFixed(0)} s; RSS ${megabytes(loaded.rss)}, heap ${megabytes(loaded.heap)}`);
    const moments: Moment[] = [];
    let lives = 0;
    const churn = async (count: number): Promise<void> => {
      const from = lives;
      await paced(count, rate, async (index) => {
        await bed.load.deletePod(podName(from + index));
        await create(pods + from + index);
      });
      lives += count;
    };
    await churn(warmUp);
    for (let at = 0; at < wanted; at += 1) {
      await churn(every);
      moments.push(await moment(bed, { lives, ips: pods + nodes }, note));
    }
    return { loaded, moments };
  } finally {
    await bed.stop();
  }
}

async function moment(bed: Bed, { lives, ips }: { lives: number; ips: number }, note: Note): Promise<Moment> {
  await bed.quiet(ips, 300_000);
  const sample = await bed.sample();
  const objects = (await bed.metrics()).get('kubeloom_reflector_objects') ?? 0;
  const delay = `loop delay p99 ${sample.delayP99.toFixed(0)} ms, longest ${sample.delayMax.toFixed(0)} ms`;
  note(`${lives} lives: RSS ${megabytes(sample.rss)}, heap ${megabytes(sample.heap)}, ${objects} objects, ${delay}`);
  return { ...sample, lives, objects };
}

function bound(name: string, [product, unit]: readonly [number, string], limit?: number): Figure {
  const ratio = product / (limit ?? product);
  const holds = limit === undefined ? null : product <= limit;
  const numbers = { product, raw: limit ?? product, ratio, low: ratio, high: ratio };
  return { name, case: '', unit, ...numbers, goal: null, holds, ...(limit !== undefined && { limit }) };
}

const worst = (moments: readonly Moment[], of: (moment: Moment) => number): number => Math.max(...moments.map(of));

/** Flags: `--api=simulated`, `--pods=100000`, `--load=100`, `--rate=20`, `--minutes=30`. */
export async function soakFigures(note: Note, flags: readonly string[] = []): Promise<Figure[]> {
  const flag = (name: string): string | undefined =>
    flags.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3);
  const pods = Number(flag('pods') ?? 10_000);
  const rate = Number(flag('rate') ?? 20);
  const lives = Math.max(2000, Number(flag('minutes') ?? 30) * 60 * rate);
  const warmUp = Math.min(2000, Math.round(lives / 3));
  const { moments, loaded } = await soak(
    {
      api: flag('api') === 'simulated' ? 'simulated' : 'real',
      pods,
      nodes: Math.max(10, Math.round(pods / 100)),
      load: Number(flag('load') ?? 100),
      rate,
      warmUp,
      every: Math.max(100, Math.round((lives - warmUp) / 20)),
      moments: 20,
    },
    note,
  );
  const title = `soak, ${pods} pods`;
  const growth = slope(moments.map(({ lives: x, heap }) => [x, heap]));
  const limit = pods <= 10_000 ? 250 : 1200;
  return [
    bound(
      `${title}: RSS`,
      [
        Math.max(
          loaded.rss,
          worst(moments, ({ rss }) => rss),
        ) / 1e6,
        'MB',
      ],
      limit,
    ),
    bound(`${title}: heap after gc`, [worst(moments, ({ heap }) => heap) / 1e6, 'MB']),
    bound(`${title}: left by a life`, [Math.max(0, growth), 'B'], leak),
    bound(`${title}: loop delay p99`, [worst(moments, ({ delayP99 }) => delayP99), 'ms']),
  ];
}
