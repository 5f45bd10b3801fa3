// Rows that exist under another UUID than the one derived for them: those taken over from a predecessor, and the one
// row of a table that others make. Facts speak of derived ids only; the translation happens where rows are read and
// operations are written.
import type { Atom, Value } from '../ovsdb/types.ts';
import type { RowId } from './fact.ts';
import { entriesOf, isMap, isSet } from './shape.ts';
import type { Column } from './shape.ts';

export class Aliases {
  readonly #real = new Map<RowId, string>();
  readonly #derived = new Map<string, RowId>();

  /** The UUID in the database of the row with this derived id. */
  real(id: RowId): string {
    return this.#real.get(id) ?? id;
  }

  /** The derived id of a row in the database; rows of others have their own. */
  derived(uuid: string): RowId {
    return this.#derived.get(uuid) ?? (uuid as RowId);
  }

  has(id: RowId): boolean {
    return this.#real.has(id);
  }

  set(id: RowId, uuid: string): void {
    this.#real.set(id, uuid);
    this.#derived.set(uuid, id);
  }

  drop(uuid: string): void {
    const id = this.#derived.get(uuid);
    this.#derived.delete(uuid);
    // Another row may stand for the id by now.
    if (id !== undefined && this.#real.get(id) === uuid) this.#real.delete(id);
  }

  get size(): number {
    return this.#real.size;
  }

  entries(): IterableIterator<[RowId, string]> {
    return this.#real.entries();
  }

  /** An element as the database has it, of a column that may refer to rows. */
  realKey({ key }: Column, element: Atom): Atom {
    return key ? this.real(element as RowId) : element;
  }

  realMapped({ value: to }: Column, value: Atom | undefined): Atom | undefined {
    return to && value !== undefined ? this.real(value as RowId) : value;
  }

  derivedKey({ key }: Column, element: Atom): Atom {
    return key ? this.derived(element as string) : element;
  }

  /** A whole value as the database has it. */
  realValue(column: Column, value: Value): Value {
    if (!column.key && !column.value) return value;
    if (isMap(value)) {
      const pairs = entriesOf(value) as Iterable<readonly [Atom, Atom]>;
      return new Map([...pairs].map(([k, v]) => [this.realKey(column, k), this.realMapped(column, v) ?? v]));
    }
    if (isSet(value)) return new Set([...value].map((element) => this.realKey(column, element)));
    return this.realKey(column, value);
  }
}
