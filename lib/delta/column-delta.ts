// What one column of a row lacks and what it has too much, element by element. Sets and maps are never written whole:
// elements and keys that belong to others stay, and 10,000 ports are not sent to add one.
import type { Atom, Value } from '../ovsdb/types.ts';
import { isMap, isSet } from './shape.ts';
import type { Column } from './shape.ts';

/** Both sides as the database has them (UUIDs real). */
export interface Sides {
  readonly want: Value;
  readonly have: Value;
  /** Elements that members of other owners want in this column beside the row's own value. */
  readonly others: (element: Atom) => boolean;
  /** Whether a map's key is ours to take out. */
  readonly owned: (key: Atom) => boolean;
}

export type ColumnDelta =
  | { readonly kind: 'update'; readonly value: Value }
  | {
      readonly kind: 'mutate';
      readonly insert: ReadonlyMap<Atom, Atom | undefined>;
      readonly remove: ReadonlySet<Atom>;
    };

/** Of a column whose two sides differ; undefined when what is there beside ours belongs to others. */
export function columnDelta(column: Column, sides: Sides): ColumnDelta | undefined {
  const { want } = sides;
  if (column.whole) return { kind: 'update', value: want };
  const delta = isMap(want) ? mapDelta(want, sides) : setDelta(want as ReadonlySet<Atom>, sides);
  return delta.insert.size === 0 && delta.remove.size === 0 ? undefined : { kind: 'mutate', ...delta };
}

interface Elements {
  readonly insert: Map<Atom, Atom | undefined>;
  readonly remove: Set<Atom>;
}

function mapDelta(want: ReadonlyMap<Atom, Atom>, { have, others, owned }: Sides): Elements {
  const now = isMap(have) ? have : new Map<Atom, Atom>();
  const insert = new Map<Atom, Atom | undefined>();
  const remove = new Set<Atom>();
  for (const [key, value] of want) {
    if (now.get(key) === value) continue;
    // RFC 7047 section 5.1: insert leaves an existing key as it is, so it is deleted first.
    if (now.has(key)) remove.add(key);
    insert.set(key, value);
  }
  for (const key of now.keys()) if (!want.has(key) && owned(key) && !others(key)) remove.add(key);
  return { insert, remove };
}

function setDelta(want: ReadonlySet<Atom>, { have, others }: Sides): Elements {
  const now = isSet(have) ? have : new Set<Atom>();
  const insert = new Map<Atom, undefined>();
  const remove = new Set<Atom>();
  for (const element of want) if (!now.has(element)) insert.set(element, undefined);
  for (const element of now) if (!want.has(element) && !others(element)) remove.add(element);
  return { insert, remove };
}
