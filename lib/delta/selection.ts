// Which pending items go into one transaction. An owner's additions go together or not at all; what they need comes
// along or is there already; a removal that has to wait leaves its owner's other items alone.
import type { Owner, RowId } from './fact.ts';
import { isRemoval, isRowItem } from './item.ts';
import type { Item } from './item.ts';
import { Multimap } from './multimap.ts';
import { Requirements } from './requirement.ts';
import type { Requirement } from './requirement.ts';
import { isMap, isSet } from './shape.ts';
import type { Tracker } from './tracker.ts';
import type { Atom, Value } from '../ovsdb/types.ts';

/** What may go at this moment, for reasons other than references. */
export interface Gate {
  /** False for owners that are frozen, back off, or are kept for a batch of their own. */
  owner(owner: Owner): boolean;
  /** False for removals that wait for all inputs. */
  removal(item: Item): boolean;
  /** False for removals whose turn it is not: they are looked at again without being asked for. */
  turn(item: Item): boolean;
  /** Whether owners bring along what should be seen together; not when a refused batch is taken apart. */
  readonly company: boolean;
}

export interface Caps {
  readonly owners: number;
  readonly bytes: number;
}

export class Selection {
  readonly items = new Set<Item>();
  /** Owners in the order in which they were taken: what others need first. */
  readonly owners = new Set<Owner>();
  readonly parked = new Multimap<Owner, RowId>();
  /** Owners with removals that the gate keeps. */
  readonly held = new Set<Owner>();
  readonly #tracker: Tracker;
  readonly #gate: Gate;
  readonly #requirements: Requirements;
  readonly #needs = new Map<Item, readonly Requirement[]>();
  readonly #visited = new Set<Owner>();
  #bytes = 0;

  constructor(tracker: Tracker, gate: Gate) {
    this.#tracker = tracker;
    this.#gate = gate;
    this.#requirements = new Requirements(tracker);
  }

  /** Takes owners until a cap is reached; answers which of `seeds` were looked at. */
  fill(seeds: Iterable<Owner>, caps: Caps): Owner[] {
    const looked: Owner[] = [];
    for (const seed of seeds) {
      this.#grow(seed);
      looked.push(seed);
      if (this.owners.size >= caps.owners || this.#bytes >= caps.bytes) break;
    }
    this.#resolve();
    return looked;
  }

  #grow(first: Owner): void {
    const todo = [first];
    for (let owner = todo.pop(); owner !== undefined; owner = todo.pop()) {
      if (this.#visited.has(owner)) continue;
      this.#visited.add(owner);
      if (!this.#gate.owner(owner)) continue;
      this.owners.add(owner);
      for (const item of this.#tracker.items.ofOwner(owner)) if (!this.#needs.has(item)) this.#take(item, todo);
    }
  }

  /** Appends to `todo` the owners of what the item needs, and of what should come along. */
  #take(item: Item, todo: Owner[]): void {
    if (isRemoval(item) && !this.#admits(item)) {
      this.#needs.set(item, []);
      return;
    }
    this.items.add(item);
    this.#bytes += sizeOf(item, this.#tracker);
    const needs = this.#requirements.of(item);
    this.#needs.set(item, needs);
    for (const { items } of needs) for (const { owners } of items) todo.push(...owners);
    if (!this.#gate.company) return;
    for (const { owners } of this.#requirements.company(item)) todo.push(...owners);
  }

  #admits(item: Item): boolean {
    const free = this.#gate.removal(item);
    if (!free) for (const owner of item.owners) this.held.add(owner);
    return free && this.#gate.turn(item);
  }

  /** Leaves out what cannot go, and what cannot go without that, until nothing changes any more. */
  #resolve(): void {
    for (let changed = true; changed;) {
      changed = false;
      for (const item of this.items) {
        const missing = this.#needs.get(item)?.filter(({ items }) => !items.some((other) => this.items.has(other)));
        if (!missing?.length) continue;
        this.#leave(item, missing);
        changed = true;
      }
    }
    for (const owner of this.owners) if (!this.#takesPart(owner)) this.owners.delete(owner);
  }

  #leave(item: Item, missing: readonly Requirement[]): void {
    this.items.delete(item);
    for (const owner of item.owners) {
      for (const { row } of missing) this.parked.add(owner, row);
      if (!isRemoval(item)) this.#park(owner);
    }
  }

  /** Nothing of the owner goes; elements that another owner of the batch wants as well still do. */
  #park(owner: Owner): void {
    this.owners.delete(owner);
    for (const item of this.#tracker.items.ofOwner(owner)) {
      if (!item.owners.some((other) => this.owners.has(other))) this.items.delete(item);
    }
  }

  #takesPart(owner: Owner): boolean {
    return this.#tracker.items
      .ofOwner(owner)
      .values()
      .some((item) => this.items.has(item));
  }
}

/** About how long the item's operation is on the wire. */
function sizeOf(item: Item, { desired }: Tracker): number {
  if (!isRowItem(item)) return 60 + String(item.element).length;
  const columns = item.kind === 'delete' ? {} : (desired.fact(item.row)?.columns ?? {});
  let size = 120;
  for (const name of Object.keys(columns)) size += name.length + valueSize(columns[name] ?? '');
  return size;
}

function valueSize(value: Value): number {
  let size = 10;
  if (isMap(value)) value.forEach((mapped, key) => (size += atomSize(key) + atomSize(mapped)));
  else if (isSet(value)) value.forEach((element) => (size += atomSize(element)));
  else size += atomSize(value);
  return size;
}

const atomSize = (atom: Atom): number => 6 + String(atom).length;
