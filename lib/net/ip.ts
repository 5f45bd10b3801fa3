// IP addresses as numbers with a family: everything that counts, compares or adds addresses does it on bigint, and text
// exists only at the edges. Total functions: what cannot be parsed is undefined, never an exception. Knows no domain.

import { format4, parse4 } from './ipv4.ts';
import { format6, parse6 } from './ipv6.ts';

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
  if (text.includes(':')) {
    const value = parse6(text);
    return value === undefined ? undefined : { family: 6, value };
  }
  const bits = parse4(text);
  return bits === undefined ? undefined : { family: 4, value: BigInt(bits) };
}

/** Canonical text: dotted decimal, or RFC 5952. */
export function formatIp(ip: Ip): string {
  return ip.family === 4 ? format4(Number(ip.value)) : format6(ip.value);
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
