// What it costs to keep the rules of many subnets as they should be, and how fast they are mended: an agent on a node of
// its own, and a saboteur. README.md says what the figures are and what was reached.
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TestNode, sh } from '../test/agent/node.ts';
import { buildShim } from '../test/agent/shim.ts';
import { eventually } from '../test/eventually.ts';
import { percentile } from './compare.ts';
import type { Figure } from './compare.ts';
import { gatewayPlan } from './gateway/plan.ts';
import { processorSeconds } from './gateway/processor.ts';
import { Saboteur } from './gateway/saboteur.ts';

type Note = (text: string) => void;

/** Goals: part of a core in percent, and milliseconds. */
const IDLE = 0.5;
const REPAIR = 3000;
/** What an agent still does for a moment when all is mended belongs to the event. */
const AFTERMATH_MS = 2000;

interface Measured {
  /** Percent of a core, for each pause between two events. */
  readonly idle: number[];
  /** Milliseconds, of each event. */
  readonly repairs: number[];
  /** Seconds of processor, of each event. */
  readonly costs: number[];
}

interface Options {
  readonly subnets: number;
  readonly minutes: number;
  readonly intervalMs: number;
}

/** A seed for all runs: what is broken is the same. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function started(node: TestNode, subnets: number): Promise<number> {
  await node.createIntegrationBridge();
  await node.writePlan(gatewayPlan(subnets));
  await node.startAgent(['--iface=eth2', '--log-level=warn']);
  const rules = (): Promise<string> => sh('nsenter', `--net=/run/netns/${node.netns}`, 'ip6tables-nft-save');
  const what = 'the rules of the last subnet';
  await eventually(async () => (await rules()).includes(`subnet-${subnets - 1}"`), {
    what,
    within: 60_000,
    every: 500,
  });
  return node.agentPid;
}

async function measured(node: TestNode, { subnets, minutes, intervalMs }: Options, note: Note): Promise<Measured> {
  const agent = await started(node, subnets);
  // The start is over, and its garbage collected.
  await pause(Math.min(intervalMs, 15_000));
  const saboteur = new Saboteur(node, random(7));
  const result: Measured = { idle: [], repairs: [], costs: [] };
  for (let left = Math.round((minutes * 60_000) / intervalMs); left > 0; left -= 1) {
    const quiet = { at: performance.now(), used: processorSeconds(agent) };
    await pause(intervalMs - AFTERMATH_MS);
    const used = processorSeconds(agent);
    const percent = ((used - quiet.used) / (performance.now() - quiet.at)) * 100_000;
    result.idle.push(percent);
    const { what, isMended } = await saboteur.damage();
    const broken = performance.now();
    await eventually(isMended, { what, within: 30_000, every: 100 });
    const took = performance.now() - broken;
    result.repairs.push(took);
    await pause(AFTERMATH_MS);
    const cost = processorSeconds(agent) - used;
    result.costs.push(cost);
    note(`idle ${percent.toFixed(2)} % of a core; mended in ${took.toFixed(0)} ms for ${cost.toFixed(2)} s: ${what}`);
  }
  return result;
}

function bound(name: string, of: string, [product, unit]: readonly [number, string], limit?: number): Figure {
  const ratio = product / (limit ?? product);
  const holds = limit === undefined ? null : product <= limit;
  const numbers = { product, raw: limit ?? product, ratio, low: ratio, high: ratio };
  return { name, case: of, unit, ...numbers, goal: null, holds, ...(limit !== undefined && { limit }) };
}

/** Flags: `--minutes=10`, `--interval=30` (seconds), `--subnets=250`. */
export async function gatewayFigures(note: Note, flags: readonly string[] = []): Promise<Figure[]> {
  const flag = (name: string, fallback: number): number =>
    Number(flags.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3) ?? fallback);
  const options = {
    subnets: flag('subnets', 250),
    minutes: flag('minutes', 10),
    intervalMs: flag('interval', 30) * 1000,
  };
  const shim = await buildShim();
  const node = await TestNode.create(shim);
  try {
    const { idle, repairs, costs } = await measured(node, options, note);
    const title = `gateway, ${options.subnets} subnets`;
    return [
      bound(`${title}: agent between events`, 'median', [percentile(idle, 50), '% of a core'], IDLE),
      bound(`${title}: agent between events`, 'most', [Math.max(...idle), '% of a core']),
      bound(`${title}: repair`, 'slowest', [Math.max(...repairs), 'ms'], REPAIR),
      bound(`${title}: repair`, 'median', [percentile(repairs, 50), 'ms']),
      bound(`${title}: processor for a repair`, 'median', [percentile(costs, 50) * 1000, 'ms']),
    ];
  } finally {
    await node.dispose();
    await rm(dirname(shim), { recursive: true });
  }
}
