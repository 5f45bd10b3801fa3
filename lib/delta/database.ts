// The database as the differ uses it, and time as it needs it. Both come from outside.
import type { Operation, OperationResult } from '../ovsdb/types.ts';

/** How a transaction ended. */
export type Outcome =
  | { readonly kind: 'done'; readonly results: readonly OperationResult[] }
  /** Nothing of it is in the database. `index` is the operation that failed, their number when it was the commit. */
  | { readonly kind: 'refused'; readonly index: number; readonly code: string; readonly message: string }
  /** Whether it is in the database is not known; a reconnect and a comparison will tell. */
  | { readonly kind: 'lost'; readonly message: string };

export interface Database {
  /** Resolves when the replica has every change that the transaction made. Does not reject. */
  transact(operations: readonly Operation[]): Promise<Outcome>;
}

export interface DifferClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Runs `fn` in `ms` milliseconds; the answer cancels that. */
  after(ms: number, fn: () => void): () => void;
}
