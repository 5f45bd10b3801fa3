// Addresses and prefixes of both families.

/** A prefix as the first of its addresses, in two halves; of an IPv4 one the last 32 bits are in use. */
export class Cidr {
  constructor(
    readonly isV6: bool,
    readonly high: u64,
    readonly low: u64,
    readonly length: i32,
  ) {}

  /** `10.0.0.0/8`, `fd00::/8`, or an address alone; null for anything else. */
  static parse(text: string): Cidr | null {
    const slash = text.indexOf('/');
    const address = slash < 0 ? text : text.substring(0, slash);
    const isV6 = address.indexOf(':') >= 0;
    const bits = isV6 ? 128 : 32;
    const length = slash < 0 ? bits : decimal(text.substring(slash + 1), bits);
    if (length < 0) return null;
    return isV6 ? parseV6(address, length) : parseV4(address, length);
  }

  contains(other: Cidr): bool {
    if (this.isV6 != other.isV6 || other.length < this.length) return false;
    const unused = this.isV6 ? 0 : 96;
    return masked(this, this.length + unused) == masked(other, this.length + unused);
  }

  overlaps(other: Cidr): bool {
    return this.contains(other) || other.contains(this);
  }
}

/** The first `bits` of 128, as a text to compare. */
function masked(cidr: Cidr, bits: i32): string {
  const high = bits >= 64 ? cidr.high : bits == 0 ? 0 : (cidr.high >> (64 - bits)) << (64 - bits);
  const rest = bits - 64;
  const low = rest >= 64 ? cidr.low : rest <= 0 ? 0 : (cidr.low >> (64 - rest)) << (64 - rest);
  return `${high} ${low}`;
}

/** A decimal number of at most three digits up to `most`; -1 for anything else. */
function decimal(text: string, most: i32): i32 {
  if (text.length == 0 || text.length > 3) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value <= most ? value : -1;
}

function parseV4(text: string, length: i32): Cidr | null {
  const value = v4(text);
  return value < 0 ? null : new Cidr(false, 0, <u64>value, length);
}

function v4(text: string): i64 {
  const parts = text.split('.');
  if (parts.length != 4) return -1;
  let value: i64 = 0;
  for (let at = 0; at < 4; at++) {
    const part = decimal(parts[at], 255);
    if (part < 0) return -1;
    value = (value << 8) | <i64>part;
  }
  return value;
}

function parseV6(text: string, length: i32): Cidr | null {
  const gap = text.indexOf('::');
  if (gap >= 0 && text.indexOf('::', gap + 1) >= 0) return null;
  const head = groups(gap < 0 ? text : text.substring(0, gap));
  const tail = groups(gap < 0 ? '' : text.substring(gap + 2));
  if (head === null || tail === null) return null;
  const missing = 8 - head.length - tail.length;
  if (gap < 0 ? missing != 0 : missing < 1) return null;
  const all = head.concat(new Array<i32>(missing).fill(0)).concat(tail);
  let high: u64 = 0;
  let low: u64 = 0;
  for (let at = 0; at < 4; at++) {
    high = (high << 16) | <u64>all[at];
    low = (low << 16) | <u64>all[at + 4];
  }
  return new Cidr(true, high, low, length);
}

/** Groups of 16 bits; the last may be an IPv4 address, which is two. Null for anything else. */
function groups(text: string): i32[] | null {
  const out: i32[] = [];
  if (text.length == 0) return out;
  const parts = text.split(':');
  for (let at = 0; at < parts.length; at++) {
    if (at == parts.length - 1 && parts[at].indexOf('.') >= 0) {
      const value = v4(parts[at]);
      if (value < 0) return null;
      out.push(<i32>(value >> 16));
      out.push(<i32>(value & 0xffff));
    } else {
      const group = hexadecimal(parts[at]);
      if (group < 0) return null;
      out.push(group);
    }
  }
  return out;
}

function hexadecimal(text: string): i32 {
  if (text.length == 0 || text.length > 4) return -1;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const letter = code | 0x20;
    const digit = code >= 0x30 && code <= 0x39 ? code - 0x30 : letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}
