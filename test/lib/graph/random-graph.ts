// Random wirings of every operator, for the real graph and for the brute one alike. Rows are cells: a number and a key
// to follow; what a join takes is derived from cells, and what it gives becomes cells again.
import fc from 'fast-check';
import { selectionKey, selector } from '../../../lib/graph/selector.ts';
import type { Labels, Selection } from '../../../lib/graph/selector.ts';
import type { Read, Sink, Table } from '../../../lib/graph/types.ts';
import type { Wiring } from './brute-force.ts';

export interface Cell {
  readonly number: number;
  readonly next: string;
}

export type Tables = Record<`t${number}`, Cell> &
  Record<`selection${number}`, Selection> &
  Record<`entity${number}`, { readonly scope: string; readonly labels: Labels }> &
  Record<`scope${number}`, { readonly labels: Labels }> &
  Record<`member${number}`, readonly string[]>;
export type Indexes = Record<`i${number}`, Cell>;

/** One operator: over cells of table `input`; reads, or takes the other inputs of a join from, `reads` and `other`. */
export interface Node {
  readonly input: number;
  readonly reads: number;
  readonly other: number;
  readonly kind: 'table' | 'contested' | 'sink' | 'join';
}

export const inputCount = 3;
const keys = ['a', 'b', 'c', 'd', 'e'];
const key = fc.constantFrom(...keys);

export const nodes = fc.array(
  fc.record<Node>({
    input: fc.nat(20),
    reads: fc.nat(20),
    other: fc.nat(20),
    kind: fc.constantFrom('table', 'table', 'contested', 'sink', 'join', 'join'),
  }),
  { minLength: 1, maxLength: 6 },
);

export interface Change {
  readonly table: number;
  readonly key: string;
  readonly value: Cell | undefined;
}

/** Changes of inputs, then how far the graph may go on: so many slices, or to the end. */
export interface Step {
  readonly changes: readonly Change[];
  readonly turns: number;
  readonly recompute: boolean;
}

const change = fc.record<Change>({
  table: fc.nat(inputCount - 1),
  key,
  value: fc.option(fc.record({ number: fc.nat(6), next: key }), { nil: undefined, freq: 3 }),
});

export const steps = (length: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record<Step>({
      changes: fc.array(change, { minLength: 4, maxLength: 4 }),
      turns: fc.constantFrom(0, 1, 2, Infinity),
      recompute: fc.integer({ max: 40, min: 0 }).map((number) => number === 0),
    }),
    { minLength: length, maxLength: length },
  );

const texts = ['x', 'y', 'z'];
const labelsOf = ({ number, next }: Cell): Labels => ({
  ...(number % 3 > 0 && { app: texts[number % 3] as string }),
  ...(number % 2 > 0 && { tier: next }),
  ...(number === 5 && { constructor: 'x' }),
});

const written = [
  {},
  { matchLabels: { app: 'y' } },
  { matchLabels: { app: 'z' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] },
  { matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }] },
  { matchExpressions: [{ key: 'tier', operator: 'NotIn', values: ['a', 'b'] }] },
  { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] },
  { matchExpressions: [{ key: 'constructor', operator: 'Exists' }] },
];
const selectors = written.map((each) => selector(each));

const selectionOf = ({ number, next }: Cell, at: string): Selection => {
  const of = at.charCodeAt(0) - 97;
  const scopes = selectors[(number + of) % selectors.length];
  return {
    ...(of % 3 === 0 && { scope: next }),
    ...(of % 2 === 0 && scopes && { scopes }),
    entities: selectors[number] ?? [],
  };
};

/** What a derivation over cells yields. When it is said to, it throws for a number that only inputs have. */
function* cells(cell: Cell, read: Read<Tables, Indexes>, from: { at: string; other: number; throws: boolean }) {
  const { at, other, throws } = from;
  const found = read.get(`t${other}`, cell.next);
  if (throws && cell.number === 6) throw new Error('six');
  if (cell.number === 3 && found) return;
  const sum = read.at(`i${other}`, at).reduce((total, { number }) => total + number, cell.number);
  yield [at, { number: (sum + (found?.number ?? 0)) % 6, next: found?.next ?? at }] as const;
}

/** Wires the nodes; `throws`: a derivation fails for some cells. Answers the tables that are written from outside. */
export function wire(
  graph: Wiring<Tables, Indexes>,
  wanted: readonly Node[],
  { sink, throws }: { sink: (name: string) => Sink<unknown>; throws: boolean },
): Map<string, Table<Cell>> {
  const tables: Table<Cell>[] = [];
  const table = (): Table<Cell> => {
    const made = graph.table(`t${tables.length}`);
    graph.index(`i${tables.length}`, made, (cell) => [cell.next, `n${cell.number % 2}`]);
    tables.push(made);
    return made;
  };
  const inputs = Array.from({ length: inputCount }, table);
  const at = (index: number): Table<Cell> => tables[index % tables.length] as Table<Cell>;
  wanted.forEach(({ input, reads, other, kind }, n) => {
    const from = at(input);
    if (kind === 'join') {
      joined(graph, { n, entities: from, selections: at(reads), scopes: at(other), into: table() });
      return;
    }
    const source = reads % tables.length;
    const to = kind === 'sink' ? (sink(`s${n}`) as Sink<readonly [string, Cell]>) : graph.into(table());
    const yielded = function* (cell: Cell, read: Read<Tables, Indexes>, key: string) {
      for (const [name, value] of cells(cell, read, { at: key, other: source, throws }))
        yield [kind === 'contested' ? value.next : name, value] as const;
      if (kind === 'sink') yield ['extra', { number: n, next: key }] as const;
    };
    graph.derive(`d${n}`, from, yielded, to);
    // A table may have two derivations; then keys are contested between them as well.
    if (kind === 'contested') graph.derive(`e${n}`, at(other % (tables.length - 1)), yielded, to);
  });
  return new Map(inputs.map((each) => [each.name, each]));
}

interface Joined {
  readonly n: number;
  readonly entities: Table<Cell>;
  readonly selections: Table<Cell>;
  readonly scopes: Table<Cell>;
  readonly into: Table<Cell>;
}

function joined(graph: Wiring<Tables, Indexes>, { n, entities, selections, scopes, into }: Joined): void {
  const selection = graph.table(`selection${n}`);
  const entity = graph.table(`entity${n}`);
  const scope = graph.table(`scope${n}`);
  const member = graph.table(`member${n}`);
  const shared = graph.share(selection);
  for (const [part, from] of [selections, scopes].entries()) {
    const one = function* (cell: Cell, _: unknown, key: string) {
      const wanted = selectionOf(cell, key);
      yield [selectionKey(wanted), wanted] as const;
      if (cell.number === 2) yield [selectionKey({ entities: [] }), { entities: [] }] as const;
    };
    graph.derive(`select${n}.${part}`, from, one, shared);
  }
  graph.derive(
    `enter${n}`,
    entities,
    (cell, _, key) => [[key, { scope: cell.next, labels: labelsOf(cell) }] as const],
    graph.into(entity),
  );
  graph.derive(`scope${n}`, scopes, (cell, _, key) => [[key, { labels: labelsOf(cell) }] as const], graph.into(scope));
  graph.join(`join${n}`, { selections: selection, entities: entity, scopes: scope }, graph.into(member));
  graph.derive(
    `count${n}`,
    entities,
    (cell, read, key) => [[key, { number: (read.get(`member${n}`, key)?.length ?? 0) % 6, next: cell.next }] as const],
    graph.into(into),
  );
}
