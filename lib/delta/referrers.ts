// What depends on the alias of a row, and has to be judged anew when the row is gone and its UUID means nothing any
// more. In the database a weak reference goes with the row that it names (RFC 7047 section 3.2), but a copy that is
// limited by conditions loses sight of rows that others still refer to.
import type { Atom } from '../ovsdb/types.ts';
import type { Aliases } from './alias.ts';
import type { Spot, Wanted } from './desired.ts';
import type { RowFact, RowId } from './fact.ts';
import { Relation } from './relation.ts';
import { isMap, referencesIn, referencesOf } from './shape.ts';
import type { Column, Shape } from './shape.ts';
import type { Tracker } from './tracker.ts';

type Sides = Pick<Tracker, 'desired' | 'actual' | 'aliases' | 'judge' | 'referrers'>;

/**
 * Rows that refer weakly to a row that has an alias, noted when they are judged: of weak references neither side has
 * an index, and one of all of them would be as large as the groups of a cluster.
 */
export class Referrers {
  readonly #aliases: Aliases;
  readonly #weak = new Relation<RowId, RowId>();

  constructor(aliases: Aliases) {
    this.#aliases = aliases;
  }

  /** The row was judged by what its own columns refer to. */
  noteRow({ id, columns }: RowFact, shape: Shape | undefined): void {
    if (this.#aliases.size === 0) return;
    for (const column of shape?.references ?? []) {
      const value = columns[column.name];
      if (value === undefined || !isWeak(column)) continue;
      for (const [target] of referencesIn(column, value)) this.#note(id, target);
    }
  }

  /** An element of the row was judged. */
  noteElement({ row, element }: Spot, column: Column, wanted: Wanted | undefined): void {
    if (this.#aliases.size === 0 || element === undefined || !isWeak(column)) return;
    for (const [target] of referencesOf(column, element, wanted?.value)) this.#note(row, target);
  }

  /** The row is neither wanted nor there. */
  forget(row: RowId): void {
    this.#weak.drop(row);
  }

  /** Those of one row, which are not kept any longer. */
  take(id: RowId): ReadonlySet<RowId> {
    return this.#weak.take(id);
  }

  #note(row: RowId, target: string): void {
    if (this.#aliases.has(target as RowId)) this.#weak.add(row, target as RowId);
  }
}

/** What was judged of other rows while `uuid`, a row of `table` that is gone, stood for `id`. */
export function affected(sides: Sides, table: string, [id, uuid]: readonly [RowId, string]): Spot[] {
  const { actual, aliases, judge, referrers } = sides;
  const holders = [id, uuid].flatMap((name) => actual.holders(name).map((holder) => aliases.derived(holder.uuid)));
  const rows = new Set([...holders, ...referrers.take(id)]);
  return [...rows].flatMap((row) => {
    const columns = judge.managed(row, judge.tableOf(row));
    const at = columns.flatMap((column) => elements(sides, { row, column, table }, [id, uuid as RowId]));
    return [{ row }, ...at];
  });
}

interface At {
  readonly row: RowId;
  readonly column: Column;
  /** Of the row that is referred to. */
  readonly table: string;
}

/** Elements of one column that refer to a row by either of its names, in the database or by wish. */
function elements(sides: Sides, { row, column, table }: At, names: readonly RowId[]): Spot[] {
  const spot = (element: Atom): Spot => ({ row, column: column.name, element });
  const named = (target: Atom | undefined): boolean => names.includes(target as RowId);
  return [
    ...(column.key?.table === table ? names : []),
    ...(column.value?.table === table ? keysTo(sides, { row, column, table }, named) : []),
  ].map(spot);
}

/** Keys of a map column that have, or are to have, such a value. */
function keysTo({ desired, judge }: Sides, { row, column }: At, named: (target?: Atom) => boolean): Atom[] {
  const value = judge.found(row)?.row[column.name];
  const have = isMap(value) ? [...value].filter(([, target]) => named(target)).map(([key]) => key) : [];
  const keys = desired.members(row)?.columns.get(column.name)?.keys() ?? [];
  return [...have, ...[...keys].filter((key) => named(desired.element(row, column.name, key)?.value))];
}

function isWeak({ key, value }: Column): boolean {
  return [key, value].some((to) => to?.strong === false);
}
