// From a batch of items to the operations of one transaction, in the order that OVSDB needs: inserts (with all their
// initial elements), updates, mutates (one per row), deletes. Rows are named by UUID only, sets are never written whole.
import type { Atom, Condition, Mutation, Operation, Value } from '../ovsdb/types.ts';
import type { ColumnDelta } from './column-delta.ts';
import type { Owner, RowId } from './fact.ts';
import { elementKey, isRowItem } from './item.ts';
import type { ElementItem, Item, RowItem } from './item.ts';
import { isMap, isSet } from './shape.ts';
import type { Column } from './shape.ts';
import type { Tracker } from './tracker.ts';

/** An operation and those for whom it is done; `counted` ones must say that they met exactly one row. */
export interface Step {
  readonly operation: Operation;
  readonly owners: ReadonlySet<Owner>;
  readonly counted: boolean;
}

export function stepsOf(tracker: Tracker, items: ReadonlySet<Item>): Step[] {
  return new Writer(tracker, items).steps();
}

/** What is put into and taken out of one column of one row. */
interface Mutations {
  readonly insert: Map<Atom, Atom | undefined>;
  readonly remove: Set<Atom>;
}

/** One row that exists: everything about it is in at most one update and one mutate. */
interface Edit {
  readonly table: string;
  readonly owners: Set<Owner>;
  readonly row: Record<string, Value>;
  readonly mutations: Map<string, Mutations>;
}

class Writer {
  readonly #tracker: Tracker;
  readonly #inserts: readonly RowItem[];
  readonly #deletes = new Map<RowId, RowItem>();
  readonly #elements = new Map<RowId, ElementItem[]>();
  readonly #edits = new Map<RowId, Edit>();

  constructor(tracker: Tracker, items: ReadonlySet<Item>) {
    this.#tracker = tracker;
    const rows = [...items].filter(isRowItem);
    for (const item of rows) if (item.kind === 'delete') this.#deletes.set(item.row, item);
    this.#inserts = rows.filter(({ kind }) => kind === 'insert');
    for (const item of items) if (!isRowItem(item)) this.#sort(item, items);
    for (const item of rows) if (item.kind === 'update') this.#updated(item);
    const fresh = new Set(this.#inserts.map(({ row }) => row));
    for (const [row, elements] of this.#elements)
      if (!fresh.has(row)) for (const element of elements) this.#edited(element);
  }

  steps(): Step[] {
    const edits = [...this.#edits];
    return [
      ...this.#inserts.map((item) => this.#insert(item)),
      ...edits.filter(([, { row }]) => Object.keys(row).length > 0).map(([id, edit]) => this.#update(id, edit)),
      ...edits.filter(([, { mutations }]) => mutations.size > 0).map(([id, edit]) => this.#mutate(id, edit)),
      ...this.#deletes.values().map((item) => this.#delete(item)),
    ];
  }

  #update(id: RowId, { table, row, owners }: Edit): Step {
    return { operation: { op: 'update', table, where: this.#where(id), row }, owners, counted: true };
  }

  #mutate(id: RowId, edit: Edit): Step {
    const { table, owners } = edit;
    const mutations = this.#mutations(edit);
    return { operation: { op: 'mutate', table, where: this.#where(id), mutations }, owners, counted: true };
  }

  /** Elements of a row that goes in the same transaction go with it: a set that may not be empty stays whole. */
  #sort(item: ElementItem, items: ReadonlySet<Item>): void {
    if (this.#deletes.has(item.row) || this.#vanishes(item.row, items)) return;
    const elements = this.#elements.get(item.row);
    if (elements) elements.push(item);
    else this.#elements.set(item.row, [item]);
  }

  /** A child that loses every strong reference to it. */
  #vanishes(row: RowId, items: ReadonlySet<Item>): boolean {
    const { desired, items: pending, judge } = this.#tracker;
    const holders = desired.wanted(row) ? [] : judge.held(row);
    const removals = holders.map((holder) => pending.get(elementKey(holder.row, holder.column, holder.element)));
    return holders.length > 0 && removals.every((item) => item?.kind === 'remove' && items.has(item));
  }

  #insert({ table, row: id, owners }: RowItem): Step {
    const fact = this.#tracker.desired.fact(id);
    const row: Record<string, Value> = {};
    for (const [name, value] of Object.entries(fact?.columns ?? {})) {
      const column = this.#column(table, name);
      if (column) row[name] = this.#tracker.aliases.realValue(column, value);
    }
    const elements = this.#elements.get(id) ?? [];
    for (const [name, members] of Map.groupBy(elements, ({ column }) => column)) {
      const column = this.#column(table, name);
      if (column) row[name] = this.#joined(column, row[name], members);
    }
    const all = new Set([...owners, ...elements.flatMap((element) => element.owners)]);
    return { operation: { op: 'insert', table, row, uuid: id }, owners: all, counted: false };
  }

  /** The row's own value and its members, in a new collection. */
  #joined(column: Column, value: Value | undefined, members: readonly ElementItem[]): Value {
    const { aliases } = this.#tracker;
    const pairs = members.map(({ element, value: mapped }) => {
      return [aliases.realKey(column, element), aliases.realMapped(column, mapped)] as const;
    });
    if (column.kind === 'map') return new Map([...(isMap(value) ? value : []), ...pairs]) as Value;
    return new Set([...(isSet(value) ? value : []), ...pairs.map(([key]) => key)]);
  }

  #updated(item: RowItem): void {
    const { desired, judge } = this.#tracker;
    const fact = desired.fact(item.row);
    const found = judge.found(item.row);
    if (!fact || !found) return;
    const edit = this.#edit(item.row, item);
    for (const [column, delta] of judge.deltas(fact, found)) apply(edit, column, delta);
  }

  #edited(item: ElementItem): void {
    const { aliases } = this.#tracker;
    const column = this.#column(item.table, item.column);
    if (!column) return;
    const mutations = mutationsOf(this.#edit(item.row, item), item.column);
    const key = aliases.realKey(column, item.element);
    // A key that exists with another value is deleted first, since an insert would leave it (RFC 7047 section 5.1).
    if (item.kind === 'remove' || (column.kind === 'map' && this.#has(item, key))) mutations.remove.add(key);
    if (item.kind === 'add') mutations.insert.set(key, aliases.realMapped(column, item.value));
  }

  #has({ row, column }: ElementItem, key: Atom): boolean {
    const value = this.#tracker.judge.found(row)?.row[column];
    return isMap(value) && value.has(key);
  }

  #delete({ table, row, owners }: RowItem): Step {
    return { operation: { op: 'delete', table, where: this.#where(row) }, owners: new Set(owners), counted: false };
  }

  #edit(id: RowId, { table, owners }: Item): Edit {
    const edit = this.#edits.get(id) ?? { table, owners: new Set<Owner>(), row: {}, mutations: new Map() };
    this.#edits.set(id, edit);
    for (const owner of owners) edit.owners.add(owner);
    return edit;
  }

  #mutations({ table, mutations }: Edit): Mutation[] {
    return [...mutations].flatMap(([name, { insert, remove }]) => {
      const column = this.#column(table, name);
      const inserts: Mutation[] = insert.size > 0 ? [[name, 'insert', collection(column, insert)]] : [];
      const removes: Mutation[] = remove.size > 0 ? [[name, 'delete', remove]] : [];
      // A set that may not be empty takes the new elements before it gives the old ones up.
      return column?.kind === 'set' && column.schema.min > 0 ? [...inserts, ...removes] : [...removes, ...inserts];
    });
  }

  #where(id: RowId): readonly Condition[] {
    return [['_uuid', '==', this.#tracker.aliases.real(id)]];
  }

  #column(table: string, name: string): Column | undefined {
    return this.#tracker.shapes.get(table)?.columns.get(name);
  }
}

function apply(edit: Edit, column: Column, delta: ColumnDelta): void {
  if (delta.kind === 'update') {
    edit.row[column.name] = delta.value;
    return;
  }
  const mutations = mutationsOf(edit, column.name);
  for (const key of delta.remove) mutations.remove.add(key);
  for (const [key, value] of delta.insert) mutations.insert.set(key, value);
}

function mutationsOf(edit: Edit, column: string): Mutations {
  const mutations = edit.mutations.get(column) ?? {
    insert: new Map<Atom, Atom | undefined>(),
    remove: new Set<Atom>(),
  };
  edit.mutations.set(column, mutations);
  return mutations;
}

function collection(column: Column | undefined, insert: ReadonlyMap<Atom, Atom | undefined>): Value {
  return column?.kind === 'map' ? (insert as ReadonlyMap<Atom, Atom>) : new Set(insert.keys());
}
