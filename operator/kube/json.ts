// JSON as the API server speaks it: integers are exact at any size. Kube-OVN's address counters exceed 2^53 (a /64
// has 2^64 addresses), and a number that passes through a double comes out as another one.
import { hash } from 'node:crypto';
import type { Json } from '../api/fact.ts';

// ECMAScript "JSON.parse source text access", in Node since 21; not in the compiler's library yet.
interface ExactJson {
  parse(text: string, revive: (key: string, value: unknown, context: { source?: string }) => unknown): Json;
  rawJSON(text: string): unknown;
}
const exact = JSON as unknown as ExactJson;

// Sixteen digits in a row after something that can precede a number: anything shorter is exact as a double.
const mayBeUnsafe = /(?:^|[:,[\s])-?\d{16}/;
const integer = /^-?\d+$/;

/** Integers beyond 2^53 become bigint, everything else is as `JSON.parse` has it. Throws SyntaxError. */
export function parseJson(text: string): Json {
  if (!mayBeUnsafe.test(text)) return JSON.parse(text) as Json;
  return exact.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && integer.test(source)
      ? BigInt(source)
      : value,
  );
}

/** The inverse: bigint is written as a plain number. */
export function formatJson(value: Json): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'bigint' ? exact.rawJSON(part.toString()) : part,
  );
}

const maxInt64 = 2n ** 63n - 1n;

/**
 * A value as the API server hands it back: integers of custom resources outside of int64 are kept as float64 there
 * (2^64 comes back as 18446744073709552000; checked on 1.36), so both sides of a comparison go through this.
 */
export function rounded(value: Json): Json {
  if (typeof value === 'bigint') return roundedInteger(value);
  if (Array.isArray(value)) return value.map(rounded);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, rounded(part)]));
}

function roundedInteger(value: bigint): bigint | number {
  if (value > maxInt64 || value < -maxInt64 - 1n) return Number(value);
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}

/** Deep equality of JSON values after the API server's rounding; the order of keys does not matter. */
export function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return canonicalJson(rounded(a)) === canonicalJson(rounded(b));
}

/** Text with sorted keys: equal values give equal text. */
export function canonicalJson(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value === null || typeof value !== 'object')
    return typeof value === 'bigint' ? `${value}` : JSON.stringify(value);
  const parts = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, part]) => `${JSON.stringify(key)}:${canonicalJson(part)}`);
  return `{${parts.join(',')}}`;
}

/** A short text that differs when the value does, in place of a copy of it. */
export function digestOf(value: Json): string {
  return hash('sha1', canonicalJson(value), 'base64');
}

/**
 * Whether `part` says nothing that `whole` does not already say: every leaf of its objects is there and equal.
 * Arrays are compared as a whole, as server-side apply treats a list without a key; but the API server fills defaults into
 * each container.
 */
export function covers(whole: Json | undefined, part: Json): boolean {
  if (part === null || typeof part !== 'object' || Array.isArray(part)) return sameJson(whole, part);
  if (whole === null || typeof whole !== 'object' || Array.isArray(whole)) return false;
  return Object.entries(part).every(([key, value]) => {
    const shown = (whole as Record<string, Json>)[key];
    return key === 'containers' ? coversEach(shown, value) : covers(shown, value);
  });
}

const coversEach = (whole: Json | undefined, part: Json): boolean =>
  Array.isArray(whole) && Array.isArray(part)
    ? whole.length === part.length && part.every((one: Json, at) => covers(whole[at] as Json, one))
    : covers(whole, part);
