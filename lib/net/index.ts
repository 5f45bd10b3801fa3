// The public face of lib/net: addresses, prefixes, ranges and MACs as values, without I/O and without a domain.
export { addressBits, canonicalIp, compareIp, familyOf, formatIp, highest, ipOf, parseIp, plus } from './ip.ts';
export type { Family, Ip } from './ip.ts';
export {
  addressCount,
  broadcastAddress,
  canonicalCidr,
  cidrOf,
  containsCidr,
  containsIp,
  firstUsable,
  formatCidr,
  formatPrefix,
  lastUsable,
  networkAddress,
  overlaps,
  parseCidr,
  parseCidrs,
  parsePrefix,
  span,
} from './cidr.ts';
export type { Cidr, Prefix } from './cidr.ts';
export {
  cidrRange,
  countAddresses,
  formatRange,
  intersectRanges,
  ipRange,
  mergeRanges,
  parsePoolEntry,
  parseRange,
  rangeCidrs,
  rangesContain,
  rangesText,
  rangesWithin,
  subtractRanges,
  usableRange,
} from './range.ts';
export type { Range } from './range.ts';
export { canonicalMac, derivedMac, formatMac, isUnicastMac, parseMac, pooledRandom, randomMac } from './mac.ts';
export type { RandomBytes } from './mac.ts';
