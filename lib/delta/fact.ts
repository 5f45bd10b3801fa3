// The facts that the differ understands: rows of an OVSDB database and elements of their unbounded columns.
// They know the shape of a schema (RFC 7047 section 3), and nothing of any particular database.

import type { Atom, Value } from '../ovsdb/types.ts';

export type { Atom, Value };

/** A row id derived from its owner and name (`rowId`), sent as the client-chosen `uuid` of the insert. */
export type RowId = string & { readonly brand: 'RowId' };

/**
 * Who wants a row: `Kind/namespace/name`, namespace empty for cluster-scoped kinds, and `/part` for a part of it that
 * stands alone. Built by `owner()` and `partOf()` only.
 */
export type Owner = string & { readonly brand: 'Owner' };

export type Columns = Readonly<Record<string, Value>>;

/** The set-valued column of another row that holds this (child) row. */
export interface Place {
  readonly row: string;
  readonly id: RowId;
  readonly column: string;
}

/** One row, wanted by exactly one owner. Columns that are not named are left to the database or to others. */
export interface RowFact {
  readonly row: string;
  readonly id: RowId;
  readonly owner: Owner;
  readonly columns: Columns;
  /** Where a row of a table that is not a root hangs; it lives and dies with that element. */
  readonly in?: Place;
  /** Rows that the text of a column names (`@group`, `$set`): they must exist before it and outlive it. */
  readonly needs?: readonly RowId[];
}

/** One element of a set column, or one key of a map column (`value` set). Several owners may want the same one. */
export interface MemberFact {
  readonly member: string;
  readonly id: RowId;
  readonly column: string;
  readonly element: Atom;
  readonly value?: Atom;
  readonly owner: Owner;
}
