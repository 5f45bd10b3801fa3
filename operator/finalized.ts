// The kinds whose objects keep our finalizer until their rows are gone.
import type { Graph } from '../lib/graph/graph.ts';
import type { ReadTable } from '../lib/graph/types.ts';
import type { Ref } from './api/fact.ts';
import { eipRef, ipPoolRef, subnetRef, vpcRef } from './api/refs.ts';
import type { Indexes, Meta, Tables } from './api/tables.ts';
import type { FinalizerKeeper } from './kube/finalizer.ts';
import { follow } from './taps.ts';
import type { World } from './world.ts';

/** Whoever keeps finalizers hears of these objects as part of the settle that brings a change of them. */
export function followFinalized(graph: Graph<Tables, Indexes>, world: World, keeper: FinalizerKeeper): void {
  const kinds: readonly (readonly [string, ReadTable<{ readonly meta: Meta }>, (name: string) => Ref])[] = [
    ['follow/subnet', world.subnet, subnetRef],
    ['follow/vpc', world.vpc, vpcRef],
    ['follow/ippool', world.ippool, ipPoolRef],
    ['follow/eip', world.eip, eipRef],
  ];
  for (const [name, table, refOf] of kinds)
    follow(graph, [name, table], (key, row) => keeper.observe(refOf(key), row?.meta));
}
