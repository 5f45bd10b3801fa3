// Reads what a module answers, strictly: each reader gives what it is asked for or throws an Error that names the place.
import { isObject } from '../api/json.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** Entries of a list within an answer. */
export const mostParts = 100;

/** An object; with `known`, of these fields alone: a field that is misspelled must not be ignored. */
export function fields(value: unknown, where: string, known?: readonly string[]): Fields {
  if (!isObject(value)) throw new Error(`${where || 'the answer'} is not an object`);
  const odd = known && Object.keys(value).find((name) => !known.includes(name));
  if (odd !== undefined) throw new Error(`${where || 'the answer'} has the unknown field ${shown(odd)}`);
  return value;
}

export function list(value: unknown, where: string, most: number): readonly unknown[] {
  if (!Array.isArray(value) || value.length > most)
    throw new Error(`${where} is not a list of at most ${most} entries`);
  return value as readonly unknown[];
}

/** An empty list would be read by some as nobody and by others as everybody. */
export function some(value: unknown, where: string): readonly unknown[] {
  const found = list(value, where, mostParts);
  if (found.length === 0) throw new Error(`${where} is empty: leave it out to mean everything`);
  return found;
}

export function textOf(value: unknown, where: string): string {
  if (typeof value !== 'string') throw new Error(`${where} is not a text`);
  return value;
}

export function integer(value: unknown, [least, most]: readonly [number, number], where: string): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most)
    throw new Error(`${where} is not an integer from ${least} to ${most}`);
  return value as number;
}

export function oneOf<T extends string>(value: unknown, values: readonly T[], where: string): T {
  const found = values.find((each) => each === value);
  if (found === undefined) throw new Error(`${where} is none of ${values.join(', ')}`);
  return found;
}

const shown = (name: string): string => JSON.stringify(name.slice(0, 64));
