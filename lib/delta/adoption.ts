// Which rows of the database are rows of ours under another UUID: those that carry our id, the one row of a singleton
// table, and the rows of a predecessor that match by a unique index. Taking such a row over keeps its port binding.
import type { Row, RowChange, Value } from '../ovsdb/types.ts';
import type { RowFact, RowId } from './fact.ts';
import { singletonId } from './ids.ts';
import { Multimap } from './multimap.ts';
import { MARKS } from './options.ts';
import type { TrackerOptions } from './options.ts';
import { isMap, isSet } from './shape.ts';
import type { Tracker } from './tracker.ts';

type Sides = Pick<Tracker, 'shapes' | 'desired' | 'actual' | 'aliases'>;

export class Adoption {
  readonly #sides: Sides;
  readonly #options: TrackerOptions;
  readonly #singletons: ReadonlySet<string>;
  /** Rows of a predecessor that nobody has taken over yet, by what they could match. */
  readonly #free = new Multimap<string, string>();

  constructor(sides: Sides, options: TrackerOptions) {
    this.#sides = sides;
    this.#options = options;
    this.#singletons = new Set(options.singletons);
  }

  /** Takes a change of the replica in; answers whether a row that others may refer to has got an alias, or could. */
  follow({ table, uuid, old, new: row }: RowChange): boolean {
    const { aliases, actual } = this.#sides;
    if (old && this.#free.size > 0) for (const key of this.#keys(table, old)) this.#free.delete(key, uuid);
    if (aliases.derived(uuid) !== uuid) return false;
    // A row of ours that goes may have had a predecessor, which could not be taken over while it was there.
    if (!row) return this.wanted(uuid as RowId);
    if (this.#singletons.has(table)) {
      aliases.set(singletonId(table), uuid);
      return false;
    }
    const mark = actual.mark(uuid);
    return mark === undefined ? this.#offer(table, uuid, row) : this.#marked(mark, uuid);
  }

  /** Forgets the UUIDs of rows that are gone, and tells which they were; answers whether one may stand for another row now. */
  leave(changes: readonly RowChange[], gone: (id: RowId, change: RowChange) => void): boolean {
    const { aliases, actual } = this.#sides;
    const left = changes
      .filter(({ uuid, new: row }) => !row && aliases.derived(uuid) !== uuid)
      .map((change) => [aliases.derived(change.uuid), change] as const);
    for (const [, { uuid }] of left) aliases.drop(uuid);
    if (left.length === 0) return false;
    // Another copy of the row may have come in the same update, when the id was not free yet.
    const again = changes.filter(({ new: row }) => row).map((change) => this.follow(change));
    for (const each of left) gone(...each);
    return again.includes(true) || left.some(([id]) => actual.get(id) !== undefined || this.wanted(id));
  }

  /** Whether a row that somebody begins to want might be there already, under a predecessor's UUID. */
  wanted(id: RowId): boolean {
    return this.#free.size > 0 && this.#match(id) !== undefined;
  }

  /**
   * Gives every wanted row that is missing the predecessor's row that matches it, in small steps; parents before their
   * children, which may match by their parents only.
   */
  *match(): Generator<void> {
    for (const children of [false, true]) {
      if (this.#free.size === 0) return;
      for (const id of this.#sides.desired.rows()) {
        const uuid = this.#isChild(id) || !children ? this.#match(id) : undefined;
        if (uuid !== undefined) this.#sides.aliases.set(id, uuid);
        yield;
      }
    }
  }

  #isChild(id: RowId): boolean {
    const { desired, shapes } = this.#sides;
    return shapes.get(desired.fact(id)?.row ?? '')?.child === true;
  }

  #match(id: RowId): string | undefined {
    const { desired, actual, aliases } = this.#sides;
    const fact = desired.fact(id);
    if (!fact || aliases.has(id) || actual.get(id)) return undefined;
    for (const key of this.#keys(fact.row, fact.columns)) {
      for (const uuid of this.#free.get(key)) {
        if (aliases.derived(uuid) === uuid && this.#fits(fact, uuid)) return uuid;
      }
    }
    return undefined;
  }

  /** Where no unique index vouches for it, a child must hang on the parent that ours is to hang on. */
  #fits({ row: table, in: place }: RowFact, uuid: string): boolean {
    const { shapes, actual, aliases } = this.#sides;
    const shape = shapes.get(table);
    if (!shape?.child || shape.schema.indexes.length > 0 || !place) return true;
    return actual.holders(uuid).some((holder) => holder.uuid === aliases.real(place.id));
  }

  /** A row that has its own id, or a copy of a row that still exists, stands for itself. */
  #marked(mark: RowId, uuid: string): boolean {
    const { aliases, actual } = this.#sides;
    if (mark === uuid || actual.get(mark) || aliases.has(mark)) return false;
    return this.#alias(mark, uuid);
  }

  #alias(id: RowId, uuid: string): boolean {
    this.#sides.aliases.set(id, uuid);
    return true;
  }

  #offer(table: string, uuid: string, row: Row): boolean {
    if (!this.#isVendors(table, row)) return false;
    const keys = this.#keys(table, row);
    for (const at of keys) this.#free.add(at, uuid);
    return keys.length > 0;
  }

  #isVendors(table: string, row: Row): boolean {
    const { vendor, untagged } = this.#options;
    if (!vendor) return false;
    const [key, value] = vendor;
    const marks = row[MARKS.column];
    return (isMap(marks) && marks.get(key) === value) || untagged?.[table]?.(row) === true;
  }

  /** One text per unique index of the table, and one for the columns that stand in for an index. */
  #keys(table: string, row: Row): string[] {
    const indexes = this.#sides.shapes.get(table)?.schema.indexes ?? [];
    const by = this.#options.adoptBy?.[table];
    return [...indexes, ...(by ? [by] : [])]
      .map((columns) => columns.map((name) => row[name]))
      .filter((values) => values.length > 0 && values.every((value) => value !== undefined))
      .map((values) => JSON.stringify([table, ...values.map(textsOf)]));
  }
}

function textsOf(value: Value | undefined): string[] {
  if (isMap(value)) return [...value].map((pair) => pair.join('=')).sort();
  return isSet(value) ? [...value].map(String).sort() : [String(value)];
}
