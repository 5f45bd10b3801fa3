// Cases that Kube-OVN's benchmark lacks and its users meet: a fragmented range, one that is used up, a start with many
// addresses, a nearly full range. An operation is the pair of alloc and free where a case has both.
import {
  allocateAll,
  familiesOf,
  macOf,
  nameOf,
  newIpam,
  perOperation,
  rangesOf,
  shuffled,
  stacks,
  textsOf,
  withSubnet,
} from './bed.ts';
import type { Case, Stack } from './bed.ts';
import type { Ipam } from '../../operator/ipam/ipam.ts';

const PAIRS = 10_000;
const IN_USE = 30_000;
const RESTORED = 100_000;
/** The operator's (operator/address-edge.ts). */
const HOLD_DOWN_MS = 5_000;

const cidrs = (stack: Stack, four: number, six: number): string[] =>
  familiesOf(stack).map((family) => (family === 4 ? `10.0.0.0/${four}` : `fd00::/${six}`));

/** Offsets of both families for so many pods in an order without pattern; IPv6's are spread over a /64. */
function scattered(count: number, of: number): Readonly<Record<4 | 6, readonly bigint[]>> {
  const places = shuffled(of)
    .map((at) => at + 2)
    .slice(0, count);
  return { 4: places.map(BigInt), 6: places.map((at) => BigInt.asUintN(64, BigInt(at) * 0x9e3779b97f4a7c15n)) };
}

function fragmented(stack: Stack): () => number {
  const addresses = textsOf(stack, scattered(IN_USE, 65_532));
  return () => {
    const ipam = withSubnet(cidrs(stack, 16, 64));
    for (const [at, texts] of addresses.entries()) ipam.claim('s', nameOf(at), texts);
    return perOperation(PAIRS, () => pairsOf(ipam, IN_USE));
  };
}

function pairsOf(ipam: Ipam, from: number): void {
  for (let at = from; at < from + PAIRS; at++) {
    ipam.allocate('s', nameOf(at));
    ipam.release('s', nameOf(at));
  }
}

function exhaustion(stack: Stack): () => number {
  return () => {
    const ipam = withSubnet(cidrs(stack, 16, 112));
    return perOperation(65_533, () => allocateAll(ipam, 0, 65_533));
  };
}

interface Restore {
  readonly order: 'ascending' | 'shuffled';
  /** IP objects come before their subnet as well as after it. */
  readonly subnet: 'first' | 'last';
}

function restore(stack: Stack, { order, subnet }: Restore): () => number {
  const places = order === 'ascending' ? Array.from({ length: RESTORED }, (_, at) => at) : shuffled(RESTORED);
  const offsets = places.map((at) => BigInt(at + 2));
  const addresses = textsOf(stack, { 4: offsets, 6: offsets });
  const ranges = rangesOf(cidrs(stack, 15, 64));
  return () => {
    const ipam = newIpam();
    return perOperation(RESTORED, () => {
      if (subnet === 'first') ipam.setSubnet('s', ranges);
      for (const [at, texts] of addresses.entries()) ipam.hold('s', nameOf(at), texts, macOf(at));
      if (subnet === 'last') ipam.setSubnet('s', ranges);
    });
  };
}

/** One pod goes and another comes, a hundred times a second, 95 % being in use. */
function churn(stack: Stack, holdDownMs: number): () => number {
  const used = Math.floor(16_381 * 0.95);
  const leaving = shuffled(used).slice(0, PAIRS);
  return () => {
    const clock = { ms: 0 };
    const ipam = withSubnet(cidrs(stack, 18, 114), { now: () => clock.ms, holdDownMs });
    allocateAll(ipam, 0, used);
    return perOperation(PAIRS, () => {
      for (const [at, pod] of leaving.entries()) {
        clock.ms += 10;
        ipam.release('s', nameOf(pod));
        ipam.allocate('s', nameOf(used + at));
      }
    });
  };
}

const FRAGMENTED = 2_000;
const RESTORE = 3_000;

/** Of Kube-OVN 1533681d7, taken on a machine like this one (facts/performance.md 3.1); IPv4 only. */
const peers = { fragmented: 2_578_164, exhaustion: 10_300, ascending: 15_100, shuffled: 327_000, churn: 93_752 };

const peerOf = (stack: Stack, peer: number): { peer?: number } => (stack === 'IPv4' ? { peer } : {});

const v6Length: Readonly<Record<Stack, (four: string, six: string) => string>> = {
  IPv4: (four) => four,
  IPv6: (_, six) => six,
  Dual: (four, six) => `${four} and ${six}`,
};

const of = (stack: Stack): Case[] => [
  {
    name: `${stack}: alloc and free, 30,000 scattered in use in a ${v6Length[stack]('/16', '/64')}`,
    run: fragmented(stack),
    raw: 'allocate',
    goal: FRAGMENTED,
    ...peerOf(stack, peers.fragmented),
  },
  {
    name: `${stack}: a ${v6Length[stack]('/16', '/112')} to exhaustion`,
    run: exhaustion(stack),
    raw: 'allocate',
    ...peerOf(stack, peers.exhaustion),
  },
  ...(['ascending', 'shuffled'] as const).map((order) => ({
    name: `${stack}: restore of 100,000, ${order}`,
    run: restore(stack, { order, subnet: 'first' }),
    raw: 'claim' as const,
    goal: RESTORE,
    ...peerOf(stack, peers[order]),
  })),
  {
    name: `${stack}: restore of 100,000, shuffled, before their subnet`,
    run: restore(stack, { order: 'shuffled', subnet: 'last' }),
    raw: 'claim',
    goal: RESTORE,
  },
  {
    name: `${stack}: churn at 95 % of a ${v6Length[stack]('/18', '/114')}`,
    run: churn(stack, 0),
    raw: 'allocate',
    ...peerOf(stack, peers.churn),
  },
  {
    name: `${stack}: the same with a hold-down of 5 s`,
    run: churn(stack, HOLD_DOWN_MS),
    raw: 'allocate',
  },
];

export const ourCases: readonly Case[] = stacks.flatMap(of);
