// Reading untyped JSON: each function gives the value when it has the type asked for, and a harmless one otherwise, so
// that an object with a missing or odd field projects to a row instead of stopping the process.
import type { Json, JsonObject } from './fact.ts';

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const objectOf = (value: unknown): JsonObject => (isObject(value) ? value : {});

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

export const listOf = (value: unknown): readonly Json[] => (Array.isArray(value) ? (value as readonly Json[]) : []);

/** The strings of a list; everything else in it is left out. */
export function textsOf(value: unknown): readonly string[] {
  const list = listOf(value);
  const isText = (entry: unknown): entry is string => typeof entry === 'string';
  return list.every(isText) ? list : list.filter(isText);
}

export const flagOf = (value: unknown): boolean => value === true;

/** A whole number within the safe range, otherwise 0. */
export const integerOf = (value: unknown): number => (Number.isSafeInteger(value) ? (value as number) : 0);

/** The parts of a comma list, trimmed, empty ones left out. */
export const commaList = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
