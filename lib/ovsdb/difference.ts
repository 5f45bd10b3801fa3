// The algebra of ovsdb-server(7) 4.1.14: what a difference is, how it is applied, how two values are compared.
// Values are never changed in place: whoever holds an old row keeps it.
import { ProtocolError } from './errors.ts';
import type { Atom, ColumnSchema, Row, Value } from './types.ts';
import { toggled } from './versioned-set.ts';
import { isMap } from './wire.ts';

/**
 * `old` with a difference applied. Atoms and columns of at most one element are sent as their new value; a set as the
 * elements to toggle; a map as the pairs to toggle, respectively to overwrite.
 */
export function applyDifference(column: ColumnSchema, old: Value, difference: Value): Value {
  if (column.max === 1 || typeof old !== 'object' || typeof difference !== 'object') return difference;
  if (isMap(old) !== isMap(difference)) throw new ProtocolError(`difference of another shape in ${column.name}`);
  if (isMap(old)) return toggleMap(old, difference as ReadonlyMap<Atom, Atom>);
  return toggled(old, difference as ReadonlySet<Atom>);
}

function toggleMap(old: ReadonlyMap<Atom, Atom>, difference: ReadonlyMap<Atom, Atom>): ReadonlyMap<Atom, Atom> {
  const map = new Map(old);
  for (const [key, value] of difference) {
    if (map.get(key) === value) map.delete(key);
    else map.set(key, value);
  }
  return map;
}

/** The difference that turns `old` into `next`, or undefined when they are equal. Inverse of applyDifference. */
export function differenceOf(column: ColumnSchema, old: Value, next: Value): Value | undefined {
  if (equal(old, next)) return undefined;
  if (column.max === 1 || typeof old !== 'object' || typeof next !== 'object') return next;
  if (isMap(old) && isMap(next)) return mapDifference(old, next);
  return (old as ReadonlySet<Atom>).symmetricDifference(next);
}

function mapDifference(old: ReadonlyMap<Atom, Atom>, next: ReadonlyMap<Atom, Atom>): ReadonlyMap<Atom, Atom> {
  const difference = new Map<Atom, Atom>();
  for (const [key, value] of old) if (!next.has(key)) difference.set(key, value);
  for (const [key, value] of next) if (old.get(key) !== value) difference.set(key, value);
  return difference;
}

/** Whether two values of one column are the same; order of elements does not matter. */
export function equal(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a.size !== b.size) return false;
  if (isMap(a)) return isMap(b) && equalMaps(a, b);
  return !isMap(b) && a.isSubsetOf(b);
}

function equalMaps(a: ReadonlyMap<Atom, Atom>, b: ReadonlyMap<Atom, Atom>): boolean {
  for (const [key, value] of a) if (b.get(key) !== value) return false;
  return true;
}

/** The columns of two rows that differ, as RowChange.difference has them; undefined when the rows are equal. */
export function rowDifference(columns: ReadonlyMap<string, ColumnSchema>, old: Row, next: Row): Row | undefined {
  const difference: Record<string, Value> = {};
  let differs = false;
  for (const [name, value] of columnDifferences(columns, old, next)) {
    difference[name] = value;
    differs = true;
  }
  return differs ? difference : undefined;
}

/** For a column that only one side has (the schema changed), that side's value stands for the difference. */
function* columnDifferences(
  columns: ReadonlyMap<string, ColumnSchema>,
  old: Row,
  next: Row,
): IterableIterator<[string, Value]> {
  for (const [name, column] of columns) {
    const before = old[name];
    const after = next[name];
    const value = before === undefined || after === undefined ? after : differenceOf(column, before, after);
    if (value !== undefined) yield [name, value];
  }
  for (const name of Object.keys(old)) {
    const before = old[name];
    if (before !== undefined && !columns.has(name)) yield [name, before];
  }
}
