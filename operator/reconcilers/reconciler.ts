// What a reconciler is, and the few reads that several of them make. A reconciler says what should be, given one object
// and what it reads; it never acts, and it keeps nothing between runs.
import type { Read } from '../../lib/graph/types.ts';
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { MemberFact, RowFact } from '../../lib/delta/fact.ts';
import type { Fact, ProblemFact, Ref } from '../api/fact.ts';
import type { Reason } from '../api/reasons.ts';
import { only } from '../api/refs.ts';
import type { Cluster, Indexes, Network, Tables } from '../api/tables.ts';

export type WorldRead = Read<Tables, Indexes>;

export interface Reconciler<Row> {
  readonly kind: string;
  desired(row: Row, read: WorldRead, key: string): Iterable<Fact | Entry>;
}

/** One that says nothing but rows. */
export interface RowReconciler<Row> extends Reconciler<Row> {
  desired(row: Row, read: WorldRead, key: string): Iterable<RowFact | MemberFact>;
}

/** A row of a computed table, said beside facts. */
export type Entry = {
  [N in keyof Tables]: { readonly entry: N; readonly key: string; readonly value: Tables[N] };
}[keyof Tables];

/** A table's rows from one row of another: an entry per key. */
export type Projection<Row, Out> = (
  row: Row,
  read: WorldRead,
  key: string,
) => Iterable<readonly [key: string, value: Out]>;

/** The settings. Nothing can be said without them: throwing keeps everything as it is. */
export function clusterOf(read: WorldRead): Cluster {
  const cluster = read.get('cluster', only);
  if (!cluster) throw new Error('the settings of the cluster are not entered yet');
  return cluster;
}

export const problem = (about: Ref, reason: Reason, message: string): ProblemFact => ({
  problem: about,
  reason,
  message,
  owner: ownerOf(about),
});

/** `address/length` for each address, by the CIDR of its family. */
export function withLength(addresses: readonly string[], network: Network): string[] {
  return addresses.map((address) => {
    const cidr = ofFamily(network.cidrs, address);
    return `${address}/${cidr?.split('/')[1] ?? ''}`;
  });
}

/** The first of these texts that has the family of the address. */
export function ofFamily(texts: readonly string[], address: string): string | undefined {
  return texts.find((text) => text.includes(':') === address.includes(':'));
}
