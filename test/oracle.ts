// The recompute oracle: a graph that was fed by any history must hold what a fresh graph computes from the inputs that
// the first one holds now. Used after every step of a scenario.
import { expect } from 'vitest';
import type { Graph } from '../lib/graph/graph.ts';
import type { Sink, Table } from '../lib/graph/types.ts';

/** A wired graph, its input tables by name, and the sinks whose content is compared. */
export interface Wired {
  readonly graph: Graph<object>;
  readonly inputs: ReadonlyMap<string, Table<unknown>>;
  readonly sinks: ReadonlyMap<string, CollectingSink>;
}

/** Keeps what each source yields, sorted, and which sources are frozen. */
export class CollectingSink implements Sink<unknown> {
  readonly sources = new Map<string, readonly unknown[]>();
  readonly frozen = new Set<string>();

  replace(source: string, facts: readonly unknown[]): void {
    this.frozen.delete(source);
    if (facts.length > 0) this.sources.set(source, facts);
    else this.sources.delete(source);
  }

  freeze(source: string): void {
    this.frozen.add(source);
  }

  dump(): unknown[] {
    return [...this.sources].sort(([a], [b]) => (a < b ? -1 : 1));
  }
}

/** Everything that a graph and its sinks hold, in an order that no history shows in. */
export function dumpOf({ graph, sinks }: Wired): Record<string, unknown> {
  const tables = graph.names.map((name) => [`table ${name}`, graph.dump(name)] as const);
  const outputs = [...sinks].map(([name, sink]) => [`sink ${name}`, sink.dump()] as const);
  return Object.fromEntries([...tables, ...outputs, ['conflicts', sortedConflicts(graph)]]);
}

/** What a fresh graph makes of the inputs that `of` holds. */
export function recomputed(build: () => Wired, of: Wired): Record<string, unknown> {
  const fresh = build();
  for (const [name, table] of of.inputs) {
    fresh.graph.enter(() => fresh.inputs.get(name)?.replace(table.entries()));
  }
  fresh.graph.settleNow();
  return dumpOf(fresh);
}

/** Fails unless incremental equals recomputed. `build` wires a new, empty copy of the same graph. */
export function expectRecomputed(build: () => Wired, of: Wired): void {
  expect(of.graph.quiet, 'the graph is quiet').toBe(true);
  expect(dumpOf(of)).toEqual(recomputed(build, of));
}

/** Fails when a settle without a new input, or a recompute, changes anything; the former must not even run a key. */
export function expectAtRest(of: Wired): void {
  const before = { counters: of.graph.counters, dump: dumpOf(of) };
  of.graph.settleNow();
  expect(of.graph.counters).toEqual(before.counters);
  of.graph.recompute();
  of.graph.settleNow();
  expect(dumpOf(of)).toEqual(before.dump);
}

function sortedConflicts(graph: Graph<object>): string[] {
  return graph.conflicts.map(({ table, key, sources }) => `${table}/${key}: ${sources.join(' ')}`).sort();
}
