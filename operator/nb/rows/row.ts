// What every row of ours has in common: an id derived from its owner and name, and the external_ids by which a fresh
// process, or a person, knows whose it is.
import { rowId } from '../../../lib/delta/ids.ts';
import type { Columns, Owner, Place, RowFact, RowId } from '../../../lib/delta/fact.ts';

export interface RowParts {
  readonly owner: Owner;
  /** Unique among the rows that the owner has in the table. */
  readonly name: string;
  readonly columns: Columns;
  /** Further external_ids. */
  readonly external?: Readonly<Record<string, string>>;
  readonly in?: Place;
  readonly needs?: readonly RowId[];
}

export function row(table: string, { owner, name, columns, external = {}, ...rest }: RowParts): RowFact {
  const id = rowId(owner, table, name);
  const tag = { vendor: 'kube-ovn', 'kubeloom-owner': owner, 'kubeloom-id': id };
  return {
    row: table,
    id,
    owner,
    columns: { ...columns, external_ids: map({ ...external, ...tag }) },
    ...rest,
  };
}

export const map = (entries: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(entries));

export const set = (...elements: readonly string[]): ReadonlySet<string> => new Set(elements);
