// `npm run bench -- policy [case ...]`: policies in memory beside an index by hand, whole clusters of them, and a new
// policy until the southbound database has its flows beside a raw client.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { translator } from '../operator/policy/translator.ts';
import { ensureBuilt, wasmPath } from '../policies/build.ts';
import { namespaceCount, podAt, policyAt } from '../test/lib/graph/policies.ts';
import { contest, figure, percentile } from './compare.ts';
import type { Figure, Pair } from './compare.ts';
import { containerFlags } from './container-flags.ts';
import { Outbox } from './graph/outbox.ts';
import { Raw } from './graph/raw.ts';
import { enterPolicy } from './nb/scene.ts';
import { cost } from './policy/cost.ts';
import { loads } from './policy/loads.ts';
import type { Load } from './policy/loads.ts';
import { addressOf, PolicyScene } from './policy/scene.ts';
import { rehearsed } from './topology/script.ts';
import { productSide, rawSide } from './topology/side.ts';
import type { Side, Topology } from './topology/side.ts';

type Note = (text: string) => void;

const PODS = 10_000;
const POLICIES = 1000;
const PAIRS = 9;
const EVENTS = 500;
const LOADS = 3;

/** The same policies on both sides; what the product yields for one is more than a line. */
function full(scene: PolicyScene): void {
  for (let at = 0; at < POLICIES; at++) {
    const [key, { namespace, subject, peers }] = policyAt(at, PODS);
    const from = peers.map(({ namespaces, pods }) => ({
      podSelector: pods,
      ...(namespaces && { namespaceSelector: namespaces }),
    }));
    scene.policy(namespace, key.slice(namespace.length + 1), { podSelector: subject, ingress: [{ from }] });
  }
}

function populated(): PolicyScene {
  const scene = new PolicyScene(translator(readFileSync(wasmPath('networkpolicy'))));
  scene.graph.enter(() => {
    for (let at = 0; at < namespaceCount(PODS); at++) scene.namespace(`ns${at}`);
    for (let at = 0; at < PODS; at++) podIn(scene, at, {});
  });
  scene.graph.settleNow();
  return scene;
}

function podIn(scene: PolicyScene, at: number, labels: Readonly<Record<string, string>>): void {
  const [key, pod] = podAt(at);
  const name = key.slice(pod.namespace.length + 1);
  scene.pod(pod.namespace, name, { labels: { ...pod.labels, ...labels }, address: addressOf(at) });
}

function rawPopulated(): { raw: Raw; outbox: Outbox } {
  const outbox = new Outbox();
  const raw = new Raw(outbox, '10.0.0.0/8');
  for (let at = 0; at < namespaceCount(PODS); at++) raw.setNamespace(`ns${at}`, { name: `ns${at}` });
  for (let at = 0; at < PODS; at++) raw.setPod(...podAt(at));
  outbox.drain();
  return { raw, outbox };
}

function timed(fn: () => void): number {
  const begun = performance.now();
  fn();
  return performance.now() - begun;
}

const settled = (scene: PolicyScene, enter: () => void): number =>
  timed(() => {
    scene.graph.enter(enter);
    scene.graph.settleNow();
  });

/** With a limit in its unit, held by the best round. */
const limited = (of: Figure, rounds: readonly number[], limit: number): Figure => {
  const least = Math.min(...rounds);
  return { ...of, limit, least, holds: least <= limit };
};

async function events(note: Note): Promise<Figure[]> {
  note(`policy: ${PODS} pods, ${POLICIES} policies`);
  const loading = await contest({
    pairs: PAIRS,
    product: async () => {
      const scene = populated();
      return [settled(scene, () => full(scene))];
    },
    raw: async () => {
      const { raw, outbox } = rawPopulated();
      return [
        timed(() => {
          for (let at = 0; at < POLICIES; at++) raw.setPolicy(...policyAt(at, PODS));
          outbox.drain();
        }),
      ];
    },
  });
  const ours = populated();
  settled(ours, () => full(ours));
  const theirs = rawPopulated();
  for (let at = 0; at < POLICIES; at++) theirs.raw.setPolicy(...policyAt(at, PODS));
  theirs.outbox.drain();
  const changed = (at: number): Readonly<Record<string, string>> => ({ app: `app${(at * 31) % 50}` });
  const relabelled = (round: number): Pair => ({
    product: each(round, (at) => settled(ours, () => relabel(ours, at, changed(at)))),
    raw: each(round, (at) =>
      timed(() => {
        const [key, pod] = podAt((at * 7919) % PODS);
        theirs.raw.setPod(key, { ...pod, labels: { ...pod.labels, ...changed(at) } });
        theirs.outbox.drain();
      }),
    ),
  });
  relabelled(0);
  const pairs = Array.from({ length: PAIRS }, (_, at) => relabelled(at + 1));
  const load = figure('full load', loading, 50);
  const relabelling = figure('pod relabelled', pairs, 50);
  return [
    limited(
      load,
      loading.flatMap(({ product }) => product),
      100,
    ),
    limited(
      relabelling,
      pairs.map(({ product }) => percentile(product, 50)),
      0.01,
    ),
  ];
}

const each = (round: number, one: (at: number) => number): number[] =>
  Array.from({ length: EVENTS }, (_, at) => one(round * EVENTS + at));

function relabel(scene: PolicyScene, at: number, labels: Readonly<Record<string, string>>): void {
  const [key, pod] = podAt((at * 7919) % PODS);
  scene.label(pod.namespace, key.slice(pod.namespace.length + 1), { ...pod.labels, ...labels });
}

interface Loaded {
  readonly ms: number;
  readonly megabytes: number;
}

async function loaded(which: string): Promise<Loaded> {
  const side = new URL('./policy/memory-side.ts', import.meta.url).pathname;
  const flags = (await containerFlags()).concat('--max-old-space-size=4096');
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, side, which]);
  return JSON.parse(stdout) as Loaded;
}

const cluster =
  (which: string, load: Load) =>
  async (note: Note): Promise<Figure[]> => {
    const rounds: Loaded[] = [];
    for (let at = 0; at < LOADS; at++) {
      rounds.push(await loaded(which));
      note(`policy: ${which} ${rounds.at(-1)?.ms.toFixed(0)} ms, ${rounds.at(-1)?.megabytes.toFixed(0)} MB`);
    }
    const alone = (unit: string, values: readonly number[], limit: number, peer?: number): Figure => {
      const product = percentile(values, 50);
      const none = { raw: Number.NaN, ratio: Number.NaN, low: Number.NaN, high: Number.NaN, goal: null };
      const of = {
        name: load.name,
        case: 'p50',
        unit,
        product,
        ...none,
        holds: null,
        ...(peer !== undefined && { peer }),
      };
      return limited(of, values, limit);
    };
    return [
      alone(
        'ms',
        rounds.map(({ ms }) => ms),
        load.limit,
        load.peer,
      ),
      ...(load.megabytes === undefined
        ? []
        : [
            alone(
              'MB',
              rounds.map(({ megabytes }) => megabytes),
              load.megabytes,
            ),
          ]),
    ];
  };

/** New policies one after the other, in a cluster that stands, until northd says that the southbound database has them. */
async function southbound(note: Note): Promise<Figure[]> {
  const shape = { subnets: 100, nodes: 100 };
  note('policy: a new policy to SB');
  const script = await rehearsed({ shape, events: { policy: enterPolicy }, each: PAIRS + 1, pods: PODS });
  const topology: Topology = { shape, pods: PODS, script };
  const product = await productSide(topology);
  const raw = await rawSide(topology);
  try {
    // The first makes the group that all isolated pods share.
    const [first, ...steps] = script.steps.policy;
    for (const side of [product, raw]) if (first) await side.take(first);
    const taking = (side: Side): (() => Promise<number[]>) => {
      const left = [...steps];
      return async () => {
        const step = left.shift();
        return step ? [await side.take(step)] : [];
      };
    };
    const pairs = await contest({ pairs: PAIRS, product: taking(product), raw: taking(raw) });
    return [figure('new policy to SB', pairs, 50, { percentile: 50, ratio: 1.2 })];
  } finally {
    await product.stop();
    await raw.stop();
  }
}

const cases: Readonly<Record<string, (note: Note) => Promise<Figure[]>>> = {
  events,
  ...Object.fromEntries(Object.entries(loads).map(([name, load]) => [name, cluster(name, load)])),
  sb: southbound,
  cost,
};

export const policyCases: readonly string[] = Object.keys(cases);

export async function policyFigures(note: Note, named: readonly string[] = []): Promise<Figure[]> {
  await ensureBuilt('networkpolicy');
  const figures: Figure[] = [];
  for (const [name, run] of Object.entries(cases))
    if (named.length === 0 || named.includes(name)) figures.push(...(await run(note)));
  return figures;
}
