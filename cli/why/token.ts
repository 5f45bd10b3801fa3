// The words of OVN's match language (ovn-sb(5), Logical_Flow.match), read as OVN 25.03 does.
import { parseIp, parseMac } from '../../lib/net/index.ts';
import { MatchError } from './match-error.ts';

export type Format = 'decimal' | 'hexadecimal' | 'IPv4' | 'IPv6' | 'Ethernet';

/** A number, perhaps with a mask; bits outside the mask are zero. */
export interface Constant {
  readonly value: bigint;
  readonly mask?: bigint;
  readonly format: Format;
}

export type Token =
  | { readonly kind: 'name' | 'text' | 'set' | 'group' | 'sign'; readonly text: string }
  | { readonly kind: 'number'; readonly text: string; readonly constant: Constant }
  | { readonly kind: 'end'; readonly text: '' };

const blank = /(?:[ \t\n\r\v\f]|\/\/[^\n]*|\/\*(?:[^*\n]|\*(?!\/))*\*\/)+/y;
const quoted = /"(?:[^"\\]|\\.)*"/sy;
const number = /(?:::|[0-9]|[a-fA-F][0-9a-fA-F]*:)/y;
const name = /[a-zA-Z_][a-zA-Z_.0-9]*/y;
const reference = /[$@][a-zA-Z_.][a-zA-Z_.0-9]*/y;
const sign = /==|!=|<=|>=|&&|\|\||\.\.|[(){}[\]!<>,=]/y;

/** All words of a match, the last one being its end. Throws MatchError. */
export function tokens(text: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  for (;;) {
    at += taken(blank, text, at).length;
    if (at === text.length) return [...found, { kind: 'end', text: '' }];
    const token = tokenAt(text, at);
    found.push(token);
    at += token.kind === 'text' ? taken(quoted, text, at).length : token.text.length;
  }
}

/** What the pattern takes at this place, '' for nothing. */
function taken(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

function tokenAt(text: string, at: number): Token {
  const string = taken(quoted, text, at);
  if (string !== '') return { kind: 'text', text: unescaped(string) };
  if (taken(number, text, at) !== '') return numberAt(text, at);
  const operator = taken(sign, text, at);
  if (operator !== '') return { kind: 'sign', text: operator };
  const word = taken(name, text, at);
  if (word !== '') return { kind: 'name', text: word };
  const named = taken(reference, text, at);
  if (named !== '') return { kind: named.startsWith('$') ? 'set' : 'group', text: named };
  throw new MatchError(`syntax error at \`${text.slice(at, at + 1)}'`);
}

function unescaped(string: string): string {
  try {
    return JSON.parse(string) as string;
  } catch {
    throw new MatchError(`${string} is not a string`);
  }
}

function numberAt(text: string, at: number): Token {
  const value = digitsAt(text, at);
  const constant = constantOf(value);
  const slash = at + value.length;
  if (text[slash] !== '/') return { kind: 'number', text: value, constant };
  const mask = digitsAt(text, slash + 1);
  return { kind: 'number', text: `${value}/${mask}`, constant: masked(constant, constantOf(mask)) };
}

/** The letters, digits, dots and colons of a number; 1..2 are two numbers, and 10.0.0.1:80 too. */
function digitsAt(text: string, at: number): string {
  let end = at;
  let dot = false;
  for (; end < text.length; end++) {
    const char = text.charAt(end);
    if (!/[a-zA-Z0-9]/.test(char) && !(char === ':' && !dot) && !(char === '.' && text[end + 1] !== '.')) break;
    dot ||= char === '.';
  }
  return text.slice(at, end);
}

/** The number that a text is in this language, also an element of an address set. Throws MatchError. */
function constantOf(text: string): Constant {
  if (/^[0-9]+$/.test(text)) return decimal(text);
  if (/^0[xX]/.test(text)) return hexadecimal(text);
  const mac = text.length === 17 && text.includes(':') ? parseMac(text) : undefined;
  if (mac !== undefined) return { value: BigInt(mac), format: 'Ethernet' };
  const ip = parseIp(text);
  if (ip === undefined) throw new MatchError(`${text} is not a number`);
  return { value: ip.value, format: ip.family === 4 ? 'IPv4' : 'IPv6' };
}

function decimal(text: string): Constant {
  if (text.length > 1 && text.startsWith('0')) throw new MatchError(`${text}: decimal numbers have no leading zeros`);
  const value = BigInt(text);
  if (value >= 1n << 64n) throw new MatchError(`${text}: decimal numbers are below 2^64`);
  return { value, format: 'decimal' };
}

function hexadecimal(text: string): Constant {
  if (!/^0[xX][0-9a-fA-F]+$/.test(text)) throw new MatchError(`${text} is not a hexadecimal number`);
  const value = BigInt(text);
  if (value >= 1n << 128n) throw new MatchError(`${text} has more than 128 bits`);
  return { value, format: 'hexadecimal' };
}

/** A mask in the value's own format, a prefix length for an address, or `0/0x1234`. */
function masked({ value, format }: Constant, mask: Constant): Constant {
  const bits = bitsOf(format);
  if (mask.format === format) return { value: value & mask.value, mask: mask.value, format };
  if (bits > 0 && mask.format === 'decimal' && mask.value <= BigInt(bits)) {
    const prefix = ((1n << mask.value) - 1n) << (BigInt(bits) - mask.value);
    return { value: value & prefix, mask: prefix, format };
  }
  if (format === 'decimal' && mask.format === 'hexadecimal' && value === 0n)
    return { value, mask: mask.value, format: 'hexadecimal' };
  throw new MatchError('value and mask have different formats');
}

/** Bits of an address of this format, 0 for other numbers. */
function bitsOf(format: Format): number {
  if (format === 'IPv4') return 32;
  return format === 'IPv6' ? 128 : 0;
}

/** The number that an element of an address set begins with; undefined for one that OVN skips. */
export function elementOf(text: string): Constant | undefined {
  try {
    const [first] = tokens(text);
    return first?.kind === 'number' ? first.constant : undefined;
  } catch (error) {
    if (error instanceof MatchError) return undefined;
    throw error;
  }
}

/** Bits that a constant needs at least: a field must have as many. */
export function widthOf({ value, mask, format }: Constant): number {
  if (mask !== undefined) return mask === 0n ? 0 : mask.toString(2).length;
  if (format === 'Ethernet') return 48;
  if (bitsOf(format) > 0) return bitsOf(format);
  return value === 0n ? 0 : value.toString(2).length;
}
