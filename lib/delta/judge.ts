// Judges one row or one element: what, if anything, has to be written. Looks at both sides as they are now, and keeps
// only what neither side can tell: whose an element was that nobody wants any more.
import type { Atom, Value } from '../ovsdb/types.ts';
import type { ActualRow } from './actual.ts';
import { columnDelta } from './column-delta.ts';
import type { ColumnDelta } from './column-delta.ts';
import type { Spot, Wanted } from './desired.ts';
import type { Owner, RowFact, RowId } from './fact.ts';
import { owned } from './fault.ts';
import type { ElementItem, Item, RowItem } from './item.ts';
import type { TrackerOptions } from './options.ts';
import { isMap, isSet, sameValue } from './shape.ts';
import type { Column, Shape } from './shape.ts';
import type { Tracker } from './tracker.ts';

/** One element of one column, and the child row that it stands for. */
interface At {
  readonly key: string;
  readonly table: string;
  readonly row: RowId;
  readonly column: Column;
  readonly element: Atom;
  readonly child: RowId | undefined;
}

interface Present {
  readonly present: boolean;
  readonly value: Atom | undefined;
}

const nothing: readonly never[] = [];

type Sides = Pick<Tracker, 'shapes' | 'desired' | 'actual' | 'aliases' | 'referrers'>;

export class Judge {
  readonly #sides: Sides;
  readonly #options: TrackerOptions;
  readonly #singletons: ReadonlySet<string>;
  readonly #retired = new Map<string, Owner>();
  readonly #regimes = new Map<RowId, string>();
  /** By table: see `managed`, and the names of columns that members fill. */
  readonly #managed: ReadonlyMap<string, readonly Column[]>;
  readonly #members: ReadonlyMap<string, readonly string[]>;

  constructor(sides: Sides, options: TrackerOptions) {
    this.#sides = sides;
    this.#options = options;
    this.#singletons = new Set(options.singletons);
    this.#managed = new Map([...sides.shapes].map(([table, shape]) => [table, this.#alwaysManaged(shape)]));
    const filled = Object.entries(options.owns).map(([table, keys]) => {
      return [table, Object.keys(keys).filter((name) => typeof keys[name] === 'string')] as const;
    });
    this.#members = new Map(filled);
  }

  /** The row's own item: its existence and its columns; elements that members fill have items of their own. */
  row(id: RowId): RowItem | undefined {
    const { desired, aliases, referrers, shapes } = this.#sides;
    // The UUID of a row that has an id of ours is nobody's name for it.
    if (desired.contested(id) || aliases.derived(id) !== id) return undefined;
    const found = this.found(id);
    const fact = desired.fact(id);
    if (!found) referrers.forget(id);
    if (!fact) return found && this.#unwanted(id, found);
    const item = { key: id, table: fact.row, row: id, owners: [fact.owner] };
    if (!found) return { kind: 'insert', ...item };
    referrers.noteRow(fact, shapes.get(fact.row));
    if (this.replaced(id)) return this.#isRoot(fact.row) ? { kind: 'delete', ...item } : undefined;
    return this.deltas(fact, found).length === 0 ? undefined : { kind: 'update', ...item };
  }

  /** What of the row's own columns differs. */
  deltas(fact: RowFact, found: ActualRow): readonly (readonly [Column, ColumnDelta])[] {
    const columns = this.#sides.shapes.get(fact.row)?.columns;
    let deltas: [Column, ColumnDelta][] | undefined;
    for (const name of Object.keys(fact.columns)) {
      const column = columns?.get(name);
      const delta = column && this.#delta(fact, found, column);
      if (delta) (deltas ??= []).push([column, delta]);
    }
    return deltas ?? nothing;
  }

  #delta(fact: RowFact, found: ActualRow, column: Column): ColumnDelta | undefined {
    const { desired, aliases } = this.#sides;
    const { name } = column;
    const have = found.row[name];
    const value = fact.columns[name];
    if (value === undefined || have === undefined || this.#keeps(fact, name)) return undefined;
    const want = aliases.realValue(column, value);
    // Nearly always, and then no lists of differences need be made.
    if (share(fact, name, want, have)) return undefined;
    const others = desired.members(fact.id)?.columns.get(name);
    return columnDelta(column, {
      want,
      have,
      others: (element) => others?.has(aliases.derivedKey(column, element)) ?? false,
      owned: (key) => owned(this.#options, fact.row, name, key),
    });
  }

  /** What is to be done for one element of a column that is filled by members or children. */
  element(spot: Required<Spot>, wanted: Wanted | undefined, key: string): ElementItem | undefined {
    const { row, column: name, element } = spot;
    const found = this.found(row);
    const table = this.tableOf(row);
    const column = this.#sides.shapes.get(table)?.columns.get(name);
    if (!column || this.#misnamed(spot, column)) return undefined;
    this.#sides.referrers.noteElement(spot, column, wanted);
    const have = this.#have(column, found?.row[name], element);
    const child = this.#child(column, element, wanted ? wanted.value : have.value);
    const at = { key, table, row, column, element, child };
    if (wanted && !this.#makesWay(child)) return this.#added(at, wanted, have);
    if (!have.present || !this.#removable(at)) return undefined;
    return item('remove', at, undefined, [this.#lastOwner(at)]);
  }

  /** The UUID of a row that has an id of ours is nobody's name for it. */
  #misnamed({ row, element }: Required<Spot>, column: Column): boolean {
    const { aliases } = this.#sides;
    return aliases.derived(row) !== row || aliases.derivedKey(column, element) !== element;
  }

  tableOf(row: RowId): string {
    return this.found(row)?.table ?? this.#sides.desired.members(row)?.table ?? '';
  }

  #makesWay(child: RowId | undefined): boolean {
    return child !== undefined && this.replaced(child);
  }

  #added(at: At, wanted: Wanted, have: Present): ElementItem | undefined {
    if (wanted.contested || (at.child !== undefined && this.#sides.desired.contested(at.child))) return undefined;
    const value = this.#sides.aliases.realMapped(at.column, wanted.value);
    return have.present && have.value === value ? undefined : item('add', at, wanted.value, wanted.owners);
  }

  /** The columns of the row whose elements are looked at one by one. */
  managed(row: RowId, table: string): readonly Column[] {
    const always = this.#managed.get(table) ?? [];
    const members = this.#sides.desired.members(row);
    if (!members) return always;
    const columns = this.#sides.shapes.get(table)?.columns;
    const others = [...members.columns.keys()].map((name) => columns?.get(name));
    const more = others.filter((column) => column !== undefined && !always.includes(column)) as Column[];
    return more.length > 0 ? [...always, ...more] : always;
  }

  /** Those of a table that are, whatever its members are. */
  #alwaysManaged({ schema, columns }: Shape): Column[] {
    const keys = this.#options.owns[schema.name] ?? {};
    const singleton = this.#singletons.has(schema.name);
    return [...columns.values()].filter(
      ({ name, holdsChildren }) =>
        holdsChildren || typeof keys[name] === 'string' || (singleton && keys[name] !== undefined),
    );
  }

  /** The elements of other rows that hold this one, in the database. */
  held(id: RowId): readonly Required<Spot>[] {
    const { actual, aliases } = this.#sides;
    const uuid = aliases.real(id);
    const holders = actual.holders(uuid);
    if (holders.length === 0) return nothing;
    return holders.flatMap(({ uuid: holder, column }) => {
      const row = aliases.derived(holder);
      const value = actual.get(holder)?.row[column];
      if (value === undefined || !isMap(value)) return { row, column, element: id };
      return keysTo(value, uuid).map((element) => ({ row, column, element }));
    });
  }

  /** An immutable column differs: the row goes first, and comes back in a later transaction (one id, two of them). */
  replaced(id: RowId): boolean {
    const { desired, shapes, aliases } = this.#sides;
    const fact = desired.fact(id);
    const immutable = fact && shapes.get(fact.row)?.immutable;
    if (!fact || !immutable?.length) return false;
    const found = this.found(id);
    return immutable.some((column) => {
      const value = fact.columns[column.name];
      const have = found?.row[column.name];
      if (value === undefined || have === undefined || this.#keeps(fact, column.name)) return false;
      return !sameValue(aliases.realValue(column, value), have);
    });
  }

  /** Whether the row was taken over, and the column is one that such a row keeps. */
  #keeps({ row, id }: RowFact, column: string): boolean {
    return this.#sides.aliases.has(id) && (this.#options.keep?.[row]?.includes(column) ?? false);
  }

  /** Whether the row may be taken away when nobody wants it. */
  ours(id: RowId): boolean {
    const { actual, aliases } = this.#sides;
    const uuid = aliases.real(id);
    const found = actual.get(uuid);
    if (!found || this.#singletons.has(found.table)) return false;
    return actual.isOurs(uuid) || aliases.has(id);
  }

  /** A row of ours whose content is not (yet) what we know; `item`: what `row` has said of it. */
  unconfirmed(id: RowId, item: Item | undefined): boolean {
    const found = this.found(id);
    if (!found || !this.ours(id)) return false;
    return this.#sides.desired.wanted(id) ? item !== undefined : !this.#isRoot(found.table);
  }

  found(id: RowId): ActualRow | undefined {
    return this.#sides.actual.get(this.#sides.aliases.real(id));
  }

  /** Remembers whose the element was, until its removal is confirmed. */
  retire(key: string, owner: Owner): void {
    this.#retired.set(key, owner);
  }

  retired(key: string): boolean {
    return this.#retired.size > 0 && this.#retired.has(key);
  }

  forget(key: string): void {
    if (this.#retired.size > 0) this.#retired.delete(key);
  }

  /** Whether it has changed which columns of the row belong to its own fact, or whether it is wanted at all. */
  regimeChanged(id: RowId): boolean {
    const fact = this.#sides.desired.fact(id);
    const owned = this.#members.get(fact?.row ?? '') ?? [];
    const now = owned.map((name) => (name in (fact?.columns ?? {}) ? '' : name)).join(' ');
    if (now === (this.#regimes.get(id) ?? '')) return false;
    if (now === '') this.#regimes.delete(id);
    else this.#regimes.set(id, now);
    return true;
  }

  /** Drops what is remembered of elements that are not pending. */
  sweep(pending: (key: string) => boolean): void {
    for (const key of this.#retired.keys()) if (!pending(key)) this.#retired.delete(key);
  }

  #unwanted(id: RowId, { table }: ActualRow): RowItem | undefined {
    if (!this.#isRoot(table) || !this.ours(id)) return undefined;
    return { key: id, kind: 'delete', table, row: id, owners: [this.#ownerOf(id, table)] };
  }

  #removable({ key, table, row, column, element, child }: At): boolean {
    const { desired } = this.#sides;
    if (this.#names(row, column.name)) return false;
    if (child !== undefined) return this.#displaced(child);
    if (!owned(this.#options, table, column.name, element)) return false;
    if (this.#singletons.has(table)) return true;
    // A list of keys in a row whose fact does not name the column: only what a member of this process put there.
    const keys = this.#options.owns[table]?.[column.name];
    const ours = keys === 'all' || this.retired(key) || (keys === 'ours' && this.ours(element as RowId));
    return ours && desired.fact(row) !== undefined;
  }

  /** Whether a child may leave a place where it is not wanted: it is ours, and goes, makes way or has another place. */
  #displaced(child: RowId): boolean {
    const { desired } = this.#sides;
    if (!this.ours(child) || desired.contested(child)) return false;
    return !desired.wanted(child) || this.replaced(child) || desired.places(child).length > 0;
  }

  #names(row: RowId, column: string): boolean {
    return this.#sides.desired.fact(row)?.columns[column] !== undefined;
  }

  #have(column: Column, value: Value | undefined, element: Atom): Present {
    const real = this.#sides.aliases.realKey(column, element);
    if (value === undefined) return { present: false, value: undefined };
    if (isMap(value)) return { present: value.has(real), value: value.get(real) };
    return { present: isSet(value) ? value.has(real) : value === real, value: undefined };
  }

  /** The child row that an element stands for, if its column holds children. */
  child(row: RowId, name: string, element: Atom): RowId | undefined {
    const column = this.#sides.shapes.get(this.tableOf(row))?.columns.get(name);
    if (!column) return undefined;
    const value = this.#sides.desired.element(row, name, element)?.value;
    return this.#child(column, element, value ?? this.#have(column, this.found(row)?.row[name], element).value);
  }

  #child(column: Column, element: Atom, value: Atom | undefined): RowId | undefined {
    if (!column.holdsChildren) return undefined;
    const { aliases } = this.#sides;
    const target = column.value ? value : element;
    return target === undefined ? undefined : aliases.derived(String(target));
  }

  /**
   * Whose the removal is: the last owner's, else that of the row which the element stands for. What an earlier process
   * left for nobody that we know is not the business of the row's owner, who has all that it wants.
   */
  #lastOwner(at: At): Owner {
    const retired = this.#retired.get(at.key);
    if (retired !== undefined) return retired;
    const { actual, aliases } = this.#sides;
    const target = at.child ?? (at.column.key ? (at.element as RowId) : undefined);
    const owner = target === undefined ? undefined : actual.owner(aliases.real(target));
    return owner ?? (`Leftover/${at.table}/${at.row}` as Owner);
  }

  #ownerOf(id: RowId, table: string): Owner {
    const { actual, aliases, desired } = this.#sides;
    return desired.fact(id)?.owner ?? actual.owner(aliases.real(id)) ?? (`Leftover//${table}` as Owner);
  }

  #isRoot(table: string): boolean {
    return this.#sides.shapes.get(table)?.child === false;
  }
}

/**
 * Whether the database has the value that is wanted. If so the fact gets the database's own: of most rows nothing is to
 * be written, and one copy of what they hold is enough. Not of a large set, which in the replica is one version of many,
 * nor of one in which an id stands for another UUID.
 */
function share({ columns }: RowFact, name: string, want: Value, have: Value): boolean {
  if (!sameValue(want, have)) return false;
  const isPlain = typeof have !== 'object' || have instanceof Map || have instanceof Set;
  if (isPlain && columns[name] === want) (columns as Record<string, Value>)[name] = have;
  return true;
}

function keysTo(map: ReadonlyMap<Atom, Atom>, uuid: string): Atom[] {
  return [...map].filter(([, to]) => to === uuid).map(([key]) => key);
}

function item(kind: ElementItem['kind'], at: At, value: Atom | undefined, owners: readonly Owner[]): ElementItem {
  const { key, table, row, column, element } = at;
  return { key, kind, table, row, column: column.name, element, value, owners };
}
