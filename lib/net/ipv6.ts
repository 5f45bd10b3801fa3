// IPv6 addresses between text (RFC 4291, RFC 5952) and number. Total functions. Arithmetic on bigint is what takes the
// time here, so a number is taken apart and put together by a view on its 128 bits:
//
//   value   bigint   (wide[1] << 64) | wide[0]
//   wide    u64[2]   | 0                             | 1                             |
//   halves  u16[8]   | 0     | 1     | 2     | 3     | 4     | 5     | 6     | 7     |
//   group            | 7th   | 6th   | 5th   | 4th   | 3rd   | 2nd   | 1st   | 0th   |
//
// The order of the halves is that of little-endian machines, which all are that Node.js is built for but s390x.
import { hexDigit } from './hex.ts';
import { format4, parse4 } from './ipv4.ts';

const GROUPS = 8;
const COLON = 0x3a;

/** Scratch of one call; holds nothing between two. */
const wide = new BigUint64Array(2);
const halves = new Uint16Array(wide.buffer);

/** The number of an address text, undefined when it is none. */
export function parse6(text: string): bigint | undefined {
  const groups = text.includes('.') ? withoutDots(text) : text;
  const gap = groups.indexOf('::');
  if (gap < 0) return readGroups(groups, 0, groups.length, 0) === GROUPS ? number() : undefined;
  // Finds ":::" too.
  if (groups.includes('::', gap + 1)) return undefined;
  const head = gap === 0 ? 0 : readGroups(groups, 0, gap, 0);
  if (head < 0) return undefined;
  const end = gap + 2 === groups.length ? head : readGroups(groups, gap + 2, groups.length, head);
  // RFC 4291 2.2 (2): "::" stands for one group of zeros or more.
  if (end < 0 || end === GROUPS) return undefined;
  openGap(head, end);
  return number();
}

/** Canonical text (RFC 5952) of a number below 2^128. */
export function format6(value: bigint): string {
  wide[0] = value;
  wide[1] = value >> 64n;
  // RFC 5952 5: the IPv4-mapped prefix is well known, so its last 32 bits are written as IPv4.
  if (wide[1] === 0n && group(4) === 0 && group(5) === 0xffff) return `::ffff:${format4(Number(value & 0xffffffffn))}`;
  let best = 0;
  // RFC 5952 4.2.2: "::" must not stand for a single group.
  let length = 1;
  let run = 0;
  for (let at = 0; at < GROUPS; at++) {
    run = group(at) === 0 ? run + 1 : 0;
    // RFC 5952 4.2.3: the first of equally long runs.
    if (run <= length) continue;
    length = run;
    best = at - run + 1;
  }
  return length < 2 ? joined(0, GROUPS) : `${joined(0, best)}::${joined(best + length, GROUPS)}`;
}

const group = (at: number): number => halves[GROUPS - 1 - at] ?? 0;

const number = (): bigint => ((wide[1] ?? 0n) << 64n) | (wide[0] ?? 0n);

/** RFC 4291 2.2 (3): x:x:x:x:x:x:d.d.d.d, here with the last 32 bits as two groups; what is no address stays none. */
function withoutDots(text: string): string {
  const colon = text.lastIndexOf(':');
  const bits = parse4(text.slice(colon + 1));
  if (bits === undefined) return '';
  return `${text.slice(0, colon + 1)}${(bits >>> 16).toString(16)}:${(bits & 0xffff).toString(16)}`;
}

/** Reads the groups of a part of the text to the places from `first` on: the place after the last, or -1. */
function readGroups(text: string, from: number, to: number, first: number): number {
  let place = first;
  let value = 0;
  let digits = 0;
  for (let at = from; at <= to; at++) {
    const code = at < to ? text.charCodeAt(at) : COLON;
    if (code === COLON) {
      if (digits === 0 || digits > 4 || place === GROUPS) return -1;
      halves[GROUPS - 1 - place] = value;
      place++;
      value = digits = 0;
    } else {
      const digit = hexDigit(code);
      if (digit < 0) return -1;
      value = value * 16 + digit;
      digits++;
    }
  }
  return place;
}

/** Moves the groups between the two places to the end and leaves zeros where they were. */
function openGap(head: number, end: number): void {
  for (let index = 0; index < GROUPS - head; index++) {
    halves[index] = index < end - head ? group(end - 1 - index) : 0;
  }
}

function joined(from: number, to: number): string {
  if (from >= to) return '';
  let text = hex(group(from));
  for (let at = from + 1; at < to; at++) text += `:${hex(group(at))}`;
  return text;
}

const short = Array.from({ length: 256 }, (_, octet) => octet.toString(16));
const padded = short.map((text) => text.padStart(2, '0'));

/** Without leading zeros (RFC 5952 4.1), in lower case (4.3). */
const hex = (value: number): string =>
  (value < 256 ? short[value] : `${short[value >>> 8]}${padded[value & 255]}`) ?? '';
