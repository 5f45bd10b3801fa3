// The whole path: demands of every kind in, IP objects out, with two leaders in turn, lost replies, crashes between any two
// writes, and watches that lag and repeat. No address twice, none lost, none outside its pool; who has none is told why,
// and has one when there is one.
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Demand, Pool, Wish } from '../../../operator/api/tables.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { network, podDemand } from './cluster.ts';
import type { Outcome } from './fake-api.ts';
import { Rivals } from './rivals.ts';

beforeAll(() => ensureBuilt('ipam'));

const numbers = [2, 3, 4, 5, 6];
const inPool = [2, 3];
const v4 = (at: number): string => `10.0.0.${at}`;
const v6 = (at: number): string => `fd00::${at}`;

const networks = [network('s', ['10.0.0.0/29', 'fd00::/125'], ['10.0.0.1', 'fd00::1'])];
const pool: Pool = {
  name: 'p',
  subnet: 's',
  ranges: ['10.0.0.2..10.0.0.3', 'fd00::2..fd00::3'],
  precedence: 'p',
  namespaces: [],
};

const wish = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Wish>({}) },
  { weight: 2, arbitrary: fc.constant<Wish>({ pools: ['p'] }) },
  { weight: 2, arbitrary: fc.constantFrom(...numbers).map((at): Wish => ({ fixed: [[v4(at), v6(at)]] })) },
  { weight: 1, arbitrary: fc.constantFrom(...numbers).map((at): Wish => ({ fixed: [[v4(at)], [v4(4)]], family: 4 })) },
  { weight: 1, arbitrary: fc.constantFrom(4 as const, 6 as const).map((family): Wish => ({ family })) },
);

type Act = (rivals: Rivals, uid: string) => void | Promise<void>;

const pod = fc.integer({ min: 0, max: 6 }).map((at) => `p${at}`);
const rival = fc.constantFrom(0 as const, 1 as const);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(pod, wish).map(([name, what]): Act => (rivals, uid) => {
      if (!rivals.demands.has(`${name}.ns`)) rivals.demand({ ...podDemand(name, uid), wish: what });
    }),
  },
  {
    weight: 5,
    arbitrary: pod.map(
      (name): Act =>
        (rivals) =>
          rivals.noDemand(`${name}.ns`),
    ),
  },
  {
    weight: 1,
    arbitrary: pod.map(
      (name): Act =>
        (rivals) =>
          rivals.api.removeByHand(`${name}.ns`),
    ),
  },
  {
    weight: 5,
    arbitrary: pod.map(
      (name): Act =>
        (rivals) =>
          rivals.confirm(`${name}.ns`),
    ),
  },
  {
    weight: 12,
    arbitrary: fc
      .tuple(fc.nat({ max: 3 }), fc.constantFrom<Outcome>('ok', 'ok', 'ok', 'lost', 'unavailable', 'refused'))
      .map(
        ([at, outcome]): Act =>
          (rivals) =>
            rivals.api.answer(at, outcome),
      ),
  },
  {
    weight: 14,
    arbitrary: fc.tuple(rival, fc.nat({ max: 3 }), fc.constantFrom(1 as const, 1 as const, 2 as const)).map(
      ([which, at, times]): Act =>
        (rivals) =>
          rivals.tell(which, at, times),
    ),
  },
  {
    weight: 7,
    arbitrary: fc.constantFrom(1, 100, 6_000).map(
      (ms): Act =>
        (rivals) =>
          rivals.clock.advance(ms),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.boolean().map(
      (dies): Act =>
        (rivals) =>
          rivals.handOver(dies),
    ),
  },
);

/** What is wrong with what a demand was given. */
function flaws({ ip, wish: what = {} }: Demand, addresses: readonly string[]): string[] {
  const families = what.family === undefined ? ['.', ':'] : [what.family === 4 ? '.' : ':'];
  const wrong = addresses.length !== families.length || !families.every((sign, at) => addresses[at]?.includes(sign));
  const ours = what.pools ? inPool : numbers.filter((at) => !inPool.includes(at));
  const allowed = what.fixed ?? [ours.flatMap((at) => [v4(at), v6(at)])];
  const misplaced = !allowed.some((set) => addresses.every((address) => set.includes(address)));
  return wrong || misplaced ? [`${ip} has ${addresses.join()}`] : [];
}

/** Whether everything that would do for a demand is held by others. */
function isUnservable({ wish: what = {} }: Demand, held: ReadonlySet<string>): boolean {
  if (what.fixed) return what.fixed.every((set) => set.some((address) => held.has(address)));
  const ours = what.pools ? inPool : numbers.filter((at) => !inPool.includes(at));
  const left = (of: (at: number) => string): boolean => ours.some((at) => !held.has(of(at)));
  return !((what.family === 6 || left(v4)) && (what.family === 4 || left(v6)));
}

function watched(rivals: Rivals, broken: string[]): void {
  rivals.api.onFinish = (row) => {
    if (rivals.built.has(row.meta.name)) broken.push(`${row.meta.name} was finished with its rows in place`);
  };
}

/** What is not as it should be when nothing is left to do. */
function disorder(rivals: Rivals): unknown {
  const rows = [...rivals.api.objects.values()];
  const all = rows.flatMap(({ addresses }) => addresses);
  const held = new Set(all);
  const without = [...rivals.demands.values()].filter(({ ip }) => !rivals.api.objects.has(ip));
  return {
    twice: all.filter((address, at) => all.indexOf(address) !== at),
    orphans: rows.filter((row) => rivals.demands.get(row.meta.name)?.uid !== row.ownerUid).map((row) => row.meta.name),
    wrong: rows.flatMap((row) => {
      const demand = rivals.demands.get(row.meta.name);
      return demand ? flaws(demand, row.addresses) : [];
    }),
    unserved: without.filter((demand) => !isUnservable(demand, held)).map(({ ip }) => ip),
    untold: without.filter(({ ip }) => !rivals.unassigned[ip]).map(({ ip }) => ip),
    told: Object.keys(rivals.unassigned).filter((ip) => !without.some((demand) => demand.ip === ip)),
  };
}

const inOrder = { twice: [], orphans: [], wrong: [], unserved: [], untold: [], told: [] };

describe('two leaders in turn', () => {
  it('keep everything in order, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 120, size: 'max' }), async (acts) => {
        const rivals = new Rivals(networks, [pool]);
        const broken: string[] = [];
        watched(rivals, broken);
        for (const [at, one] of acts.entries()) {
          await one(rivals, `u-${at}`);
          await rivals.clock.advance(0);
        }
        await rivals.quiet();
        expect(disorder(rivals)).toEqual(inOrder);
        expect(broken).toEqual([]);
        for (const ip of rivals.demands.keys()) rivals.noDemand(ip);
        await rivals.quiet();
        expect([...rivals.api.objects.keys(), ...rivals.built.keys()]).toEqual([]);
        rivals.close();
      }),
      { numRuns: 60 },
    );
    expect.hasAssertions();
  });
});
