// Random transactions: the database, our copy and a model agree, whatever comes; and where there is no model (references),
// the database and our copy do.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TransactError } from '../../../../lib/ovsdb/index.ts';
import type {
  Atom,
  Condition,
  ConditionFunction,
  Mutation,
  Operation,
  Row,
  Value,
} from '../../../../lib/ovsdb/index.ts';
import type { Database } from './database.ts';
import { schema } from './environment.ts';
import { Refused, applied } from './model.ts';

const uuid = (kind: number, at: number): string => `${String(kind).repeat(8)}-0000-4000-8000-00000000000${at}`;

// Data

const integers = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -3, max: 3 }) },
  fc.constantFrom<Atom>(2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, Number.MAX_SAFE_INTEGER),
);
const texts = fc.constantFrom('', 'a', 'b', 'é"\\', '𝄞');
const sets = (elements: fc.Arbitrary<Atom>, minLength: number, maxLength: number): fc.Arbitrary<Value> =>
  fc.uniqueArray(elements, { minLength, maxLength }).map((list) => new Set(list));
const maps = (keys: fc.Arbitrary<Atom>, minLength: number, maxLength: number): fc.Arbitrary<Value> =>
  fc
    .uniqueArray(fc.tuple(keys, fc.nat(2)), { minLength, maxLength, selector: ([key]) => key })
    .map((pairs): Value => new Map<Atom, Atom>(pairs));

const values: Readonly<Record<string, fc.Arbitrary<Value>>> = {
  i: integers,
  r: fc.constantFrom(0, 0.5, -1.25, 1e100),
  b: fc.boolean(),
  s: texts,
  i_range: fc.integer({ min: -5, max: 10 }),
  i_opt: sets(integers, 0, 1),
  s_opt: sets(texts, 0, 1),
  i_set: sets(integers, 0, 4),
  s_set: sets(texts, 0, 3),
  i_few: sets(integers, 1, 3),
  si: maps(texts, 0, 3),
  m_one: maps(texts, 0, 1),
  m_few: maps(texts, 1, 2),
};

const dataRow = fc.record(values, { requiredKeys: [] }) as fc.Arbitrary<Row>;

const conditions: fc.Arbitrary<readonly Condition[]> = fc.array(
  fc.oneof(
    fc.tuple(fc.constant('i'), fc.constantFrom<ConditionFunction>('==', '!=', '<', '<=', '>', '>='), integers),
    fc.tuple(fc.constant('i_set'), fc.constantFrom<ConditionFunction>('includes', 'excludes'), sets(integers, 0, 2)),
  ),
  { maxLength: 2 },
);

const membership = fc.constantFrom('insert', 'delete');
const mutation = fc.oneof(
  fc.tuple(fc.constantFrom('i', 'i_opt', 'i_set', 'i_range'), fc.constantFrom('+=', '-=', '/=', '%='), integers),
  // Of small numbers, since the server's check of a product is inexact at the limits (see mutation.suite.ts).
  fc.tuple(fc.constant('i_range'), fc.constant('*='), fc.constantFrom(-2, -1, 1, 2)),
  // The argument has to fit into the column too.
  fc.tuple(fc.constantFrom('i_set', 'i_few'), membership, sets(integers, 0, 2)),
  fc.tuple(fc.constantFrom('i_set', 'i_few', 'i_opt'), membership, sets(integers, 0, 1)),
  fc.tuple(fc.constantFrom('s_set'), membership, sets(texts, 0, 2)),
  fc.tuple(fc.constantFrom('s_set', 's_opt'), membership, sets(texts, 0, 1)),
  fc.tuple(fc.constantFrom('si', 'm_few'), membership, maps(texts, 0, 2)),
  fc.tuple(fc.constantFrom('si', 'm_one', 'm_few'), membership, maps(texts, 0, 1)),
  fc.tuple(fc.constantFrom('si', 'm_few'), fc.constant('delete'), sets(texts, 0, 2)),
  fc.tuple(fc.constant('m_one'), fc.constant('delete'), sets(texts, 0, 1)),
) as fc.Arbitrary<Mutation>;

const table = fc.constant('Data');
const dataOperation = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant('insert'), table, row: dataRow, uuid: fc.nat(7).map((at) => uuid(1, at)) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('update'), table, where: conditions, row: dataRow }) },
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant('mutate'),
      table,
      where: conditions,
      mutations: fc.array(mutation, { maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('delete'), table, where: conditions }) },
  { weight: 1, arbitrary: fc.constant({ op: 'comment', comment: 'c' }) },
) as fc.Arbitrary<Operation>;

const transactions = (operation: fc.Arbitrary<Operation>): fc.Arbitrary<Operation[][]> =>
  fc.array(fc.array(operation, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 15 });

// References

const child = fc.nat(5).map((at) => uuid(2, at));
const pick = (maxLength: number, minLength = 0): fc.Arbitrary<Value> =>
  fc.uniqueArray(child, { minLength, maxLength }).map((list) => new Set<Atom>(list));
const keyed = fc.dictionary(fc.constantFrom('x', 'y'), child).map((pairs): Value => new Map(Object.entries(pairs)));

const kinds: Readonly<Record<string, readonly [kind: number, row: Record<string, fc.Arbitrary<Value>>]>> = {
  Parent: [3, { children: pick(3), only: pick(1), by_name: keyed }],
  Child: [2, { name: texts, next: pick(1), friends: pick(3) }],
  Watcher: [4, { any: pick(3), optional: pick(1), valued: keyed }],
  Bound: [5, { some: pick(3, 1) }],
  Needy: [6, { child }],
  Indexed: [7, { name: texts, x: fc.nat(1), y: fc.nat(1) }],
  Few: [8, { name: texts }],
};

const referring = fc.oneof(
  ...Object.entries(kinds).flatMap(([table, [kind, columns]]) => {
    const id = fc.nat(5).map((at) => uuid(kind, at));
    const row = fc.record(columns, { requiredKeys: [] }) as fc.Arbitrary<Row>;
    const where = fc.option(id, { freq: 4 }).map((of): Condition[] => (of === null ? [] : [['_uuid', '==', of]]));
    const at = fc.constant(table);
    return [
      {
        weight: table === 'Child' ? 8 : 3,
        arbitrary: fc.record({ op: fc.constant('insert'), table: at, row, uuid: id }),
      },
      { weight: 2, arbitrary: fc.record({ op: fc.constant('update'), table: at, where, row }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant('delete'), table: at, where }) },
    ];
  }),
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('mutate'),
      table: fc.constant('Parent'),
      where: fc.nat(5).map((at): Condition[] => [['_uuid', '==', uuid(3, at)]]),
      mutations: fc.array(fc.tuple(fc.constant('children'), membership, pick(2))),
    }),
  },
) as fc.Arbitrary<Operation>;

/** Every uuid in the columns that refer to rows. */
function targets(tables: ReadonlyMap<string, readonly Record<string, unknown>[]>): unknown[] {
  const found: unknown[] = [];
  for (const [name, rows] of tables) {
    for (const { name: column, key, value } of schema.tables.get(name)?.columns.values() ?? []) {
      if (key.refTable === undefined && value?.refTable === undefined) continue;
      found.push(
        ...rows.flatMap((row) => (typeof row[column] === 'object' ? Object.values(row[column] ?? {}) : [row[column]])),
      );
    }
  }
  return found;
}

const RUNS = 40;

export function properties(db: Database): void {
  describe('random transactions', () => {
    const outcome = async (operations: readonly Operation[]): Promise<string> => {
      try {
        await db.transact(...operations);
        return 'done';
      } catch (error) {
        if (error instanceof TransactError) return error.code;
        throw error;
      }
    };

    it('on data do what the model does', async () => {
      await fc.assert(
        fc.asyncProperty(transactions(dataOperation), async (list) => {
          await db.clear();
          let rows: ReadonlyMap<string, Row> = new Map();
          for (const operations of list) {
            let expected = /^done$/;
            try {
              rows = applied(rows, operations);
            } catch (error) {
              if (!(error instanceof Refused)) throw error;
              // Which of several rows fails first, and so the error, is the server's own affair.
              expected = /^(constraint violation|range error|domain error|duplicate uuid)$/;
            }
            expect([operations, await outcome(operations)]).toEqual([operations, expect.stringMatching(expected)]);
            expect(new Map(db.live.replica.rows('Data'))).toEqual(rows);
          }
          await db.read();
        }),
        { numRuns: RUNS },
      );
    });

    it('on rows that refer to each other leave the copy equal, and no reference without its row', async () => {
      const outcomes = new Set<string>();
      await fc.assert(
        fc.asyncProperty(transactions(referring), async (list) => {
          await db.clear();
          await outcome([{ op: 'update', table: 'Child', where: [], row: { next: new Set() } }]);
          for (const operations of list) outcomes.add(await outcome(operations));
          const tables = await db.read();
          const children = new Set(tables.get('Child')?.map(({ _uuid }) => _uuid));
          expect(targets(tables).filter((target) => !children.has(target))).toEqual([]);
        }),
        { numRuns: RUNS },
      );
      expect(outcomes).toContain('done');
      expect(outcomes).toContain('referential integrity violation');
    });
  });
}
