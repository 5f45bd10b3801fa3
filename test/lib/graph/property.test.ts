// Random graphs under random histories: what was computed step by step must equal what a fresh graph computes.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Graph } from '../../../lib/graph/graph.ts';
import type { Sink, Table } from '../../../lib/graph/types.ts';
import { CollectingSink, expectRecomputed } from '../../oracle.ts';
import type { Wired } from '../../oracle.ts';
import { HandClock } from './clock.ts';

interface Cell {
  readonly number: number;
  readonly next: string;
}
type Tables = Record<`t${number}`, Cell>;
type Indexes = Record<`i${number}`, Cell>;

/** Derivation n: reads from table `input`, follows `next` in table `reads`, and asks the index of that table. */
interface Node {
  readonly input: number;
  readonly reads: number;
  readonly output: 'table' | 'shared' | 'sink';
}

const inputs = 3;
const keys = ['a', 'b', 'c', 'd'];
const key = fc.constantFrom(...keys);
const node = fc.record<Node>({
  input: fc.nat(20),
  reads: fc.nat(20),
  output: fc.constantFrom('table', 'table', 'shared', 'sink'),
});
const step = fc.record({
  table: fc.nat(inputs - 1),
  key,
  value: fc.option(fc.record({ number: fc.nat(4), next: key }), { nil: undefined, freq: 3 }),
  settle: fc.boolean(),
});

function wire(nodes: readonly Node[]): Wired {
  const clock = new HandClock();
  const graph = new Graph<Tables, Indexes>({ clock, sliceMs: 4 });
  const tables: Table<Cell>[] = [];
  const sinks = new Map<string, CollectingSink>();
  const table = (): Table<Cell> => {
    const made = graph.table(`t${tables.length}`);
    graph.index(`i${tables.length}`, made, (cell) => [cell.next, `n${cell.number % 2}`]);
    tables.push(made);
    return made;
  };
  for (let i = 0; i < inputs; i++) table();
  nodes.forEach(({ input, reads, output }, n) => {
    const from = input % tables.length;
    const other = reads % tables.length;
    const fn = function* (
      cell: Cell,
      read: Parameters<Parameters<typeof graph.derive<Cell, unknown>>[2]>[1],
      at: string,
    ) {
      const found = read.get(`t${other}`, cell.next);
      if (cell.number === 3 && found) return;
      const sum = read.at(`i${other}`, at).reduce((total, { number }) => total + number, cell.number);
      const value = { number: (sum + (found?.number ?? 0)) % 7, next: found?.next ?? at };
      yield [output === 'shared' ? value.next : at, value] as const;
      if (output === 'sink') yield ['extra', { number: n, next: at }] as const;
    };
    let sink: Sink<readonly [string, Cell]> = new CollectingSink();
    if (output === 'sink') sinks.set(`s${n}`, sink as CollectingSink);
    else sink = graph.into(table());
    graph.derive(`d${n}`, tables[from]!, fn, sink);
  });
  const named = graph.inputs.map((name, i) => [name, tables[i]! as Table<unknown>] as const);
  return { graph, inputs: new Map(named), sinks };
}

describe('incremental equals recomputed', () => {
  it('in random graphs', () => {
    fc.assert(
      fc.property(fc.array(node, { minLength: 1, maxLength: 6 }), fc.array(step, { maxLength: 40 }), (nodes, steps) => {
        const wired = wire(nodes);
        for (const { table, key, value, settle } of steps) {
          wired.graph.enter(() => {
            const at = wired.inputs.get(`t${table}`)!;
            if (value) at.set(key, value);
            else at.delete(key);
          });
          if (settle) wired.graph.settleNow();
        }
        wired.graph.settleNow();
        expect(wired.graph.failures.size).toBe(0);
        expectRecomputed(() => wire(nodes), wired);
      }),
      { numRuns: 300 },
    );
  });
});
