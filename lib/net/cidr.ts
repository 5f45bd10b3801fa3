// Prefixes. A Cidr is always normalised (host bits cleared), so that equal prefixes are equal values; an address with
// its prefix length, as an interface carries it, is a Prefix. Total functions, both families alike.
import { addressBits, formatIp, parseIp } from './ip.ts';
import type { Family, Ip } from './ip.ts';

export interface Cidr {
  readonly family: Family;
  /** The lowest address; host bits are zero. */
  readonly network: bigint;
  /** 0 to 32 or 128. */
  readonly length: number;
}

/** An address and the length of its prefix, `10.16.0.5/16`. */
export interface Prefix {
  readonly ip: Ip;
  readonly length: number;
}

/** `address/length` of either family, host bits kept. Undefined when malformed. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.lastIndexOf('/');
  if (slash < 0) return undefined;
  const ip = parseIp(text.slice(0, slash));
  const length = lengths.get(text.slice(slash + 1));
  return ip && length !== undefined && length <= addressBits(ip.family) ? { ip, length } : undefined;
}

/** By their only spelling. */
const lengths: ReadonlyMap<string, number> = new Map(Array.from({ length: 129 }, (_, length) => [`${length}`, length]));

export const formatPrefix = (prefix: Prefix): string => `${formatIp(prefix.ip)}/${prefix.length}`;

/** The prefix that an address with a length lies in: host bits cleared. */
export function cidrOf(prefix: Prefix): Cidr {
  const { family, value } = prefix.ip;
  const host = value % (spans[addressBits(family) - prefix.length] ?? 1n);
  return { family, network: host === 0n ? value : value - host, length: prefix.length };
}

/** `network/length`, host bits cleared. Undefined when malformed; a bare address is not a CIDR. */
export function parseCidr(text: string): Cidr | undefined {
  const prefix = parsePrefix(text);
  return prefix && cidrOf(prefix);
}

export const formatCidr = (cidr: Cidr): string => `${formatIp(networkAddress(cidr))}/${cidr.length}`;

/** The canonical text of a CIDR, undefined when it is none. */
export function canonicalCidr(text: string): string | undefined {
  const cidr = parseCidr(text);
  return cidr && formatCidr(cidr);
}

/** Every CIDR of a comma list such as Kube-OVN's `v4,v6`, IPv4 first; undefined when one is malformed. */
export function parseCidrs(text: string): Cidr[] | undefined {
  const out: Cidr[] = [];
  for (const part of text.split(',')) {
    const cidr = parseCidr(part.trim());
    if (!cidr) return undefined;
    out.push(cidr);
  }
  return out.sort((a, b) => a.family - b.family);
}

/** How many addresses the prefix spans, network and broadcast included. */
export const span = (cidr: Cidr): bigint => spans[addressBits(cidr.family) - cidr.length] ?? 0n;

/** Powers of two, by how many bits of an address are the host's. */
const spans = Array.from({ length: 129 }, (_, bits) => 1n << BigInt(bits));

export const networkAddress = (cidr: Cidr): Ip => ({ family: cidr.family, value: cidr.network });

/** The highest address: IPv4's broadcast; IPv6 has none, but Kube-OVN keeps the address out of use all the same. */
export const broadcastAddress = (cidr: Cidr): Ip => ({
  family: cidr.family,
  value: cidr.network + span(cidr) - 1n,
});

/** RFC 3021 (/31), RFC 6164 (/127) and single hosts: network and highest address are usable too. */
const wholeUsable = (cidr: Cidr): boolean => cidr.length >= addressBits(cidr.family) - 1;

/** The lowest address that may be given out: Kube-OVN's default gateway. */
export const firstUsable = (cidr: Cidr): Ip => ({
  family: cidr.family,
  value: cidr.network + (wholeUsable(cidr) ? 0n : 1n),
});

/** The highest address that may be given out. */
export const lastUsable = (cidr: Cidr): Ip => ({
  family: cidr.family,
  value: cidr.network + span(cidr) - (wholeUsable(cidr) ? 1n : 2n),
});

/** Addresses from first to last usable, 2^hostbits - 2 but for the shortest prefixes: exact, hence bigint. */
export const addressCount = (cidr: Cidr): bigint => lastUsable(cidr).value - firstUsable(cidr).value + 1n;

export const containsIp = (cidr: Cidr, ip: Ip): boolean =>
  ip.family === cidr.family && ip.value >= cidr.network && ip.value < cidr.network + span(cidr);

/** Whether every address of `inner` lies in `outer`. */
export const containsCidr = (outer: Cidr, inner: Cidr): boolean =>
  outer.length <= inner.length && containsIp(outer, networkAddress(inner));

/** Two prefixes are disjoint or one contains the other. */
export const overlaps = (a: Cidr, b: Cidr): boolean => containsCidr(a, b) || containsCidr(b, a);
