// What must be in a batch together with an item, or in the database already. Four kinds of reference (weak, strong,
// child, text) say what an addition needs and what a removal has to wait for; nothing here knows any table. And what
// should come along if it can: the elements of a row whose text takes over from another (`company`).
import type { ElementItem, Item, RowItem } from './item.ts';
import { elementKey, isRemoval, isRowItem } from './item.ts';
import type { RowId } from './fact.ts';
import { entriesOf, referencesIn } from './shape.ts';
import type { Reference } from './shape.ts';
import type { Tracker } from './tracker.ts';
import type { Row } from '../ovsdb/types.ts';

/** One of `items` must go in the same transaction; none of them means that `row` is missing, or in the way. */
export interface Requirement {
  readonly row: RowId;
  readonly items: readonly Item[];
}

const none: readonly never[] = [];

export class Requirements {
  readonly #tracker: Tracker;
  readonly #mentioned = new Map<RowId, readonly RowId[]>();
  #texts: readonly { row: RowId; text: string }[] | undefined;
  #all: string | undefined;

  constructor(tracker: Tracker) {
    this.#tracker = tracker;
  }

  of(item: Item): Requirement[] {
    if (!isRowItem(item)) return item.kind === 'add' ? this.#added(item) : this.#taken(item);
    if (item.kind === 'delete') {
      return [...this.#needers(item.row), ...this.#holders(item.row), ...this.#mentions(item)];
    }
    return [...this.#references(item), ...(item.kind === 'insert' ? this.#parent(item) : [])];
  }

  /**
   * What has to be seen together with the item, if it can go at all. A text that changes what it names, or takes the
   * place of one that goes, brings the elements of the rows that it names along: otherwise a rule that is in force would
   * be exchanged for one with a group that is still empty. An element leaves a row together with the text that stops
   * naming that row, for the same reason.
   */
  company(item: Item): Item[] {
    if (isRowItem(item)) return item.kind !== 'delete' && this.#takesOver(item) ? this.#arrivals(item.row) : [];
    return item.kind === 'remove' ? this.#renamers(item.row) : [];
  }

  /** Whether something of the row's owner is in force that this changes. */
  #takesOver({ kind, row, owners }: RowItem): boolean {
    const { desired, items } = this.#tracker;
    if (!desired.fact(row)?.needs?.length) return false;
    return kind === 'update' || owners.some((owner) => items.ofOwner(owner).values().some(isRemoval));
  }

  #arrivals(row: RowId): Item[] {
    const { desired, items } = this.#tracker;
    const needs = desired.fact(row)?.needs ?? [];
    return needs.flatMap((need) => [...items.ofRow(need)].filter(({ kind }) => kind === 'add'));
  }

  /** Items of rows whose text names this row in the database and will not any more. */
  #renamers(id: RowId): Item[] {
    const { desired, oldNeeds } = this.#tracker;
    const rows = [...new Set([...desired.needers(id), ...oldNeeds.of(id), ...this.#mentioning(id)])];
    return rows.filter((row) => !desired.fact(row)?.needs?.includes(id)).flatMap((row) => this.#departures(row));
  }

  /** Targets of the row's own columns and of its text. */
  #references({ row: id }: RowItem): Requirement[] {
    const { desired, shapes } = this.#tracker;
    const fact = desired.fact(id);
    if (!fact) return [];
    const targets = new Set<RowId>(fact.needs);
    for (const column of shapes.get(fact.row)?.references ?? []) {
      const value = fact.columns[column.name];
      if (value === undefined) continue;
      for (const [target, to] of referencesIn(column, value)) if (this.#seen(to)) targets.add(target as RowId);
    }
    targets.delete(id);
    const requirements: Requirement[] = [];
    for (const target of targets) this.#require(target, requirements);
    return requirements;
  }

  /** A row that exists or is inserted along with this. One that is ours and on its way out is as good as missing. */
  #require(id: RowId, requirements: Requirement[]): void {
    const { desired, items, judge } = this.#tracker;
    if (judge.found(id)) {
      const leaving = judge.ours(id) && !desired.wanted(id);
      if (leaving || judge.replaced(id)) requirements.push({ row: id, items: none });
      return;
    }
    const insert = items.get(id);
    requirements.push({ row: id, items: insert?.kind === 'insert' ? [insert] : none });
  }

  /** A row of a table that is no root vanishes at commit unless something of the same batch holds it. */
  #parent({ table, row }: RowItem): Requirement[] {
    const { desired, items, shapes } = this.#tracker;
    if (shapes.get(table)?.child !== true) return [];
    const places = desired.places(row).map(({ row: parent, column, element }) => {
      if (column === undefined || element === undefined) return items.get(parent);
      return items.get(elementKey(parent, column, element));
    });
    return [{ row: desired.places(row)[0]?.row ?? row, items: places.filter((item) => item !== undefined) }];
  }

  #added(item: ElementItem): Requirement[] {
    const { judge, shapes } = this.#tracker;
    const requirements: Requirement[] = [];
    this.#require(item.row, requirements);
    const { key, value } = shapes.get(item.table)?.columns.get(item.column) ?? {};
    if (key && this.#seen(key)) this.#require(item.element as RowId, requirements);
    if (value && item.value !== undefined && this.#seen(value)) this.#require(item.value as RowId, requirements);
    const child = judge.child(item.row, item.column, item.element);
    if (child !== undefined) this.#leaves(child, requirements);
    return requirements;
  }

  /** A child that hangs elsewhere leaves that place in the same transaction. */
  #leaves(child: RowId, requirements: Requirement[]): void {
    const { items, judge } = this.#tracker;
    for (const { row, column, element } of judge.held(child)) {
      const item = items.get(elementKey(row, column, element)) ?? items.get(row);
      requirements.push({ row, items: item ? [item] : none });
    }
  }

  #taken(item: ElementItem): Requirement[] {
    const { desired, items, judge } = this.#tracker;
    const child = judge.child(item.row, item.column, item.element);
    if (child === undefined) return [];
    if (!desired.wanted(child) || judge.replaced(child)) return this.#needers(child);
    return desired.places(child).map(({ row, column, element }) => {
      const key = column === undefined || element === undefined ? row : elementKey(row, column, element);
      const arrival = items.get(key);
      return { row, items: arrival ? [arrival] : [] };
    });
  }

  /** Rows whose text names this one go first or along; those that keep naming it keep it. */
  #needers(id: RowId): Requirement[] {
    const { desired, judge, oldNeeds } = this.#tracker;
    const requirements: Requirement[] = [];
    for (const row of new Set([...desired.needers(id), ...oldNeeds.of(id)])) {
      if (row === id || !judge.found(row)) continue;
      const still = desired.fact(row)?.needs?.includes(id) ?? desired.contested(row);
      requirements.push({ row, items: still ? [] : this.#departures(row) });
    }
    return requirements;
  }

  /** What an unknown text of an earlier process may mean stays as long as that text. */
  #mentions({ row: id }: RowItem): Requirement[] {
    return this.#mentioning(id).map((row) => ({ row, items: this.#departures(row) }));
  }

  /**
   * Rows left by an earlier process: what their text needs is not known, so any that spells the name of this row (the
   * value of a unique index, as ovn-nb(5) has it in matches, also with `_ip4` behind it) is taken to mean it.
   */
  #mentioning(id: RowId): readonly RowId[] {
    if (this.#tracker.unconfirmed.size === 0) return [];
    const known = this.#mentioned.get(id);
    if (known) return known;
    const found = this.#tracker.judge.found(id);
    const indexes = this.#tracker.shapes.get(found?.table ?? '')?.schema.indexes ?? [];
    const names = indexes.flat().map((column) => found?.row[column] ?? '');
    const rows = names.flatMap((name) => (typeof name === 'string' && name !== '' ? this.#spelling(name) : []));
    const others = rows.filter((row) => row !== id);
    this.#mentioned.set(id, others);
    return others;
  }

  #spelling(name: string): RowId[] {
    const { judge, unconfirmed } = this.#tracker;
    this.#texts ??= [...unconfirmed].map((row) => ({ row, text: textOf(judge.found(row)?.row ?? {}) }));
    this.#all ??= this.#texts.map(({ text }) => text).join('\n');
    // Most names are in no text at all, and one search tells.
    if (!this.#all.includes(name)) return [];
    return this.#texts.filter(({ text }) => text.includes(name)).map(({ row }) => row);
  }

  /** What a strong reference names cannot be deleted before the reference is gone. */
  #holders(id: RowId): Requirement[] {
    const { items, judge } = this.#tracker;
    return judge.held(id).map(({ row, column, element }) => {
      const ways = [items.get(row), items.get(elementKey(row, column, element))].filter((item) => item !== undefined);
      return { row, items: ways.filter(({ kind }) => kind !== 'insert' && kind !== 'add') };
    });
  }

  /** Items by which the text of a row in the database ceases to be what it is. */
  #departures(id: RowId): Item[] {
    const { items, judge } = this.#tracker;
    const own = items.get(id);
    const places = judge.held(id).map(({ row, column, element }) => items.get(elementKey(row, column, element)));
    return [own, ...places].filter((item) => item !== undefined);
  }

  /** Whether the replica holds the table that is referred to; what is not read cannot be waited for. */
  #seen({ table }: Reference): boolean {
    return this.#tracker.monitors(table);
  }
}

function textOf(row: Row): string {
  const atoms = Object.values(row).flatMap((value) => [...entriesOf(value)].flat());
  return atoms.filter((atom) => typeof atom === 'string').join('\n');
}
