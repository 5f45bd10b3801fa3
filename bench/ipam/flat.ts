// Whether an allocation costs the same however large a range is and however much of it is in use (G8: within 20 %). Each
// case is compared with its neighbour round in an empty /24.
//
//   addresses alone: AddressPool, every size and share
//   with names, MACs and texts: Ipam, as far as so many names fit into memory
import { figure } from '../compare.ts';
import type { Figure, Pair } from '../compare.ts';
import { parseCidr } from '../../lib/net/index.ts';
import { AddressPool } from '../../operator/ipam/pool.ts';
import type { Ipam } from '../../operator/ipam/ipam.ts';
import { collectGarbage } from '../reflector/garbage.ts';
import { allocateAll, nameOf, newAllocator, perOperation, POD_NAMES, withSubnet } from './bed.ts';

const PAIRS = 15;
const OPERATIONS = 10_000;
const FLAT = 1.2;
const CHUNK = 65_536;

const sizes = [24, 16, 8] as const;
const shares = [0, 50, 90, 99] as const;

const usable = (length: number): number => 2 ** (32 - length) - 2;
const inUse = (length: number, share: number): number => Math.floor((usable(length) * share) / 100);

function poolOf(length: number, share: number): AddressPool {
  const cidr = parseCidr(`10.0.0.0/${length}`);
  if (!cidr) throw new Error(`no prefix of length ${length}`);
  const pool = new AddressPool(newAllocator(), cidr, []);
  const count = inUse(length, share);
  for (let from = 1; from <= count; from += CHUNK) {
    const some = Math.min(CHUNK, count - from + 1);
    pool.claimAll(
      Array.from({ length: some }, (_, at) => ({ family: 4 as const, value: cidr.network + BigInt(from + at) })),
    );
  }
  return pool;
}

const onPool = (pool: AddressPool): number =>
  perOperation(OPERATIONS, () => {
    for (let at = 0; at < OPERATIONS; at++) {
      const ip = pool.allocate();
      if (ip) pool.release(ip);
    }
  });

function ipamOf(length: number, share: number): Ipam {
  const ipam = withSubnet([`10.0.0.0/${length}`]);
  allocateAll(ipam, 0, inUse(length, share) - (share === 0 ? 0 : 1));
  return ipam;
}

/** The names that come and go are others in every round, as those of pods are. */
const onIpam = (ipam: Ipam): number =>
  perOperation(OPERATIONS, () => {
    for (let at = POD_NAMES - OPERATIONS; at < POD_NAMES; at++) {
      ipam.allocate('s', nameOf(at));
      ipam.release('s', nameOf(at));
    }
  });

function compared(name: string, product: () => number, raw: () => number): Figure {
  for (const side of [product, raw, product, raw]) side();
  collectGarbage();
  const pairs = Array.from({ length: PAIRS }, (_, at): Pair => {
    if (at % 2 === 0) return { product: [product()], raw: [raw()] };
    const second = [raw()];
    return { product: [product()], raw: second };
  });
  return { ...figure(name, pairs, 50, { percentile: 50, ratio: FLAT }), case: 'ns, beside an empty /24', unit: 'ns' };
}

/** Raw is the empty /24. */
export function flatFigures(): Figure[] {
  const cells = sizes.flatMap((length) => shares.map((share) => ({ length, share })));
  const alone = poolOf(24, 0);
  const named = ipamOf(24, 0);
  const addresses = cells.map(({ length, share }) => {
    const pool = poolOf(length, share);
    return compared(
      `addresses: alloc and free in a /${length}, ${share} % in use`,
      () => onPool(pool),
      () => onPool(alone),
    );
  });
  const withNames = cells
    .filter(({ length, share }) => inUse(length, share) < POD_NAMES - OPERATIONS)
    .map(({ length, share }) => {
      const ipam = ipamOf(length, share);
      return compared(
        `names too: alloc and free in a /${length}, ${share} % in use`,
        () => onIpam(ipam),
        () => onIpam(named),
      );
    });
  return [...addresses, ...withNames];
}
