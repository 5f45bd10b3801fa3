// Sets of addresses as sorted, disjoint, non-adjacent inclusive ranges: excludeIps, pools, the texts of a status.
// Cost is in the number of ranges, never in the number of addresses. Total functions.
import { addressBits, formatIp, parseIp } from './ip.ts';
import type { Family, Ip } from './ip.ts';
import { firstUsable, lastUsable, parseCidr, span } from './cidr.ts';
import type { Cidr } from './cidr.ts';

/** `first` <= `last`, both included. */
export interface Range {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/** An entry of excludeIps: `a`, or `a..b` of one family with a <= b. Undefined otherwise. */
export function parseRange(text: string): Range | undefined {
  const dots = text.indexOf('..');
  const first = parseIp((dots < 0 ? text : text.slice(0, dots)).trim());
  // A second ".." is in what is to be the last address, which is none then.
  const last = dots < 0 ? first : parseIp(text.slice(dots + 2).trim());
  if (!first || !last || first.family !== last.family || first.value > last.value) return undefined;
  return { family: first.family, first: first.value, last: last.value };
}

/** An entry of IPPool.spec.ips: `a`, `a..b` or a CIDR, which means all of its addresses. */
export function parsePoolEntry(text: string): Range | undefined {
  const cidr = parseCidr(text.trim());
  return cidr ? cidrRange(cidr) : parseRange(text);
}

/** `a` or `a..b`, as excludeIps has it. */
export const formatRange = (range: Range): string => joined(range, '..');

export const ipRange = (ip: Ip): Range => ({ family: ip.family, first: ip.value, last: ip.value });

/** All addresses of a prefix. */
export const cidrRange = (cidr: Cidr): Range => ({
  family: cidr.family,
  first: cidr.network,
  last: cidr.network + span(cidr) - 1n,
});

/** The addresses of a prefix that may be given out. */
export const usableRange = (cidr: Cidr): Range => ({
  family: cidr.family,
  first: firstUsable(cidr).value,
  last: lastUsable(cidr).value,
});

/** The fewest prefixes that hold exactly the addresses of a range, in order. */
export function rangeCidrs({ family, first, last }: Range): Cidr[] {
  const out: Cidr[] = [];
  const bits = BigInt(addressBits(family));
  for (let network = first; network <= last;) {
    let host = 0n;
    // The next larger prefix begins here too, and ends within the range.
    while (host < bits && (network >> host) % 2n === 0n && network + (2n << host) - 1n <= last) host++;
    out.push({ family, network, length: Number(bits - host) });
    network += 1n << host;
  }
  return out;
}

/** Orders and merges what overlaps or touches; IPv4 first. O(n log n). */
export function mergeRanges(ranges: Iterable<Range>): Range[] {
  const sorted = [...ranges].sort(byFirst);
  const out: Range[] = [];
  for (const range of sorted) {
    const previous = out.at(-1);
    if (previous && previous.family === range.family && range.first <= previous.last + 1n) {
      if (range.last > previous.last) out[out.length - 1] = { ...previous, last: range.last };
    } else out.push(range);
  }
  return out;
}

/** What is in `ranges` and in none of `minus`, merged. */
export function subtractRanges(ranges: Iterable<Range>, minus: Iterable<Range>): Range[] {
  const cuts = mergeRanges(minus);
  return mergeRanges(ranges).flatMap((range) => withoutCuts(range, cuts));
}

/** What is in both, merged. */
export function intersectRanges(a: Iterable<Range>, b: Iterable<Range>): Range[] {
  const keep = mergeRanges(a);
  return subtractRanges(keep, subtractRanges(keep, b));
}

function withoutCuts(range: Range, cuts: readonly Range[]): Range[] {
  const out: Range[] = [];
  let first = range.first;
  for (let at = firstEndingAtOrAfter(cuts, range.family, first); at < cuts.length; at++) {
    const cut = cuts[at];
    if (!cut || cut.family !== range.family || cut.first > range.last) break;
    if (cut.first > first) out.push({ ...range, first, last: cut.first - 1n });
    first = cut.last + 1n;
  }
  if (first <= range.last) out.push({ ...range, first });
  return out;
}

/** Whether merged ranges hold the address; O(log n). */
export function rangesContain(merged: readonly Range[], ip: Ip): boolean {
  const range = merged[firstEndingAtOrAfter(merged, ip.family, ip.value)];
  return range !== undefined && range.family === ip.family && range.first <= ip.value;
}

/** Number of addresses of merged ranges. */
export const countAddresses = (merged: readonly Range[]): bigint =>
  merged.reduce((sum, range) => sum + range.last - range.first + 1n, 0n);

/** The part of ranges inside a prefix, merged. */
export const rangesWithin = (ranges: Iterable<Range>, cidr: Cidr): Range[] =>
  intersectRanges(ranges, [cidrRange(cidr)]);

/** Kube-OVN's status text: `10.16.0.2-10.16.0.9,10.16.0.11`. */
export const rangesText = (merged: readonly Range[]): string => merged.map((range) => joined(range, '-')).join(',');

function joined(range: Range, sign: string): string {
  const { family, first, last } = range;
  const from = formatIp({ family, value: first });
  return first === last ? from : `${from}${sign}${formatIp({ family, value: last })}`;
}

function byFirst(a: Range, b: Range): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.first < b.first ? -1 : Number(a.first > b.first);
}

/** Index of the first merged range that ends at or after the address; the length when there is none. */
function firstEndingAtOrAfter(merged: readonly Range[], family: Family, value: bigint): number {
  let low = 0;
  let high = merged.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const range = merged[middle];
    if (range && (range.family < family || (range.family === family && range.last < value))) low = middle + 1;
    else high = middle;
  }
  return low;
}
