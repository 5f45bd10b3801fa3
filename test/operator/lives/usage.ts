// What the statuses of subnets and IPPools must say, counted from the IP objects that exist.
import {
  cidrRange,
  countAddresses,
  intersectRanges,
  ipRange,
  mergeRanges,
  parseCidrs,
  parseIp,
  parsePoolEntry,
  parseRange,
  rangesText,
  subtractRanges,
} from '../../../lib/net/index.ts';
import type { Family, Range } from '../../../lib/net/index.ts';
import type { Body } from './watched.ts';

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

const ranges = (entries: readonly string[], read: (text: string) => Range | undefined): Range[] =>
  mergeRanges(entries.map(read).filter((range) => range !== undefined));

/** Addresses of a subnet that may be given without being asked for: neither of the prefix's edges, nothing excluded. */
function openOf({ spec }: Body, family: Family): Range[] {
  const cidrs = (parseCidrs(String(spec['cidrBlock'])) ?? []).filter((cidr) => cidr.family === family);
  const usable = cidrs.map(cidrRange).map((whole) => ({ ...whole, first: whole.first + 1n, last: whole.last - 1n }));
  const gateways = String(spec['gateway']).split(',');
  return subtractRanges(usable, ranges([...texts(spec['excludeIps']), ...gateways], parseRange));
}

function addressesIn(subnet: string, ips: Iterable<Body>): Range[] {
  const inside = [...ips].filter(({ spec }) => spec['subnet'] === subnet);
  const found = inside.flatMap(({ spec }) => [spec['v4IpAddress'], spec['v6IpAddress']].map(String));
  return mergeRanges(
    found
      .map(parseIp)
      .filter((ip) => ip !== undefined)
      .map(ipRange),
  );
}

interface Counts {
  readonly using: number;
  readonly available: number;
  readonly usingRange: string;
  readonly availableRange: string;
}

function countsOf(open: readonly Range[], held: readonly Range[]): Counts {
  const using = intersectRanges(open, held);
  const available = subtractRanges(open, using);
  return {
    using: Number(countAddresses(using)),
    available: Number(countAddresses(available)),
    usingRange: rangesText(using),
    availableRange: rangesText(available),
  };
}

const families = [4, 6] as const;

/** Fields of the status of a subnet. */
export function subnetUsage(subnet: Body, ips: Iterable<Body>): Readonly<Record<string, unknown>> {
  const held = addressesIn(subnet.metadata.name, ips);
  const fields = families.flatMap((family) => {
    const ofFamily = held.filter((range) => range.family === family);
    const { using, available, usingRange, availableRange } = countsOf(openOf(subnet, family), ofFamily);
    return [
      [`v${family}usingIPs`, using],
      [`v${family}availableIPs`, available],
      [`v${family}usingIPrange`, usingRange],
      [`v${family}availableIPrange`, availableRange],
    ];
  });
  return Object.fromEntries(fields) as Record<string, unknown>;
}

/** Fields of the status of an IPPool of this subnet. */
export function poolUsage(pool: Body, subnet: Body, ips: Iterable<Body>): Readonly<Record<string, unknown>> {
  const own = ranges(texts(pool.spec['ips']), parsePoolEntry);
  const held = addressesIn(subnet.metadata.name, ips);
  const fields = families.flatMap((family) => {
    const ofFamily = held.filter((range) => range.family === family);
    const counts = countsOf(intersectRanges(openOf(subnet, family), own), ofFamily);
    return [
      [`v${family}UsingIPs`, counts.using],
      [`v${family}AvailableIPs`, counts.available],
      [`v${family}UsingIPRange`, counts.usingRange],
      [`v${family}AvailableIPRange`, counts.availableRange],
    ];
  });
  return Object.fromEntries(fields) as Record<string, unknown>;
}

/** Whether all these addresses are of this pool. */
export function isInPool(pool: Body, addresses: readonly string[]): boolean {
  const own = ranges(texts(pool.spec['ips']), parsePoolEntry);
  const asked = addresses.map(parseIp).filter((ip) => ip !== undefined);
  return asked.length > 0 && subtractRanges(asked.map(ipRange), own).length === 0;
}
