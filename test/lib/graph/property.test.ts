// Random graphs under random histories: after every step, and at every quiet moment between slices, what was computed
// incrementally is what loops over whole tables compute from the same inputs.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Graph } from '../../../lib/graph/graph.ts';
import type { Table } from '../../../lib/graph/types.ts';
import { CollectingSink, expectRecomputed } from '../../oracle.ts';
import type { Wired } from '../../oracle.ts';
import { BruteForce } from './brute-force.ts';
import { HandClock } from './clock.ts';
import { nodes, steps, wire } from './random-graph.ts';
import type { Cell, Indexes, Node, Step, Tables } from './random-graph.ts';

interface Pair {
  readonly wired: Wired;
  readonly clock: HandClock;
  /** Fails unless the graph holds what loops compute. */
  readonly check: () => void;
}

function sinkMap(): { sinks: Map<string, CollectingSink>; sink: (name: string) => CollectingSink } {
  const sinks = new Map<string, CollectingSink>();
  const sink = (name: string): CollectingSink => {
    const made = new CollectingSink();
    sinks.set(name, made);
    return made;
  };
  return { sinks, sink };
}

/** Cells and lists have text; `expect` is asked only for what is wrong, since it takes its time. */
function same(name: string, found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) expect({ [name]: found }).toEqual({ [name]: wanted });
}

function pair(wanted: readonly Node[], throws: boolean): Pair {
  const clock = new HandClock(1);
  const graph = new Graph<Tables, Indexes>({ clock, sliceMs: 3 });
  const { sinks, sink } = sinkMap();
  const inputs = wire(graph, wanted, { sink, throws }) as ReadonlyMap<string, Table<unknown>>;
  const brute = new BruteForce<Tables, Indexes>();
  const expected = sinkMap();
  wire(brute, wanted, { sink: expected.sink, throws: false });
  const check = (): void => {
    for (const { sources } of expected.sinks.values()) sources.clear();
    const computed = brute.compute(inputs);
    for (const name of graph.names) same(name, graph.dump(name), computed[`table ${name}`]);
    for (const [name, found] of sinks) same(name, found.dump(), expected.sinks.get(name)?.dump());
  };
  return { wired: { graph, inputs, sinks }, clock, check };
}

function apply({ wired, clock, check }: Pair, { changes, turns, recompute }: Step): void {
  for (const { table, key, value } of changes) {
    wired.graph.enter(() => {
      const input = wired.inputs.get(`t${table}`) as Table<Cell>;
      if (value) input.set(key, value);
      else input.delete(key);
    });
  }
  if (recompute) wired.graph.recompute();
  if (turns < Infinity) for (let turn = 0; turn < turns; turn++) clock.turn();
  else {
    clock.run();
    check();
  }
}

describe('incremental equals brute force', () => {
  // 100,000 changes in all.
  it.each([1, 2, 3, 4])('after every step, at each quiet moment, and in a fresh graph: part %i', () => {
    let operations = 0;
    fc.assert(
      fc.property(nodes, steps(100), (wanted, history) => {
        const made = pair(wanted, false);
        made.wired.graph.onQuiet(made.check);
        for (const step of history) apply(made, step);
        made.clock.run();
        for (const { changes } of history) operations += changes.length;
        expect(made.wired.graph.failures.size).toBe(0);
        expectRecomputed(() => pair(wanted, false).wired, made.wired);
      }),
      { numRuns: 63 },
    );
    expect(operations).toBeGreaterThanOrEqual(25_000);
  });

  it('once nothing throws any more', () => {
    fc.assert(
      fc.property(nodes, steps(100), (wanted, history) => {
        const made = pair(wanted, true);
        for (const step of history) apply({ ...made, check: () => undefined }, step);
        made.clock.run();
        for (const [, table] of made.wired.inputs)
          for (const [key, cell] of table.entries())
            made.wired.graph.enter(() => table.set(key, { ...(cell as Cell), number: 0 }));
        made.clock.run();
        expect(made.wired.graph.failures.size).toBe(0);
        made.check();
      }),
      { numRuns: 50 },
    );
  });
});
