// The unit of pending work: one row to insert, update or delete, one element to add or take out. An item says what
// differs and for whom; how that is written is the business of operations.ts, from both sides at the time of writing.
import type { Atom } from '../ovsdb/types.ts';
import type { Owner, RowId } from './fact.ts';
import { Multimap } from './multimap.ts';

export interface RowItem {
  /** The row's id. */
  readonly key: string;
  readonly kind: 'insert' | 'update' | 'delete';
  readonly table: string;
  readonly row: RowId;
  readonly owners: readonly Owner[];
}

/** `add` also stands for a map's key that exists with another value. Elements that refer to rows are derived ids. */
export interface ElementItem {
  /** See `elementKey`. */
  readonly key: string;
  readonly kind: 'add' | 'remove';
  readonly table: string;
  readonly row: RowId;
  readonly column: string;
  readonly element: Atom;
  readonly value: Atom | undefined;
  readonly owners: readonly Owner[];
}

export type Item = RowItem | ElementItem;

export function isRowItem(item: Item): item is RowItem {
  return !('column' in item);
}

/** What only takes away: it waits until all inputs are in, and when it cannot go its owner's other items still can. */
export function isRemoval(item: Item): boolean {
  return item.kind === 'delete' || item.kind === 'remove';
}

export function elementKey(row: RowId, column: string, element: Atom): string {
  return `${row} ${column} ${String(element)}`;
}

/** Equal items say the same; the older one stays, so that who holds it can tell that nothing was asked anew. */
export function sameItem(a: Item | undefined, b: Item | undefined): boolean {
  if (!a || !b) return a === b;
  if (a.kind !== b.kind || a.owners.length !== b.owners.length) return false;
  if (!isRowItem(a) && !isRowItem(b) && a.value !== b.value) return false;
  return a.owners.every((owner, i) => owner === b.owners[i]);
}

export const nobody: readonly never[] = [];

/** Of one item that takes the place of another, or of the one that there is. */
export function ownersOf(before: Item | undefined, item: Item | undefined): Iterable<Owner> {
  if (!before || !item || before.owners === item.owners) return before?.owners ?? item?.owners ?? nobody;
  return new Set([...before.owners, ...item.owners]);
}

/** Pending items by key, by row and by owner. */
export class Items {
  readonly #byKey = new Map<string, Item>();
  readonly #byRow = new Multimap<RowId, Item>();
  readonly #byOwner = new Multimap<Owner, Item>();

  /** Without the hash of a key that nobody else needs, as long as there is nothing. */
  get(key: string): Item | undefined {
    return this.#byKey.size === 0 ? undefined : this.#byKey.get(key);
  }

  ofRow(row: RowId): ReadonlySet<Item> {
    return this.#byRow.get(row);
  }

  ofOwner(owner: Owner): ReadonlySet<Item> {
    return this.#byOwner.get(owner);
  }

  owners(): IterableIterator<Owner> {
    return this.#byOwner.keys();
  }

  values(): IterableIterator<Item> {
    return this.#byKey.values();
  }

  get size(): number {
    return this.#byKey.size;
  }

  set(item: Item): void {
    this.delete(item.key);
    this.#byKey.set(item.key, item);
    this.#byRow.add(item.row, item);
    for (const owner of item.owners) this.#byOwner.add(owner, item);
  }

  delete(key: string): Item | undefined {
    const item = this.#byKey.get(key);
    if (!item) return undefined;
    this.#byKey.delete(key);
    this.#byRow.delete(item.row, item);
    for (const owner of item.owners) this.#byOwner.delete(owner, item);
    return item;
  }
}
