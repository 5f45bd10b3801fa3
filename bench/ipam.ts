// Kube-OVN's serial IPAM cases (test/unittest/ipam_bench at 9987f5517) and four of our own on our allocator, and how much
// of an allocation is the call into the module. Numbers are nanoseconds per operation.
import { readFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { formatIp, pooledRandom } from '../lib/net/index.ts';
import { Ipam } from '../operator/ipam/ipam.ts';
import { Allocator, loadAllocator } from '../operator/ipam/module.ts';
import { ensureBuilt, wasmPath } from '../policies/build.ts';
import type { Figure } from './compare.ts';
import { figure } from './compare.ts';

export interface Case {
  readonly name: string;
  /** Runs once, from a fresh allocator, and returns nanoseconds per operation. */
  readonly run: () => number;
  /** What the goals of performance.md allow, ns per operation; absent where there is none. */
  readonly goal?: number;
}

const count = 10_000;
const v4 = '10.0.0.0/8';
const v6 = 'fd00::/104';

await ensureBuilt('ipam');
const bytes = readFileSync(wasmPath('ipam'));
const newAllocator = (): Allocator => new Allocator(loadAllocator(bytes));
const newIpam = (): Ipam =>
  new Ipam({ allocator: newAllocator(), now: () => 0, random: pooledRandom(randomBytes), holdDownMs: 0 });

const names = Array.from({ length: 100_000 }, (_, at) => `pod${at}.ns`);

/** Nanoseconds per operation by the clock: processor times are counted in steps that are too long for this. */
function perOperation(operations: number, fn: () => void): number {
  const start = process.hrtime.bigint();
  fn();
  return Number(process.hrtime.bigint() - start) / operations;
}

function withSubnet(...cidrs: string[]): Ipam {
  const ipam = newIpam();
  ipam.setSubnet('s', { cidrs, exclude: [], gateways: [] });
  return ipam;
}

const allocateAll = (ipam: Ipam, from: number, to: number): void => {
  for (let at = from; at < to; at++) ipam.allocate('s', names[at] ?? '');
};
const releaseAll = (ipam: Ipam, from: number, to: number): void => {
  for (let at = from; at < to; at++) ipam.release('s', names[at] ?? '');
};

const allocate = (...cidrs: string[]): number => {
  const ipam = withSubnet(...cidrs);
  return perOperation(count, () => allocateAll(ipam, 0, count));
};

const release = (...cidrs: string[]): number => {
  const ipam = withSubnet(...cidrs);
  allocateAll(ipam, 0, count);
  return perOperation(count, () => releaseAll(ipam, 0, count));
};

const addSubnets = (cidr: (at: number) => string): number => {
  const ipam = newIpam();
  return perOperation(count, () => {
    for (let at = 0; at < count; at++) ipam.setSubnet(`s${at}`, { cidrs: [cidr(at)], exclude: [], gateways: [] });
  });
};

/** Distinct addresses of a family in an order without pattern. */
function scattered(family: 4 | 6, amount: number): string[] {
  const base = family === 4 ? 10n << 24n : 0xfd00n << 112n;
  const seen = new Set<number>();
  for (let at = 1; seen.size < amount; at++) seen.add(1 + ((at * 2_654_435_761) % 16_777_213));
  return [...seen].map((offset) => formatIp({ family, value: base + BigInt(offset) }));
}

const claim = (family: 4 | 6, cidr: string): number => {
  const ipam = withSubnet(cidr);
  const addresses = scattered(family, count);
  return perOperation(count, () => {
    for (let at = 0; at < count; at++) ipam.claim('s', names[at] ?? '', [addresses[at] ?? '']);
  });
};

function fragmented(): number {
  const ipam = withSubnet('10.0.0.0/16');
  allocateAll(ipam, 0, 60_000);
  for (let at = 0; at < 60_000; at += 2) ipam.release('s', names[at] ?? '');
  return perOperation(2 * count, () => {
    for (let at = 0; at < count; at++) {
      const name = names[60_000 + at] ?? '';
      ipam.allocate('s', name);
      ipam.release('s', name);
    }
  });
}

function exhaustion(): number {
  const ipam = withSubnet('10.0.0.0/16');
  return perOperation(65_534, () => allocateAll(ipam, 0, 65_534));
}

function restore(): number {
  const ipam = withSubnet(v4);
  const addresses = scattered(4, names.length);
  return perOperation(names.length, () => {
    for (const [at, name] of names.entries()) ipam.hold('s', name, [addresses[at] ?? ''], '02:00:00:00:00:01');
  });
}

function churn(): number {
  const ipam = withSubnet('10.0.0.0/18');
  const used = Math.floor(16_382 * 0.95);
  allocateAll(ipam, 0, used);
  return perOperation(2 * count, () => {
    for (let at = 0; at < count; at++) {
      const name = names[(at * 7919) % used] ?? '';
      ipam.release('s', name);
      ipam.allocate('s', name);
    }
  });
}

/** The module alone: what crossing into it costs of an allocation. */
function boundary(): number {
  const allocator = newAllocator();
  const pool = allocator.create(0xffffffn);
  return perOperation(count * 10, () => {
    for (let at = 0; at < count * 10; at++) allocator.allocate(pool);
  });
}

const dotted = (at: number): string => `10.${at >> 8}.${at & 255}.0/24`;
const short = (at: number): string => `fd00::${at.toString(16)}00/120`;

export const cases: readonly Case[] = [
  { name: 'SerialIPv4 AddSubnet', run: () => addSubnets(dotted) },
  { name: 'SerialIPv6 AddSubnet', run: () => addSubnets(short) },
  { name: 'SerialIPv4 AllocAddr', run: () => allocate(v4), goal: 1_200 },
  { name: 'SerialIPv4 FreeAddr', run: () => release(v4), goal: 1_200 },
  { name: 'SerialIPv6 AllocAddr', run: () => allocate(v6), goal: 1_200 },
  { name: 'SerialIPv6 FreeAddr', run: () => release(v6), goal: 1_200 },
  { name: 'SerialDual AllocAddr', run: () => allocate(v4, v6) },
  { name: 'SerialDual FreeAddr', run: () => release(v4, v6) },
  { name: 'RandomIPv4 AllocAddr', run: () => claim(4, v4), goal: 2_000 },
  { name: 'RandomIPv6 AllocAddr', run: () => claim(6, v6), goal: 2_000 },
  { name: 'IPv4 /16, allocation', run: () => allocate('10.0.0.0/16') },
  { name: 'IPv6 /64, allocation', run: () => allocate('fd00::/64') },
  { name: 'alloc and free in a /16 with 30,000 scattered in use', run: fragmented, goal: 2_000 },
  { name: 'a /16 to exhaustion', run: exhaustion },
  { name: 'restore of 100,000 addresses in any order', run: restore, goal: 3_000 },
  { name: 'churn at 95 % of a /18', run: churn },
  { name: 'call into the module alone', run: boundary },
];

/** What a case is compared with: as many calls into the module, and nothing around them. */
function claims(): number {
  const allocator = newAllocator();
  const pool = allocator.create(0xffffffn);
  const offsets = scattered(4, count).map((_, at) => BigInt(1 + ((at * 2_654_435_761) % 16_777_213)));
  return perOperation(count, () => {
    for (const offset of offsets) allocator.claim(pool, offset);
  });
}

const PAIRS = 15;
/** The first runs are the compiler's. */
const WARM = 2;

function compared({ name, run, goal }: Case): Figure {
  const raw = name.startsWith('Random') ? claims : boundary;
  for (let at = 0; at < WARM; at++) {
    run();
    raw();
  }
  const pairs = Array.from({ length: PAIRS }, (_, at) => {
    const [first, second] = at % 2 === 0 ? [run(), raw()] : [raw(), run()];
    return at % 2 === 0 ? { product: [first], raw: [second] } : { product: [second], raw: [first] };
  });
  const { product, ...rest } = figure(name, pairs, 50);
  const least = Math.min(...pairs.flatMap((pair) => pair.product));
  return {
    ...rest,
    product,
    case: 'ns/op',
    unit: 'ns',
    ...(goal === undefined ? {} : { limit: goal, holds: least <= goal }),
  };
}

/** All cases; goals are nanoseconds, as the peer's figures are that they come from. */
export function ipamFigures(): Figure[] {
  return cases.map(compared);
}
