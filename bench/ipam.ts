// The allocator on Kube-OVN's own cases and on ours, in nanoseconds per operation with names, MACs and texts; whether it
// stays as fast in large and in full ranges; what the passage into the module takes of it.
import type { Figure } from './compare.ts';
import { figure } from './compare.ts';
import { newAllocator, perOperation, shuffled } from './ipam/bed.ts';
import type { Case } from './ipam/bed.ts';
import { boundaryFigures } from './ipam/boundary.ts';
import { flatFigures } from './ipam/flat.ts';
import { kubeOvnCases, timeline } from './ipam/kube-ovn.ts';
import { ourCases } from './ipam/ours.ts';
import { collectYoung } from './reflector/garbage.ts';

const CALLS = 10_000;
const PAIRS = 15;
/** The first runs are the compiler's. */
const WARM = 2;

const offsets = shuffled(CALLS).map((at) => BigInt(1 + at * 1_677));

/** As many calls into the module, and nothing around them. */
const raws: Readonly<Record<Case['raw'], () => number>> = {
  allocate: () => {
    const allocator = newAllocator();
    const pool = allocator.create(0xffffffn);
    return perOperation(CALLS, () => {
      for (let at = 0; at < CALLS; at++) allocator.allocate(pool);
    });
  },
  claim: () => {
    const allocator = newAllocator();
    const pool = allocator.create(0xffffffn);
    return perOperation(CALLS, () => {
      for (const offset of offsets) allocator.claim(pool, offset);
    });
  },
  create: () => {
    const allocator = newAllocator();
    return perOperation(CALLS, () => {
      for (let at = 0; at < CALLS; at++) allocator.create(255n);
    });
  },
};

function compared({ name, run, raw: rawName, goal, peer }: Case): Figure {
  const raw = raws[rawName];
  for (let at = 0; at < WARM; at++) {
    run();
    raw();
  }
  const pairs = Array.from({ length: PAIRS }, (_, at) => {
    collectYoung();
    if (at % 2 === 0) return { product: [run()], raw: [raw()] };
    const first = raw();
    return { product: [run()], raw: [first] };
  });
  const least = Math.min(...pairs.flatMap(({ product }) => product));
  return {
    ...figure(name, pairs, 50),
    case: 'ns/op',
    unit: 'ns',
    least,
    ...(goal !== undefined && { limit: goal, holds: least <= goal }),
    ...(peer !== undefined && { peer }),
  };
}

const inWords = (steps: readonly number[]): string => steps.map((ns) => `${Math.round(ns)}`).join(' ');

function peersCases(note: (text: string) => void): Figure[] {
  const { allocate, free } = timeline();
  note(`PerformanceRandomIPv4AllocAddr, ns per operation of each 10,000 pods: given ${inWords(allocate)}`);
  note(`PerformanceRandomIPv4AllocAddr, the same: freed ${inWords(free)}`);
  return kubeOvnCases.map(compared);
}

const suites: Readonly<Record<string, (note: (text: string) => void) => Figure[]>> = {
  'kube-ovn': peersCases,
  ours: () => ourCases.map(compared),
  flat: flatFigures,
  boundary: boundaryFigures,
};
export const ipamCases: readonly string[] = Object.keys(suites);

/** Goals are nanoseconds, as the peer's figures are that they come from. */
export const ipamFigures = (note: (text: string) => void, named: readonly string[] = []): Figure[] =>
  Object.entries(suites).flatMap(([name, suite]) => (named.length === 0 || named.includes(name) ? suite(note) : []));
