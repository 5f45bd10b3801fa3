// The actual side: the rows of the replica, who holds whom, and which of them are ours. Follows the monitor and nothing
// else: no write of ours shows here before the server has told of it.
import type { Atom, Row, RowChange, Value } from '../ovsdb/types.ts';
import type { Owner, RowId } from './fact.ts';
import { MARKS } from './options.ts';
import type { TrackerOptions } from './options.ts';
import { entriesOf, isMap, isSet, referencesIn } from './shape.ts';
import type { Column, Shapes } from './shape.ts';

export interface ActualRow {
  readonly table: string;
  readonly row: Row;
}

/** A strong reference that keeps a row alive or undeletable. */
export interface Holder {
  readonly uuid: string;
  readonly column: string;
}

const none: readonly never[] = [];

export class Actual {
  readonly #shapes: Shapes;
  readonly #options: TrackerOptions;
  readonly #rows = new Map<string, ActualRow>();
  readonly #holders = new Map<string, Holder[]>();
  #ours = 0;

  constructor(shapes: Shapes, options: TrackerOptions) {
    this.#shapes = shapes;
    this.#options = options;
  }

  get(uuid: string): ActualRow | undefined {
    return this.#rows.get(uuid);
  }

  rows(): IterableIterator<[string, ActualRow]> {
    return this.#rows.entries();
  }

  /** Number of rows of ours. */
  get ours(): number {
    return this.#ours;
  }

  holders(uuid: string): readonly Holder[] {
    return this.#holders.get(uuid) ?? none;
  }

  /** The id that we wrote into the row; undefined for rows of others. */
  mark(uuid: string): RowId | undefined {
    return markOf(this.#rows.get(uuid)?.row, MARKS.id) as RowId | undefined;
  }

  owner(uuid: string): Owner | undefined {
    return markOf(this.#rows.get(uuid)?.row, MARKS.owner) as Owner | undefined;
  }

  /** Whether a fresh process may take the row for its own. */
  isOurs(uuid: string): boolean {
    const found = this.#rows.get(uuid);
    return found !== undefined && this.#claims(uuid, found);
  }

  apply(change: RowChange): void {
    const { table, uuid, new: row } = change;
    const before = this.#rows.get(uuid);
    if (before && this.#claims(uuid, before)) this.#ours -= 1;
    if (row) this.#rows.set(uuid, { table, row });
    else this.#rows.delete(uuid);
    if (row && this.#claims(uuid, { table, row })) this.#ours += 1;
    for (const column of this.#shapes.get(table)?.strong ?? []) this.#follow(change, column, before?.row);
  }

  #follow({ uuid, new: row, difference }: RowChange, column: Column, before: Row | undefined): void {
    const { name } = column;
    const value = row?.[name];
    const holder = { uuid, column: name };
    const known = before && row && difference;
    // With 10,000 ports in a column only those that came or went are looked at.
    if (known && isSet(value) && !column.whole) {
      for (const target of elementsOf(known[name])) this.#toggle(holder, String(target), value.has(target));
    } else {
      this.#hold(holder, column, [before?.[name], value]);
    }
  }

  #claims(uuid: string, { table, row }: ActualRow): boolean {
    return markOf(row, MARKS.id) !== undefined || (this.#options.ours?.[table]?.(row, uuid) ?? false);
  }

  #hold(holder: Holder, column: Column, [before, after]: readonly [Value | undefined, Value | undefined]): void {
    if (before === after) return;
    const old = targetsOf(column, before);
    const now = targetsOf(column, after);
    for (const target of old) if (!now.has(target)) this.#toggle(holder, target, false);
    for (const target of now) if (!old.has(target)) this.#toggle(holder, target, true);
  }

  #toggle(holder: Holder, target: string, held: boolean): void {
    const { uuid, column } = holder;
    const others = this.holders(target).filter((other) => other.uuid !== uuid || other.column !== column);
    // A list that is spread from an empty one has room for seventeen.
    if (held) this.#holders.set(target, others.length > 0 ? [...others, holder] : [holder]);
    else if (others.length > 0) this.#holders.set(target, others);
    else this.#holders.delete(target);
  }
}

function markOf(row: Row | undefined, key: string): string | undefined {
  const marks = row?.[MARKS.column];
  return marks !== undefined && isMap(marks) ? (marks.get(key) as string | undefined) : undefined;
}

const nothing: ReadonlySet<never> = new Set<never>();

function targetsOf(column: Column, value: Value | undefined): ReadonlySet<string> {
  if (value === undefined || (typeof value === 'object' && value.size === 0)) return nothing;
  const targets = new Set<string>();
  for (const [target, { strong }] of referencesIn(column, value)) if (strong) targets.add(target);
  return targets;
}

/** Elements of a column that may differ between two values of it; all of them unless the difference is known. */
export function changedElements(column: Column, change: RowChange): Iterable<Atom> {
  const { name, whole } = column;
  const exact = change.difference?.[name];
  if (change.difference && exact === undefined) return [];
  if (exact !== undefined && !whole) return elementsOf(exact);
  return new Set([...elementsOf(change.old?.[name]), ...elementsOf(change.new?.[name])]);
}

/** The elements of a column; none where the replica has no such column. */
export function elementsOf(value: Value | undefined): Atom[] {
  return value === undefined ? [] : [...entriesOf(value)].map(([element]) => element);
}
