// The tracker: per row and element what is wanted, what there is, and what differs. The difference is kept up to date
// from either side; everything is compared anew only on a (re)connect, or when a row turns out to have another UUID.
// That comparison goes in slices; changes that arrive meanwhile are judged at once, so that it never starts over for
// them: an item depends on how both sides are, not on when it was looked at.
//
//        desired (facts by source)          actual (rows of the replica)
//              ____________   ______________
//             /            \ /              \        o  pending: insert, update, add
//            |  o           X             x  |       x  pending: delete, remove (ours alone)
//             \____________/ \______________/
import type { Atom, DatabaseSchema, RowChange } from '../ovsdb/types.ts';
import { Actual, changedElements, elementsOf } from './actual.ts';
import { Adoption } from './adoption.ts';
import { Aliases } from './alias.ts';
import { Walk } from './walk.ts';
import { Conflicts } from './conflicts.ts';
import { Desired } from './desired.ts';
import type { Fact, Spot } from './desired.ts';
import type { Owner, RowId } from './fact.ts';
import { faultOf } from './fault.ts';
import type { Rules } from './fault.ts';
import { Frozen } from './frozen.ts';
import { Items, elementKey, isRowItem, nobody, ownersOf, sameItem } from './item.ts';
import type { Item } from './item.ts';
import { Judge } from './judge.ts';
import { affected, Referrers } from './referrers.ts';
import { Relation } from './relation.ts';
import type { TrackerOptions } from './options.ts';
import { shapesOf } from './shape.ts';
import type { Shapes } from './shape.ts';

export interface Watcher {
  /** The owner's pending work, freeze or conflict has changed; `fresh` when it wants something else than before. */
  owner?(owner: Owner, fresh: boolean): void;
  /** The row was looked at anew: whoever waits for it may try again. */
  row?(id: RowId): void;
  /** Everything has been compared: `synced` from now on. Owners are told of it one by one afterwards. */
  compared?(): void;
}

/** Columns that the replica holds, by table. */
export type Monitored = Readonly<Record<string, readonly string[]>>;

export class Tracker {
  readonly shapes: Shapes;
  readonly desired: Desired;
  readonly actual: Actual;
  readonly aliases = new Aliases();
  readonly referrers = new Referrers(this.aliases);
  readonly items = new Items();
  readonly frozen: Frozen;
  readonly judge: Judge;
  /** Rows whose text may still name what an earlier fact of theirs needed. */
  readonly oldNeeds = new Relation<RowId, RowId>();
  /** Rows of an earlier process whose text is unknown to us, until they are as wanted or gone. */
  readonly unconfirmed = new Set<RowId>();
  readonly #rules: Rules;
  readonly #monitored: Monitored | undefined;
  readonly #adoption: Adoption;
  readonly #watchers: Watcher[] = [];
  readonly #conflicts = new Conflicts((owner) => this.#tellOwner(owner));
  #flight: { readonly keys: ReadonlySet<string>; readonly owners: ReadonlySet<Owner> } | undefined;
  #connected = false;
  /** A row has another UUID than the one it was judged by. */
  #stale = false;
  /** Whether every row has been looked at since the connect, or since `stale`. */
  #whole = false;
  /** Rows that are there are looked at for the first time since the connect. */
  #noting = false;
  readonly #walk: Walk;
  /** Owners that something was done to since `#together` began, and whether they want something else. */
  #untold: Map<Owner, boolean> | undefined;

  /** `monitored` absent: the replica holds everything. */
  constructor(schema: DatabaseSchema, options: TrackerOptions, monitored?: Monitored) {
    this.shapes = shapesOf(schema);
    this.#monitored = monitored;
    this.#rules = {
      owns: options.owns,
      singletons: options.singletons ?? [],
      shapes: this.shapes,
      monitored: (table, column) => monitored === undefined || (monitored[table]?.includes(column) ?? false),
    };
    this.actual = new Actual(this.shapes, options);
    this.desired = new Desired(this.shapes, {
      row: (id) => this.#touchRow(id),
      element: (row, column, element, owner) => this.#touchElement(row, column, element, owner),
      withdrawn: ({ id, needs = [] }) => {
        for (const need of needs) this.oldNeeds.add(id, need);
      },
    });
    this.frozen = new Frozen(options.ownerOf);
    this.#adoption = new Adoption(this, options);
    this.judge = new Judge(this, options);
    this.#walk = new Walk(options.slices);
  }

  watch(watcher: Watcher): void {
    this.#watchers.push(watcher);
  }

  /** The whole of what `source` wants. A fact that the schema does not allow freezes it. */
  replace(source: string, facts: readonly Fact[]): void {
    for (const fact of facts) {
      const fault = faultOf(this.#rules, fact);
      if (fault === undefined) continue;
      this.#freeze(source, new Error(fault), facts);
      return;
    }
    this.#together(() => {
      const thawed = this.frozen.thaw(source);
      this.desired.replace(source, facts);
      for (const owner of thawed) this.#tellOwner(owner);
    });
  }

  /** The source failed: nothing of its owners is inserted, changed or deleted until it succeeds. */
  freeze(source: string, error: unknown): void {
    this.#freeze(source, error, []);
  }

  /** Changes of the replica, in one call what belongs to one update of the server. */
  change(changes: readonly RowChange[]): void {
    for (const change of changes) {
      this.actual.apply(change);
      if (this.#adoption.follow(change)) this.#stale = true;
    }
    if (this.#connected) this.#together(() => changes.forEach((change) => this.#changed(change)));
    // Whatever referred to a row that is gone went in the same update (RFC 7047 section 3.2), so only now is its
    // UUID without meaning.
    if (this.#adoption.leave(changes, (id, change) => this.#unaliased(id, change))) this.#stale = true;
    this.refresh();
  }

  /** The replica is complete: compares everything, and tells `compared` when it is done. */
  connect(): void {
    this.#connected = true;
    this.#noting = true;
    this.unconfirmed.clear();
    this.#begin();
  }

  disconnect(): void {
    this.#connected = false;
    this.#whole = false;
    this.#walk.stop();
  }

  /** Compares anew if a row has got or lost another UUID since. */
  refresh(): void {
    if (this.#connected && this.#stale) this.#begin();
  }

  /** Whether `pending` is the whole difference between the two sides. */
  get synced(): boolean {
    return this.#connected && this.#whole && !this.#stale;
  }

  /** Whether the replica holds rows of the table. */
  monitors(table: string): boolean {
    return this.#monitored === undefined || table in this.#monitored;
  }

  /** Nothing that the owner wants or has given up is missing in the database, and nothing is on its way. */
  applied(owner: Owner): boolean {
    if (!this.synced || this.items.ofOwner(owner).size > 0) return false;
    return !this.frozen.has(owner) && !this.#conflicts.has(owner) && !this.#flight?.owners.has(owner);
  }

  /** Rows and elements that are held as they are because two owners want them differently, with those owners. */
  get conflicts(): ReadonlyMap<string, readonly Owner[]> {
    return this.#conflicts.all;
  }

  conflictsOf(owner: Owner): ReadonlySet<string> {
    return this.#conflicts.of(owner);
  }

  /** These items are being written. */
  takeOff(items: ReadonlySet<Item>): void {
    const owners = new Set([...items].flatMap((item) => item.owners));
    this.#flight = { keys: new Set([...items].map(({ key }) => key)), owners };
  }

  /** What was being written is written or lost; by now the replica tells which. */
  land(): void {
    const flight = this.#flight;
    this.#flight = undefined;
    if (this.synced) {
      for (const key of flight?.keys ?? []) if (!this.items.get(key)) this.judge.forget(key);
      for (const id of this.oldNeeds.keys()) this.#settleNeeds(id);
    }
    for (const owner of flight?.owners ?? []) this.#tellOwner(owner);
  }

  #freeze(source: string, error: unknown, facts: readonly Fact[]): void {
    const known = [...this.desired.facts(source)];
    const owners = new Set([...known, ...facts].map(({ owner }) => owner));
    for (const owner of this.frozen.freeze(source, error, { owners, blind: known.length === 0 }))
      this.#tellOwner(owner);
  }

  #settleNeeds(id: RowId): void {
    const there = this.actual.get(this.aliases.real(id)) !== undefined;
    if (there ? this.desired.fact(id) && !this.items.get(id) : !this.#flight) this.oldNeeds.drop(id);
  }

  #touchRow(id: RowId): void {
    if (!this.#connected) return;
    if (this.#adoption.wanted(id)) this.#stale = true;
    this.#row(id, true);
    this.#places(id, true);
    this.#holders(id);
    if (this.judge.regimeChanged(id)) drain(this.#present(id));
  }

  /** The elements that are wanted to hold the row. */
  #places(id: RowId, fresh: boolean): void {
    for (const spot of this.desired.places(id)) if (spot.element !== undefined) this.#spot(spot, fresh);
  }

  /** The id is its own UUID again: everything that was judged by the other one. */
  #unaliased(id: RowId, { table, uuid }: RowChange): void {
    for (const spot of affected(this, table, [id, uuid])) if (this.#connected) this.#spot(spot, false);
  }

  #spot({ row, column, element }: Spot, fresh: boolean): void {
    if (column === undefined || element === undefined) this.#row(row, fresh);
    else this.#element(row, column, element, fresh);
  }

  #touchElement(row: RowId, column: string, element: Atom, owner: Owner): void {
    if (!this.desired.element(row, column, element)) this.judge.retire(elementKey(row, column, element), owner);
    if (!this.#connected) return;
    this.#element(row, column, element, true);
    if (this.desired.fact(row)?.columns[column] !== undefined) this.#row(row, true);
  }

  #changed(change: RowChange): void {
    const id = this.aliases.derived(change.uuid);
    this.#row(id, false);
    const modified = change.old !== undefined && change.new !== undefined;
    if (modified) this.#moved(id, change);
    else {
      drain(this.#members(id));
      drain(this.#present(id));
      // A row that is to be another one is not held before that.
      if (this.shapes.get(change.table)?.immutable.length) this.#places(id, false);
    }
    if (!modified || !this.desired.wanted(id)) this.#holders(id);
  }

  /** The elements that have come or gone. */
  #moved(id: RowId, change: RowChange): void {
    for (const column of this.judge.managed(id, change.table)) {
      for (const element of changedElements(column, change)) {
        this.#element(id, column.name, this.aliases.derivedKey(column, element), false);
      }
    }
  }

  #begin(): void {
    this.#stale = false;
    this.#whole = false;
    this.#conflicts.doubt();
    this.#walk.start(this.#compare());
  }

  /** Each step is small. Collections may change between two steps: what comes meanwhile is judged as it comes. */
  *#compare(): Generator<void> {
    yield* this.#adoption.match();
    const seen = new Set<RowId>();
    for (const id of this.#known()) {
      if (seen.has(id)) continue;
      seen.add(id);
      yield* this.#compareRow(id);
    }
    this.#conflicts.settle();
    this.judge.sweep((key) => this.items.get(key) !== undefined || this.#flight?.keys.has(key) === true);
    for (const id of this.oldNeeds.keys()) this.#settleNeeds(id);
    this.#whole = true;
    this.#noting = false;
    for (const watcher of this.#watchers) watcher.compared?.();
    yield* this.#tellAll();
  }

  /** Every row that is wanted, there, or has something pending; some more than once. */
  *#known(): Generator<RowId> {
    yield* this.desired.rows();
    yield* this.desired.placed();
    for (const [uuid] of this.actual.rows()) yield this.aliases.derived(uuid);
    for (const { row } of this.items.values()) yield row;
    yield* this.desired.memberRows();
  }

  *#compareRow(id: RowId): Generator<void> {
    this.#row(id, false);
    if (this.#noting) this.#note(id);
    this.judge.regimeChanged(id);
    yield* this.#members(id);
    yield* this.#present(id);
    yield;
  }

  /** Who has everything already is applied from now on, and nothing else would say so. */
  *#tellAll(): Generator<void> {
    const told = new Set<Owner>();
    for (const owner of this.desired.owners()) {
      if (told.has(owner)) continue;
      told.add(owner);
      this.#tellOwner(owner);
      yield;
    }
  }

  /** Every element that anyone wants of the row. */
  *#members(id: RowId): Generator<void> {
    for (const [column, elements] of this.desired.members(id)?.columns ?? []) {
      for (const element of elements.keys()) yield this.#element(id, column, element, false);
    }
    const pending = [...this.items.ofRow(id)].filter((item) => !isRowItem(item));
    for (const { column, element } of pending) yield this.#element(id, column, element, false);
  }

  /** Every element that the row has in columns whose elements are ours, and that nobody wants there. */
  *#present(id: RowId): Generator<void> {
    const found = this.judge.found(id);
    if (!found) return;
    for (const column of this.judge.managed(id, found.table)) {
      for (const real of elementsOf(found.row[column.name])) {
        const element = this.aliases.derivedKey(column, real);
        if (!this.desired.element(id, column.name, element)) this.#element(id, column.name, element, false);
        yield;
      }
    }
  }

  /** The elements of other rows that hold this one. */
  #holders(id: RowId): void {
    for (const { row, column, element } of this.judge.held(id)) this.#element(row, column, element, false);
  }

  #row(id: RowId, fresh: boolean): void {
    this.#conflicts.set(id, this.desired.contested(id) ? this.desired.claimants(id) : nobody);
    this.#put(id, this.judge.row(id), fresh);
    this.#settleNeeds(id);
    if (this.unconfirmed.has(id)) this.#note(id);
    for (const watcher of this.#watchers) watcher.row?.(id);
  }

  #element(row: RowId, column: string, element: Atom, fresh: boolean): void {
    const key = elementKey(row, column, element);
    const wanted = this.desired.element(row, column, element);
    this.#conflicts.set(key, wanted?.contested ? wanted.owners : nobody);
    const item = this.judge.element({ row, column, element }, wanted, key);
    this.#put(key, item, fresh);
    if (!item && !this.#flight?.keys.has(key)) this.judge.forget(key);
  }

  #put(key: string, item: Item | undefined, fresh: boolean): void {
    const before = this.items.get(key);
    // A wish that was renewed makes a new item, although it says the same: what is on its way is not the answer to it.
    if (fresh ? !before && !item : sameItem(before, item)) return;
    if (item) this.items.set(item);
    else this.items.delete(key);
    for (const owner of ownersOf(before, item)) this.#tellOwner(owner, fresh);
  }

  /** Keeps `unconfirmed`: a row of ours that is there and not as wanted. */
  #note(id: RowId): void {
    if (this.judge.unconfirmed(id, this.items.get(id))) this.unconfirmed.add(id);
    else this.unconfirmed.delete(id);
  }

  #tellOwner(owner: Owner, fresh = false): void {
    if (this.#untold) this.#untold.set(owner, fresh || this.#untold.get(owner) === true);
    else for (const watcher of this.#watchers) watcher.owner?.(owner, fresh);
  }

  /** Owners are told once of everything that `work` does to them. */
  #together(work: () => void): void {
    const untold = new Map<Owner, boolean>();
    this.#untold = untold;
    try {
      work();
    } finally {
      this.#untold = undefined;
    }
    for (const [owner, fresh] of untold) this.#tellOwner(owner, fresh);
  }
}

function drain(steps: Generator<void>): void {
  while (steps.next().done !== true);
}
