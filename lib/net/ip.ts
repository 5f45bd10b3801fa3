// IP addresses as numbers with a family: everything that counts, compares or adds addresses does it on bigint, and text
// exists only at the edges. Total functions: what cannot be parsed is undefined, never an exception. Knows no domain.

export type Family = 4 | 6;

/** An address. `value` is below 2^32 (family 4) or 2^128 (family 6). */
export interface Ip {
  readonly family: Family;
  readonly value: bigint;
}

/** Bits of an address of this family. */
export const addressBits = (family: Family): number => (family === 4 ? 32 : 128);

/** The highest address of this family. */
export const highest = (family: Family): bigint => (1n << BigInt(addressBits(family))) - 1n;

/** The address with this number, undefined outside the family. */
export function ipOf(family: Family, value: bigint): Ip | undefined {
  return value >= 0n && value <= highest(family) ? { family, value } : undefined;
}

/**
 * The address of a text, undefined when it is none. Takes what `inet_pton` takes: IPv4 with four decimal octets, IPv6
 * as of RFC 4291 2.2 (upper case and any legal compression too). Zone identifiers (RFC 4007 11) are not addresses.
 */
export function parseIp(text: string): Ip | undefined {
  const family: Family = text.includes(':') ? 6 : 4;
  const value = family === 6 ? parse6(text) : parse4(text);
  return value === undefined ? undefined : { family, value };
}

/** Canonical text: dotted decimal, or RFC 5952. */
export function formatIp(ip: Ip): string {
  return ip.family === 4 ? format4(ip.value) : format6(ip.value);
}

/** The family of an address text, undefined when it is no address. */
export const familyOf = (text: string): Family | undefined => parseIp(text)?.family;

/** The canonical form of an address text; two texts of one address give the same. Undefined when it is no address. */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text);
  return ip && formatIp(ip);
}

/** Order: IPv4 before IPv6, then by number. */
export function compareIp(a: Ip, b: Ip): number {
  if (a.family !== b.family) return a.family - b.family;
  return a.value < b.value ? -1 : Number(a.value > b.value);
}

/** The address `count` further on (back when negative), undefined when it leaves the family. */
export const plus = (ip: Ip, count: bigint): Ip | undefined => ipOf(ip.family, ip.value + count);

// RFC 6943 3.1.1: a leading zero is octal to some parsers, so it is refused.
const octet = /^(?:0|[1-9]\d{0,2})$/;

function parse4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    const number = octet.test(part) ? Number(part) : 256;
    if (number > 255) return undefined;
    value = value * 256 + number;
  }
  return BigInt(value);
}

function parse6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] ?? '', halves.length === 1);
  const tail = groups(halves[1] ?? '', true);
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  // RFC 4291 2.2 (2): "::" stands for one group of zeros or more; without it all eight must be there.
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const parts = [0, 0, 0, 0, 0, 0, 0, 0];
  for (const [at, group] of head.entries()) parts[at] = group;
  for (const [at, group] of tail.entries()) parts[8 - tail.length + at] = group;
  return fromGroups(parts);
}

/** Two groups at a time: arithmetic on bigint is what takes the time here. */
function fromGroups(parts: readonly number[]): bigint {
  let value = 0n;
  for (let at = 0; at < 8; at += 2) {
    value = (value << 32n) | BigInt((parts[at] ?? 0) * 0x10000 + (parts[at + 1] ?? 0));
  }
  return value;
}

function toGroups(value: bigint): number[] {
  const parts: number[] = [];
  for (let shift = 96n; shift >= 0n; shift -= 32n) {
    const word = Number(BigInt.asUintN(32, value >> shift));
    parts.push(word >>> 16, word & 0xffff);
  }
  return parts;
}

/** The 16-bit groups of one side of "::"; `last` when this side ends the text and may end in dotted decimal. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const out: number[] = [];
  for (const [at, part] of parts.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      out.push(Number.parseInt(part, 16));
      continue;
    }
    // RFC 4291 2.2 (3): x:x:x:x:x:x:d.d.d.d, only as the last 32 bits.
    const mixed = last && at === parts.length - 1 ? parse4(part) : undefined;
    if (mixed === undefined) return undefined;
    out.push(Number(mixed >> 16n), Number(mixed & 0xffffn));
  }
  return out;
}

function format4(value: bigint): string {
  const bits = Number(value);
  return `${bits >>> 24}.${(bits >>> 16) & 255}.${(bits >>> 8) & 255}.${bits & 255}`;
}

function format6(value: bigint): string {
  // RFC 5952 5: the IPv4-mapped prefix is well known, so its last 32 bits are written as IPv4.
  if (value >> 32n === 0xffffn) return `::ffff:${format4(value & 0xffffffffn)}`;
  const parts = toGroups(value);
  const [start, length] = longestZeros(parts);
  const hex = parts.map((part) => part.toString(16));
  // RFC 5952 4.2.2: "::" must not stand for a single group.
  if (length < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`;
}

/** Start and length of the longest run of zero groups; the first of equals (RFC 5952 4.2.3). */
function longestZeros(parts: readonly number[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  let run = 0;
  for (const [at, part] of parts.entries()) {
    run = part === 0 ? run + 1 : 0;
    if (run > best[1]) best = [at - run + 1, run];
  }
  return best;
}
