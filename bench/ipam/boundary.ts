// What of an operation is the passage into the module and back (G9): how often it is made, counted, and what it costs,
// taken from a function of the module that does nothing. What the module does inside is not in it.
import { randomBytes } from 'node:crypto';
import { pooledRandom } from '../../lib/net/index.ts';
import { Ipam } from '../../operator/ipam/ipam.ts';
import { Allocator, loadAllocator } from '../../operator/ipam/module.ts';
import type { Figure } from '../compare.ts';
import { moduleBytes, nameOf, perOperation, rangesOf } from './bed.ts';

const OPERATIONS = 10_000;
const ROUNDS = 15;
const CALLS_GOAL = 2;
const SHARE_GOAL = 5;

const loaded = loadAllocator(moduleBytes);

type Instance = ReturnType<typeof loaded.instance>;

/** An allocator whose calls into the module are counted. */
function counted(): { readonly allocator: Allocator; readonly calls: () => number } {
  let calls = 0;
  const counting = (value: unknown): unknown => {
    if (typeof value !== 'function') return value;
    const inner = value as (...args: number[]) => number;
    return (...args: number[]) => {
      calls++;
      return inner(...args);
    };
  };
  const instance = (): Instance =>
    Object.fromEntries(
      Object.entries(loaded.instance()).map(([name, value]) => [name, counting(value)]),
    ) as unknown as Instance;
  return { allocator: new Allocator({ ...loaded, instance }), calls: () => calls };
}

const ipamOf = (allocator: Allocator): Ipam => {
  const ipam = new Ipam({ allocator, now: () => 0, random: pooledRandom(randomBytes), holdDownMs: 0 });
  ipam.setSubnet('s', rangesOf(['10.0.0.0/16']));
  ipam.allocate('s', 'first');
  return ipam;
};

function pairsOf(ipam: Ipam): void {
  for (let at = 0; at < OPERATIONS; at++) {
    ipam.allocate('s', nameOf(at));
    ipam.release('s', nameOf(at));
  }
}

function callsPerAddress(): number {
  const { allocator, calls } = counted();
  const ipam = ipamOf(allocator);
  const before = calls();
  pairsOf(ipam);
  return (calls() - before) / OPERATIONS;
}

const least = (one: () => number): number => Math.min(...Array.from({ length: ROUNDS }, one));

/** A passage with the three words that most calls take. */
function passage(): number {
  const module = loaded.instance();
  const nobody = 0;
  return perOperation(OPERATIONS * 10, () => {
    // 0 is the handle of no pool: the module looks at nothing else.
    for (let at = 0; at < OPERATIONS * 10; at++) module.release(nobody, at, 0);
  });
}

export function boundaryFigures(): Figure[] {
  const none = { ratio: 0, low: 0, high: 0, goal: null };
  const calls = callsPerAddress();
  const ipam = ipamOf(new Allocator(loaded));
  const pair = least(() => perOperation(OPERATIONS, () => pairsOf(ipam)));
  const each = least(passage);
  const share = (100 * each * calls) / pair;
  return [
    {
      ...none,
      name: 'G9 calls per address, alloc and free',
      case: 'counted',
      unit: '',
      product: calls,
      raw: 0,
      limit: CALLS_GOAL,
      holds: calls <= CALLS_GOAL,
    },
    {
      ...none,
      name: `G9 share of the passages, ${each.toFixed(1)} ns each, in alloc and free`,
      case: `of ${pair.toFixed(0)} ns`,
      unit: '%',
      product: share,
      raw: 0,
      limit: SHARE_GOAL,
      holds: share <= SHARE_GOAL,
    },
  ];
}
