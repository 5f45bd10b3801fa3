// A thousand lives of pods, or as many as KUBELOOM_LIVES says, before a real API server and a real northbound database:
// in waves over several subnets, with all ways to get an address and all ways to end. Whenever nothing is under way,
// objects, counts and rows are exactly those of the pods that live; after the last one all is as before the first.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listOf, objectOf } from '../../operator/api/json.ts';
import { eventually } from '../eventually.ts';
import { Cast, each, type Life } from './lives/cast.ts';
import type { Northbound } from './lives/northbound.ts';
import { full, half, kinds } from './lives/roles.ts';
import { readNorthbound, settled } from './lives/settled.ts';
import { nodes, type Stage, startStage } from './lives/stage.ts';
import type { Body } from './lives/watched.ts';

/** Ten thousand take some minutes. */
const wanted = Number(process.env['KUBELOOM_LIVES'] ?? 1000);

/** How a life ends; each kind of pod meets each of them. */
const ends = ['stays', 'leaves', 'terminates', 'completes', 'returns', 'is succeeded', 'is hasty'] as const;
type End = (typeof ends)[number];

const perWave = 4 * kinds * ends.length;

let stage: Stage;
let cast: Cast;
/** What is there with nodes and subnets alone. */
let before: { readonly rows: Northbound; readonly statuses: unknown };

beforeAll(async () => {
  stage = await startStage();
  cast = new Cast(stage.client);
  await eventually(ready, { within: 90_000, every: 100, what: 'nodes, subnets and pools to be ready' });
  const rows = await readNorthbound(stage);
  await settled(stage, cast, rows);
  before = { rows, statuses: statuses() };
}, 240_000);

afterAll(() => stage.stop());

/** Every node has its address, every subnet is ready, every pool has its counts, and all of them their rows. */
async function ready(): Promise<boolean> {
  const { ips, subnets, pools, database } = stage;
  const counted =
    [...subnets.objects.values()].every(isReady) &&
    [...pools.objects.values()].every(({ status }) => status !== undefined);
  const ports = await database.dump('Logical_Switch_Port', ['name']);
  const joined = nodes.every((node) => ports.some(({ name }) => name === `node-${node}`));
  return counted && subnets.objects.has('join') && ips.objects.size === nodes.length && joined;
}

const isReady = ({ status }: Body): boolean =>
  listOf(status?.['conditions'])
    .map(objectOf)
    .some((condition) => condition['type'] === 'Ready' && condition['status'] === 'True');

const statuses = (): unknown =>
  [stage.subnets, stage.pools].map(({ objects }) =>
    Object.fromEntries([...objects].map(([name, { status }]) => [name, status])),
  );

const quiet = (): Promise<void> => settled(stage, cast, before.rows);

/** Those who came with a wave, by how they will end. */
async function enter(): Promise<ReadonlyMap<End, readonly Life[]>> {
  const roles = Array.from({ length: perWave }, () => cast.nextRole());
  const made: [End, Life][] = [];
  await each(roles.entries(), async ([at, role]) => {
    const end = ends[at % ends.length] ?? 'leaves';
    const life = await cast.enter(role);
    if (end === 'is hasty') await cast.leave(life);
    else made.push([end, life]);
  });
  await each(cast.missing(), (role) => cast.enter(role));
  return new Map([...Map.groupBy(made, ([end]) => end)].map(([end, all]) => [end, all.map(([, life]) => life)]));
}

/** The middle of a wave: half of it ends in some way. */
async function change(wave: ReadonlyMap<End, readonly Life[]>): Promise<void> {
  const of = (end: End): readonly Life[] => wave.get(end) ?? [];
  await each(of('completes').entries(), ([at, life]) => cast.complete(life, at % 3 === 0 ? 'Failed' : 'Succeeded'));
  await each(of('terminates'), (life) => cast.terminate(life));
  await each(of('returns'), (life) => cast.again(life));
  await each(of('is succeeded'), (life) => cast.succeed(life));
  await each(of('leaves'), (life) => cast.leave(life));
}

describe('lives of pods', () => {
  it('leave nothing behind, are counted exactly, and share no address', { timeout: 3_600_000 }, async () => {
    await cast.makeSets();
    let staying: readonly Life[] = [];
    for (let wave = 0; cast.lives < wanted; wave += 1) {
      if (wave % 2 === 1) await cast.scale(full);
      const entered = await enter();
      if (wave % 8 === 1) await stage.replaceOperator();
      await quiet();
      await each(staying, (life) => cast.leave(life));
      await change(entered);
      if (wave % 2 === 0) await each(await cast.scale(half), (life) => cast.leave(life));
      else await each(cast.ofSets(), (life) => cast.again(life));
      await quiet();
      // The next wave comes while this one goes.
      const stays = new Set(entered.get('stays'));
      await each(
        [...cast.living.values(), ...cast.completed].filter((life) => !stays.has(life)),
        (life) => cast.leave(life),
      );
      staying = [...stays];
    }
    await each(staying, (life) => cast.leave(life));
    await quiet();
    expect(cast.kept.size).toBeGreaterThan(0);
    await cast.scale(half / 2);
    await quiet();
    await cast.deleteSets();
    await quiet();

    expect(cast.living.size).toBe(0);
    expect([...stage.ips.objects.keys()].toSorted()).toEqual(nodes.map((node) => `node-${node}`));
    const { ports, rest } = await readNorthbound(stage);
    expect([...ports.keys()]).toEqual([]);
    expect(rest).toEqual(before.rows.rest);
    expect(statuses()).toEqual(before.statuses);
    expect(stage.violations()).toEqual([]);
  });
});
