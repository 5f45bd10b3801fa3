// Conditions: every function with every type, as a select, as the where of a write, and as the condition of a monitor.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SyntaxViolation, UnknownColumn } from '../../../../lib/ovsdb/index.ts';
import type { Condition, Row } from '../../../../lib/ovsdb/index.ts';
import { insert, sorted } from './database.ts';
import type { Database } from './database.ts';

const [U1, U2, U3] = [
  '11111111-0000-4000-8000-000000000001',
  '22222222-0000-4000-8000-000000000002',
  'ffffffff-ffff-4fff-bfff-ffffffffffff',
];
const BIG = 2n ** 53n + 1n;

const rows: Readonly<Record<string, Row>> = {
  a: { i: -3, r: -0.5, b: false, s: '', u: U1 },
  b: {
    i: 7,
    r: 1.5,
    b: true,
    s: 'é',
    u: U2,
    i_opt: new Set([7]),
    r_opt: new Set([1.5]),
    b_opt: new Set([true]),
    s_opt: new Set(['x']),
    u_opt: new Set([U1]),
    i_set: new Set([1]),
    r_set: new Set([0.5]),
    b_set: new Set([true]),
    s_set: new Set(['x']),
    u_set: new Set([U1]),
    ss: new Map([['k', 'v']]),
    ir: new Map([[1, 0.5]]),
    ub: new Map([[U1, true]]),
  },
  c: {
    i: BIG,
    r: 1e100,
    b: true,
    s: 'z',
    u: U3,
    i_opt: new Set([BIG]),
    r_opt: new Set([-2]),
    b_opt: new Set([false]),
    s_opt: new Set(['']),
    u_opt: new Set([U2]),
    i_set: new Set([1, 2, BIG]),
    r_set: new Set([0.5, 1]),
    b_set: new Set([true, false]),
    s_set: new Set(['x', 'y']),
    u_set: new Set([U1, U2]),
    ss: new Map([
      ['k', 'v'],
      ['l', 'w'],
    ]),
    ir: new Map([
      [1, 0.5],
      [2, 1],
    ]),
    ub: new Map([
      [U1, true],
      [U2, false],
    ]),
  },
};

/** A condition, and the names of the rows of above that meet it. */
type Met = readonly [condition: Condition, names: string];

const scalars: readonly Met[] = [
  [['i', '==', 7], 'b'],
  [['i', '==', BIG], 'c'],
  [['i', '==', BIG - 1n], ''],
  [['i', '!=', 7], 'ac'],
  [['i', '<', 7], 'a'],
  [['i', '<=', 7], 'ab'],
  [['i', '>', 7], 'c'],
  [['i', '>=', BIG], 'c'],
  [['i', '>', BIG], ''],
  [['i', 'includes', 7], 'b'],
  [['i', 'excludes', 7], 'ac'],
  [['r', '==', 1.5], 'b'],
  [['r', '==', 1.4999999999], ''],
  [['r', '!=', 1.5], 'ac'],
  [['r', '<', 1.5], 'a'],
  [['r', '<=', 1.5], 'ab'],
  [['r', '>', 1.5], 'c'],
  [['r', '>=', 1.5], 'bc'],
  [['r', 'includes', -0.5], 'a'],
  [['r', 'excludes', -0.5], 'bc'],
  [['b', '==', true], 'bc'],
  [['b', '!=', true], 'a'],
  [['b', 'includes', false], 'a'],
  [['b', 'excludes', false], 'bc'],
  [['s', '==', 'é'], 'b'],
  [['s', '==', ''], 'a'],
  [['s', '!=', 'é'], 'ac'],
  [['s', 'includes', 'z'], 'c'],
  [['s', 'excludes', 'z'], 'ab'],
  [['u', '==', U3], 'c'],
  [['u', '==', U3.toUpperCase()], 'c'],
  [['u', '!=', U3], 'ab'],
  [['u', 'includes', U1], 'a'],
  [['u', 'excludes', U1], 'bc'],
];

const optionals: readonly Met[] = [
  [['i_opt', '==', new Set()], 'a'],
  [['i_opt', '==', 7], 'b'],
  [['i_opt', '!=', 7], 'ac'],
  // The four orders skip rows where there is nothing to compare (ovsdb-server(7) 5.1).
  [['i_opt', '<', 8], 'b'],
  [['i_opt', '<=', 7], 'b'],
  [['i_opt', '>', 7], 'c'],
  [['i_opt', '>=', 7], 'bc'],
  [['i_opt', 'includes', 7], 'b'],
  [['i_opt', 'includes', new Set()], 'abc'],
  [['i_opt', 'excludes', 7], 'ac'],
  [['r_opt', '<', 1.5], 'c'],
  [['r_opt', '<=', 1.5], 'bc'],
  [['r_opt', '>', -2], 'b'],
  [['r_opt', '>=', -2], 'bc'],
  [['r_opt', '==', new Set([1.5])], 'b'],
  [['r_opt', 'excludes', 1.5], 'ac'],
  [['b_opt', '==', new Set([false])], 'c'],
  [['b_opt', '!=', new Set([false])], 'ab'],
  [['b_opt', 'includes', true], 'b'],
  [['b_opt', 'excludes', true], 'ac'],
  [['s_opt', '==', ''], 'c'],
  [['s_opt', '==', new Set()], 'a'],
  [['s_opt', 'includes', 'x'], 'b'],
  [['s_opt', 'excludes', 'x'], 'ac'],
  [['u_opt', '==', U1], 'b'],
  [['u_opt', '!=', U1], 'ac'],
  [['u_opt', 'includes', new Set([U2])], 'c'],
  [['u_opt', 'excludes', new Set([U2])], 'ab'],
];

const sets: readonly Met[] = [
  [['i_set', '==', new Set()], 'a'],
  [['i_set', '==', 1], 'b'],
  [['i_set', '==', new Set([BIG, 2, 1])], 'c'],
  [['i_set', '!=', new Set([1])], 'ac'],
  [['i_set', 'includes', new Set([1])], 'bc'],
  [['i_set', 'includes', new Set([1, BIG])], 'c'],
  [['i_set', 'includes', new Set()], 'abc'],
  [['i_set', 'excludes', new Set([2, 9])], 'ab'],
  [['i_set', 'excludes', new Set()], 'abc'],
  [['r_set', '==', new Set([1, 0.5])], 'c'],
  [['r_set', 'includes', 0.5], 'bc'],
  [['r_set', 'excludes', 1], 'ab'],
  [['b_set', '==', new Set([true, false])], 'c'],
  [['b_set', '!=', new Set([true])], 'ac'],
  [['b_set', 'includes', true], 'bc'],
  [['b_set', 'excludes', false], 'ab'],
  [['s_set', '==', new Set(['x'])], 'b'],
  [['s_set', '!=', new Set(['y', 'x'])], 'ab'],
  [['s_set', 'includes', new Set(['x', 'y'])], 'c'],
  [['s_set', 'excludes', new Set(['y'])], 'ab'],
  [['u_set', '==', new Set([U1, U2])], 'c'],
  [['u_set', 'includes', U1], 'bc'],
  [['u_set', 'excludes', U2], 'ab'],
];

const maps: readonly Met[] = [
  [['ss', '==', new Map()], 'a'],
  [['ss', '==', new Map([['k', 'v']])], 'b'],
  [['ss', '!=', new Map([['k', 'v']])], 'ac'],
  [['ss', 'includes', new Map([['k', 'v']])], 'bc'],
  [['ss', 'includes', new Map([['k', 'other']])], ''],
  [
    [
      'ss',
      'excludes',
      new Map([
        ['l', 'w'],
        ['k', 'other'],
      ]),
    ],
    'ab',
  ],
  [['ir', '==', new Map([[1, 0.5]])], 'b'],
  [['ir', 'includes', new Map([[2, 1]])], 'c'],
  [['ir', 'excludes', new Map([[2, 1]])], 'ab'],
  [['ub', 'includes', new Map([[U1, true]])], 'bc'],
  [['ub', 'includes', new Map([[U1, false]])], ''],
  [['ub', '!=', new Map()], 'bc'],
];

const text = (condition: Condition): string => {
  const [column, fn, value] = condition;
  return `${column} ${fn} ${typeof value === 'object' ? `{${[...value].map(String).join(' ')}}` : String(value)}`;
};

/** Functions that a type does not have. */
const disallowed: readonly Condition[] = (['<', '<=', '>', '>='] as const).flatMap((fn): Condition[] => [
  ['b', fn, true],
  ['s', fn, 'x'],
  ['u', fn, U1],
  ['s_opt', fn, 'x'],
  ['i_set', fn, 1],
  ['ss', fn, new Map([['k', 'v']])],
]);

export function conditions(db: Database): void {
  describe('conditions', () => {
    it.each(
      [...scalars, ...optionals, ...sets, ...maps].map(
        ([condition, names]) => [text(condition), condition, names] as const,
      ),
    )('%s', async (_, condition, names) => {
      const hit = db.live.session.monitor(
        { tables: { Data: ['name'] }, conditions: { Data: [condition] } },
        { changed: () => undefined },
      );
      await db.transact(...Object.entries(rows).map(([name, row]) => insert('Data', { name, ...row }, randomUUID())));
      const [selected, written] = await db.transact(
        { op: 'select', table: 'Data', where: [condition], columns: ['name'] },
        { op: 'update', table: 'Data', where: [condition], row: { i_few: new Set([3]) } },
      );
      const monitored = [...hit.rows('Data')].map(([, row]) => row['name']);
      hit.close();
      expect(sorted((selected?.rows ?? []).map((row) => row['name'])).join('')).toBe(names);
      expect(written).toEqual({ count: names.length });
      expect(sorted(monitored).join('')).toBe(names);
      const met = (await db.rows('Data', 'name', 'i_few')).filter((row) => row['i_few'] === 3);
      expect(met.map(({ name }) => name).join('')).toBe(names);
    });

    it.each(disallowed.map((condition) => [text(condition), condition] as const))('refuse %s', async (_, condition) => {
      const error = await db.refused({ op: 'delete', table: 'Data', where: [condition] });
      expect(error).toBeInstanceOf(SyntaxViolation);
      expect(error.details).toMatch(/Type mismatch/);
    });

    it('have to hold all of them; none is every row', async () => {
      await db.transact(...Object.entries(rows).map(([name, row]) => insert('Data', { name, ...row })));
      const count = async (...where: Condition[]): Promise<number | undefined> =>
        (await db.transact({ op: 'update', table: 'Data', where, row: { r: 2 } }))[0]?.count;
      expect(await count(['i', '>', -5], ['i', '<', 8])).toBe(2);
      expect(await count(['i', '>', 8], ['i', '<', 8])).toBe(0);
      expect(await count()).toBe(3);
      expect(await db.rows('Data', 'r')).toEqual([{ r: 2 }, { r: 2 }, { r: 2 }]);
    });

    it('find a row by _uuid, and by a _version only until it changes', async () => {
      const uuid = randomUUID();
      await db.transact(insert('Data', { name: 'x' }, uuid), insert('Data', { name: 'y' }));
      const byUuid: Condition = ['_uuid', '==', uuid];
      const columns = ['_uuid', '_version', 'name'];
      const [found] = await db.transact({ op: 'select', table: 'Data', where: [byUuid], columns });
      const version = found?.rows?.[0]?.['_version'] ?? '';
      expect(found?.rows).toEqual([{ _uuid: uuid, _version: version, name: 'x' }]);
      const byVersion: Condition = ['_version', '==', version];
      const write = async (name: string): Promise<unknown> =>
        (await db.transact({ op: 'update', table: 'Data', where: [byVersion], row: { name } }))[0]?.count;
      expect([await write('once'), await write('twice')]).toEqual([1, 0]);
      expect(await db.names('Data')).toEqual(['once', 'y']);
      expect(await db.transact({ op: 'delete', table: 'Data', where: [['_uuid', '!=', uuid]] })).toEqual([
        { count: 1 },
      ]);
      expect(await db.names('Data')).toEqual(['once']);
    });

    it('refuse an unknown column', async () => {
      const error = await db.refused({ op: 'delete', table: 'Data', where: [['nope', '==', 1]] });
      expect(error).toBeInstanceOf(UnknownColumn);
    });
  });
}
