// What the differ is told about a database beyond its schema: whose keys are whose, how rows of ours are recognised.
import type { Row } from '../ovsdb/types.ts';

/** How a long comparison is cut up, so that the event loop stays alive. */
export interface Slices {
  /** Monotonic milliseconds. */
  now(): number;
  /** Runs `fn` in a later turn of the event loop. */
  defer(fn: () => void): void;
  /** Milliseconds that one slice may take, give or take one row. */
  readonly ms: number;
}

/**
 * Table, column, keys. A map column: only these keys are compared and written, and those that begin like one that ends
 * with "*"; `'all'` when nobody else writes it.
 * A set column that facts fill element by element: `'all'`, so that elements nobody wants are taken out; `'ours'` where
 * others put references of theirs beside ours, so that of those nobody wants the ones to rows of ours are taken out.
 */
export type Owns = Readonly<Record<string, Readonly<Record<string, readonly string[] | 'all' | 'ours'>>>>;

export interface TrackerOptions {
  readonly owns: Owns;
  /** Tables of one row that is made by others; facts name it by `singletonId(table)` and only add members to it. */
  readonly singletons?: readonly string[];
  /** Recognises rows of ours in tables that have no `external_ids`. */
  readonly ours?: Readonly<Record<string, (row: Row, uuid: string) => boolean>>;
  /** external_ids key and value of the rows of a predecessor, which are taken over where they match a row of ours. */
  readonly vendor?: readonly [key: string, value: string];
  /** Rows of a predecessor, by table, that it makes without that key. */
  readonly untagged?: Readonly<Record<string, (row: Row) => boolean>>;
  /** Columns by which a predecessor's row matches, for tables without a unique index in the schema. */
  readonly adoptBy?: Readonly<Record<string, readonly string[]>>;
  /** Columns, by table, that stay as they are found in a row taken over: their values have left the database. */
  readonly keep?: Readonly<Record<string, readonly string[]>>;
  /**
   * Owner of what a derivation's source yields, for a source that failed before it ever yielded anything: its rows
   * from an earlier process must stay. Without it only what a source yielded before can be frozen.
   */
  readonly ownerOf?: (source: string) => string | undefined;
  /** Absent: everything is compared in one go. */
  readonly slices?: Slices;
}

/** Keys of external_ids by which a fresh process recognises rows of ours. */
export const MARKS = { column: 'external_ids', owner: 'kubeloom-owner', id: 'kubeloom-id' } as const;
