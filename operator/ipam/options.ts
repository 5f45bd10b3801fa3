// What the assignments are built with, and the numbers that an operator of a cluster may want to change.
import type { Table } from '../../lib/graph/types.ts';
import type { IpRow, PoolUsage, Unassigned, Usage } from '../api/tables.ts';
import type { Clock } from './clock.ts';
import type { Ipam } from './ipam.ts';
import type { IpWriter } from './writer.ts';

export interface AssignmentLimits {
  /** Writes in flight at one time. */
  readonly writes: number;
  /** Pause after the first failure of a write, ms; doubled by each further one up to `pauseCapMs`. */
  readonly pauseMs: number;
  readonly pauseCapMs: number;
  /** How long a successful write may stay unseen by the watch before it is repeated, ms. */
  readonly confirmMs: number;
  /** A subnet's use is told at most once in this time, ms. */
  readonly usageMs: number;
}

export const assignmentLimits: AssignmentLimits = {
  writes: 64,
  pauseMs: 100,
  pauseCapMs: 30_000,
  confirmMs: 30_000,
  usageMs: 1_000,
};

export interface AssignmentOptions {
  /** Makes the allocator; `changed` is its option of the same name. */
  readonly ipam: (changed: (subnet: string, freed: readonly string[]) => void) => Ipam;
  readonly writer: IpWriter;
  readonly clock: Clock;
  readonly limits: AssignmentLimits;
  /** Runs a function that may write the graph's input tables: `Graph.enter`. */
  readonly enter: (fn: () => void) => void;
  readonly unassigned: Table<Unassigned>;
  readonly usage: Table<Usage>;
  readonly poolUsage: Table<PoolUsage>;
  /** Whether tables `ip` and `space` hold a consistent list; call `run` when this becomes true. */
  readonly restored: () => boolean;
  /**
   * Whether everything that was built from a deleting IP object is confirmed gone: nothing wanted, nothing pending and
   * nothing left in NB or in a set. Call `recheck` with its name when this becomes true.
   */
  readonly cleared: (row: IpRow) => boolean;
  /** Told once per failed write, which is repeated by itself. */
  readonly failed?: (step: string, name: string, error: unknown) => void;
}
