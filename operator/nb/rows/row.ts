// What every row of ours has in common: an id derived from its owner and name, and the external_ids by which a fresh
// process, or a person, knows whose it is.
import { rowId } from '../../../lib/delta/ids.ts';
import type { Columns, Owner, Place, RowFact, RowId } from '../../../lib/delta/fact.ts';

export interface RowParts {
  readonly owner: Owner;
  /** Unique among the rows that the owner has in the table. */
  readonly name: string;
  /** Where it is known already. */
  readonly id?: RowId;
  readonly columns: Columns;
  /** Further external_ids. */
  readonly external?: Readonly<Record<string, string>>;
  readonly in?: Place;
  readonly needs?: readonly RowId[];
}

export function row(table: string, { owner, name, columns, external = {}, ...rest }: RowParts): RowFact {
  const id = rest.id ?? rowId(owner, table, name);
  const ids = map(external).set('vendor', 'kube-ovn').set('kubeloom-owner', owner).set('kubeloom-id', id);
  return { row: table, ...rest, id, owner, columns: { ...columns, external_ids: ids } };
}

export function map(entries: Readonly<Record<string, string>>): Map<string, string> {
  const all = new Map<string, string>();
  for (const key of Object.keys(entries)) all.set(key, entries[key] ?? '');
  return all;
}

export const set = (...elements: readonly string[]): ReadonlySet<string> => new Set(elements);
