// The graph at 100,000 pods and 5,000 policies beside Maps and an inverted index by hand: the first sync, single events,
// the longest slice of a settle, the delay of the event loop, and memory.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { GraphClock } from '../lib/graph/types.ts';
import {
  sliceMs as SLICE_MS,
  namespaceCount,
  namespaceLabels,
  podAt,
  policyAt,
  policyWorld,
  populate,
} from '../test/lib/graph/policies.ts';
import type { PolicyWorld } from '../test/lib/graph/policies.ts';
import { figure } from './compare.ts';
import type { Figure, Pair } from './compare.ts';
import { Outbox, OutboxSink } from './graph/outbox.ts';
import { Raw } from './graph/raw.ts';

export type Note = (text: string) => void;

export interface Size {
  readonly pods: number;
  readonly policies: number;
}

const FULL: Size = { pods: 100_000, policies: 5_000 };
const SYNC_PAIRS = 6;
const PAIRS = 12;
const EVENTS = 200;
const RATIO = 2;
const SLICE_LIMIT_MS = 10;
const CIDR = '10.0.0.0/8';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/**
 * Runs what is deferred when it is told to, and keeps how long each step took: a settle looks at the clock when a slice
 * begins and after each step. A slice ends with the step that crosses its time.
 */
class StepClock implements GraphClock {
  readonly steps: number[] = [];
  readonly #due: (() => void)[] = [];
  #last: number | undefined;

  now(): number {
    const now = performance.now();
    if (this.#last !== undefined) this.steps.push(now - this.#last);
    this.#last = now;
    return now;
  }

  defer(fn: () => void): void {
    this.#due.push(fn);
  }

  run(): void {
    for (let fn = this.#due.shift(); fn; fn = this.#due.shift()) {
      this.#last = undefined;
      fn();
    }
  }
}

interface Product {
  readonly world: PolicyWorld;
  readonly clock: StepClock;
  readonly outbox: Outbox;
}

interface RawSide {
  readonly raw: Raw;
  readonly outbox: Outbox;
}

function product({ pods, policies }: Size): Product {
  const clock = new StepClock();
  const outbox = new Outbox();
  const world = policyWorld(clock, new OutboxSink(outbox));
  populate(world, pods, policies);
  clock.run();
  return { world, clock, outbox };
}

function rawSide({ pods, policies }: Size): RawSide {
  const outbox = new Outbox();
  const raw = new Raw(outbox, CIDR);
  for (let index = 0; index < namespaceCount(pods); index++) raw.setNamespace(`ns${index}`, namespaceLabels(index));
  for (let index = 0; index < pods; index++) raw.setPod(...podAt(index));
  for (let index = 0; index < policies; index++) raw.setPolicy(...policyAt(index, pods));
  return { raw, outbox };
}

/** Fails unless both sides would write the same. */
function agree(name: string, ours: Outbox, theirs: Outbox): void {
  const [a, b] = [ours.dump(), theirs.dump()];
  const at = a.findIndex((line, index) => line !== b[index]);
  if (a.length !== b.length || at >= 0)
    throw new Error(`${name}: the sides differ, ${a.length} and ${b.length} lines, first ${a[at]} and ${b[at]}`);
}

function timed(fn: () => void): number {
  const start = performance.now();
  fn();
  return performance.now() - start;
}

interface Event {
  readonly name: string;
  readonly product: (world: PolicyWorld, at: number) => void;
  readonly raw: (raw: Raw, at: number) => void;
  /** Namespaces are fewer, and each event concerns hundreds of pods. */
  readonly count?: number;
}

const newcomer = (at: number) => {
  const [, pod] = podAt((at * 7919) % FULL.pods);
  return { ...pod, ip: `10.200.${(at >> 8) & 255}.${at & 255}` };
};

function events({ pods }: Size): Event[] {
  const existing = (at: number) => podAt((at * 7919) % pods);
  const policy = (at: number) => {
    const [key, row] = policyAt(at, pods);
    return [`${key}-new`, { ...row, subject: { matchLabels: { app: `app${at % 50}`, version: 'v1' } } }] as const;
  };
  const move = (at: number) => {
    const [key, pod] = existing(at);
    return [key, { ...pod, ip: `10.201.${(at >> 8) & 255}.${at & 255}` }] as const;
  };
  const relabel = (at: number) => {
    const [key, pod] = existing(at);
    return [key, { ...pod, labels: { ...pod.labels, app: `app${(at * 31) % 50}` } }] as const;
  };
  const namespace = (at: number): readonly [string, Readonly<Record<string, string>>] => {
    const [index, round] = [at % namespaceCount(pods), Math.floor(at / namespaceCount(pods))];
    return [`ns${index}`, { ...namespaceLabels(index), team: `team${(index + at + round + 1) % 20}` }];
  };
  return [
    {
      name: 'pod added',
      product: ({ pod }, at) => pod.set(`ns0/new${at}`, newcomer(at)),
      raw: (raw, at) => raw.setPod(`ns0/new${at}`, newcomer(at)),
    },
    { name: 'pod replaced', product: ({ pod }, at) => pod.set(...move(at)), raw: (raw, at) => raw.setPod(...move(at)) },
    {
      name: 'pod relabelled',
      product: ({ pod }, at) => pod.set(...relabel(at)),
      raw: (raw, at) => raw.setPod(...relabel(at)),
    },
    {
      name: 'pod deleted',
      product: ({ pod }, at) => pod.delete(existing(at)[0]),
      raw: (raw, at) => raw.deletePod(existing(at)[0]),
    },
    {
      name: 'policy added',
      product: ({ policy: table }, at) => table.set(...policy(at)),
      raw: (raw, at) => raw.setPolicy(...policy(at)),
    },
    {
      name: 'namespace relabelled',
      product: ({ namespace: table }, at) => table.set(namespace(at)[0], { labels: namespace(at)[1] }),
      raw: (raw, at) => raw.setNamespace(...namespace(at)),
      count: 20,
    },
  ];
}

interface Sides {
  readonly ours: Product;
  readonly theirs: RawSide;
}

function eventPairs({ ours, theirs }: Sides, event: Event): Pair[] {
  const count = event.count ?? EVENTS;
  const { world, clock, outbox } = ours;
  const one = (at: number): number => {
    const time = timed(() => {
      world.graph.enter(() => event.product(world, at));
      clock.run();
    });
    return time + timed(() => void outbox.drain());
  };
  const other = (at: number): number =>
    timed(() => event.raw(theirs.raw, at)) + timed(() => void theirs.outbox.drain());
  const round = (side: (at: number) => number, from: number): number[] =>
    Array.from({ length: count }, (_, at) => side(from + at));
  // The first round is the compiler's, and shows that both sides do the same.
  for (let at = 0; at < count; at++) {
    world.graph.enter(() => event.product(world, at));
    event.raw(theirs.raw, at);
  }
  clock.run();
  agree(event.name, outbox, theirs.outbox);
  outbox.drain();
  theirs.outbox.drain();
  round(one, count);
  round(other, count);
  return Array.from({ length: PAIRS }, (_, index) => {
    const from = (index + 2) * count;
    if (index % 2 === 0) return { product: round(one, from), raw: round(other, from) };
    const raw = round(other, from);
    return { product: round(one, from), raw };
  });
}

interface Synced {
  readonly pairs: Pair[];
  /** The longest step: of each step the shortest time of all rounds, since the steps are the same in each. */
  readonly step: number;
}

function synced(size: Size, note: Note): Synced {
  let least: number[] | undefined;
  const play = (side: 'product' | 'raw'): number[] => {
    collect();
    if (side === 'raw') return [timed(() => void rawSide(size))];
    let made: Product | undefined;
    const time = timed(() => (made = product(size)));
    const steps = made?.clock.steps ?? [];
    least = least?.map((step, at) => Math.min(step, steps[at] ?? Infinity)) ?? steps;
    if (least.length !== steps.length) throw new Error('two rounds of one sync differ in their steps');
    return [time];
  };
  const pairs = Array.from({ length: SYNC_PAIRS }, (_, index) => {
    note(`first sync: pair ${index + 1} of ${SYNC_PAIRS}`);
    if (index % 2 === 0) return { product: play('product'), raw: play('raw') };
    const raw = play('raw');
    return { product: play('product'), raw };
  });
  return { pairs, step: (least ?? []).reduce((longest, step) => Math.max(longest, step), 0) };
}

const inMicroseconds = (each: Figure): Figure => ({
  ...each,
  unit: 'us',
  product: each.product * 1000,
  raw: each.raw * 1000,
});

/** A figure without a raw side: what it is, and the limit that it must keep. */
function absolute(name: string, unit: string, value: number, limit?: number): Figure {
  const none = { raw: 0, ratio: 0, low: 0, high: 0, goal: null };
  const judged = limit === undefined ? { holds: null } : { limit, holds: value <= limit };
  return { name, case: '', unit, product: value, ...none, ...judged };
}

/** The first sync on a real event loop, pages of 500 objects coming in as from a list; delays in milliseconds. */
async function loopDelay({ pods, policies }: Size): Promise<{ p99: number; max: number }> {
  const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
  const clock = { now: () => performance.now(), defer: (fn: () => void) => void setImmediate(fn) };
  const { graph, ...tables } = policyWorld(clock, new OutboxSink(new Outbox()));
  const paged = async (count: number, put: (index: number) => void): Promise<void> => {
    for (let from = 0; from < count; from += 500) {
      graph.enter(() => {
        for (let index = from; index < Math.min(count, from + 500); index++) put(index);
      });
      await turn();
    }
  };
  collect();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await paged(1, () => tables.subnet.set('default', { cidr: CIDR }));
  await paged(namespaceCount(pods), (index) => tables.namespace.set(`ns${index}`, { labels: namespaceLabels(index) }));
  await paged(pods, (index) => tables.pod.set(...podAt(index)));
  await paged(policies, (index) => tables.policy.set(...policyAt(index, pods)));
  await graph.settle();
  delay.disable();
  return { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
}

/** Heap that the graph alone holds at this size, and what the process has; megabytes. */
function memory(size: Size): { heap: number; rss: number } {
  collect();
  const before = process.memoryUsage().heapUsed;
  const made = product(size);
  made.outbox.drain();
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  // Read after the measurement, so that nothing of it is collected before.
  if (made.world.pod.size !== size.pods) throw new Error('pods were lost');
  return { heap: (heapUsed - before) / 2 ** 20, rss: rss / 2 ** 20 };
}

export async function graphFigures(note: Note, size: Size = FULL): Promise<Figure[]> {
  const used = memory(size);
  const delay = await loopDelay(size);
  const { pairs: sync, step } = synced(size, note);
  const sides: Sides = { ours: product(size), theirs: rawSide(size) };
  agree('first sync', sides.ours.outbox, sides.theirs.outbox);
  sides.ours.outbox.drain();
  sides.theirs.outbox.drain();
  collect();
  const single = events(size).flatMap((event) => {
    note(event.name);
    const pairs = eventPairs(sides, event);
    const figures = [figure(event.name, pairs, 50, { percentile: 50, ratio: RATIO }), figure(event.name, pairs, 99)];
    return figures.map(inMicroseconds);
  });
  return [
    { ...figure('first sync', sync, 50, { percentile: 50, ratio: RATIO }), case: 'wall' },
    ...single,
    absolute('longest slice of a settle', 'ms', SLICE_MS + step, SLICE_LIMIT_MS),
    absolute('loop delay at the first sync, p99', 'ms', delay.p99),
    absolute('loop delay at the first sync, longest', 'ms', delay.max),
    absolute('heap of the graph and its tables', 'MB', used.heap),
    absolute('RSS of the process with it', 'MB', used.rss),
  ];
}
