// OVSDB values for comparison and for people. Sets and maps have no order; they are shown sorted.
import type { Atom, Value } from '../../lib/delta/fact.ts';

/** The JSON of a value: sets are sorted arrays, maps are objects, integers beyond 2^53 are text. */
export function plain(value: Value): unknown {
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<Atom, Atom>)].map(([key, entry]) => [String(key), atom(entry)] as const);
    return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
  if (value instanceof Set) return [...(value as ReadonlySet<Atom>)].map(atom).toSorted(byText);
  return atom(value as Atom);
}

const byText = (a: unknown, b: unknown): number => (String(a) < String(b) ? -1 : 1);

export const atom = (value: Atom): string | number | boolean => (typeof value === 'bigint' ? String(value) : value);

export function equalValues(a: Value | undefined, b: Value | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a === b || JSON.stringify(plain(a)) === JSON.stringify(plain(b));
}

/** One line; `name` gives text for the ids of rows. Empty values give ''. */
export function shown(value: Value, name: (value: Atom) => string): string {
  if (value instanceof Map) {
    return [...(value as ReadonlyMap<Atom, Atom>)]
      .map(([key, entry]) => `${String(key)}=${name(entry)}`)
      .toSorted()
      .join(', ');
  }
  if (value instanceof Set) return [...(value as ReadonlySet<Atom>)].map(name).toSorted().join(', ');
  return name(value as Atom);
}
