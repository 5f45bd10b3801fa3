// Data types: what every type holds at its limits, written and read back, and what it refuses.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ConstraintViolation } from '../../../../lib/ovsdb/index.ts';
import type { Value } from '../../../../lib/ovsdb/index.ts';
import { insert, sorted, update } from './database.ts';
import type { Database } from './database.ts';

const U = '0f0e0d0c-0b0a-4908-8706-050403020100';
const V = 'ffffffff-ffff-ffff-ffff-ffffffffffff';
const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);
const set = (...atoms: (string | number | bigint | boolean)[]): Value => new Set(atoms);
const map = (...pairs: [string | number | bigint, string | number | bigint | boolean][]): Value => new Map(pairs);

/** Column, what is written, and what is read; the same unless stated, a set of one as its element. */
type Kept = readonly [column: string, written: Value, read?: unknown];

const everyEscape = '"\\/\b\f\n\r\t\u0001\u001f\u007f\u2028é€𝄞';

const atoms: readonly Kept[] = [
  ['i', 0],
  ['i', -0, 0],
  ['i', -1],
  ['i', 2 ** 31],
  ['i', Number.MAX_SAFE_INTEGER],
  ['i', Number.MIN_SAFE_INTEGER],
  ['i', BigInt(Number.MAX_SAFE_INTEGER) + 1n],
  ['i', 1000000000000001],
  ['i', MAX],
  ['i', MIN],
  ['i', 5n, 5],
  ['r', 0],
  ['r', -0, 0],
  ['r', 0.5],
  ['r', -1.25],
  ['r', 1e300],
  ['r', 1e-300],
  ['r', -2.5e-7],
  ['r', 1e15],
  // Debian's servers print 15 digits: what a double holds beyond is lost on the way back.
  ['r', 0.1 + 0.2, 0.3],
  ['r', 2 ** 53, 9007199254740990],
  ['r', 2 ** 70, 1.18059162071741e21],
  ['r', 1.79769313486231e308],
  ['r', -2.22507385850721e-308],
  ['b', true],
  ['b', false],
  ['s', ''],
  ['s', everyEscape],
  ['s', 'true'],
  ['s', '["uuid","x"]'],
  ['s', 'x'.repeat(100_000)],
  ['s', '12345678901234567890123'],
  ['u', U],
  ['u', V],
  ['u', U.toUpperCase(), U],
];

const collections: readonly Kept[] = [
  ...(['i_opt', 'r_opt', 'b_opt', 's_opt', 'u_opt', 'i_set', 'r_set', 'b_set', 's_set', 'u_set'] as const).map(
    (column): Kept => [column, set(), []],
  ),
  ...(['ss', 'ir', 'ub', 'si', 'ru', 'm_one'] as const).map((column): Kept => [column, new Map(), {}]),
  ['i_opt', set(MAX), MAX],
  ['i_opt', 7],
  ['r_opt', set(1.5), 1.5],
  ['b_opt', set(false), false],
  ['s_opt', set(''), ''],
  ['u_opt', set(U), U],
  ['i_set', set(3), 3],
  ['i_set', 3],
  ['i_set', set(MIN, -1, 0, 1, MAX), sorted([MIN, -1, 0, 1, MAX])],
  ['r_set', set(-0, 1.5), [0, 1.5]],
  ['b_set', set(true, false), [false, true]],
  ['s_set', set('', everyEscape, 'set'), ['', everyEscape, 'set']],
  ['u_set', set(U, V), [U, V]],
  ['i_set', new Set(Array.from({ length: 1000 }, (_, at) => at)), sorted(Array(1000).keys())],
  ['i_few', set(1, 2, 3), [1, 2, 3]],
  ['ss', map(['', ''], ['k', everyEscape]), { '': '', k: everyEscape }],
  ['ss', map(['__proto__', 'x'], ['constructor', 'y']), JSON.parse('{"__proto__":"x","constructor":"y"}')],
  ['ir', map([1, 0.5], [-2, 1e99]), { 1: 0.5, '-2': 1e99 }],
  ['ir', map([MIN, 1], [MAX, 2]), { [String(MIN)]: 1, [String(MAX)]: 2 }],
  ['ub', map([U, true], [V, false]), { [U]: true, [V]: false }],
  ['si', map(['a', MAX]), { a: MAX }],
  ['ru', map([0.25, U]), { 0.25: U }],
  ['m_one', map(['a', 1]), { a: 1 }],
  ['m_few', map(['a', 1], ['b', 2]), { a: 1, b: 2 }],
];

const atLimits: readonly Kept[] = [
  ['i_range', -5],
  ['i_range', 10],
  ['r_range', -1.5],
  ['r_range', 2.5],
  ['s_length', 'abcd'],
  // Length is counted in characters, not in bytes or UTF-16 units.
  ['s_length', '𝄞𝄞𝄞𝄞'],
  ['s_long', 'ab'],
  ['i_enum', 5],
  ['s_enum', 'b'],
  ['r_enum', -1.5],
  ['b_enum', false],
  ['s_few', set('abc', 'xyz'), ['abc', 'xyz']],
];

/** What the column's type forbids; whether our client finds it before the server, nobody need know. */
const forbidden: readonly (readonly [column: string, written: Value, why: RegExp])[] = [
  ['i_range', -6, /-6 is not in the valid range -5 to 10/],
  ['i_range', 11, /11 is not in the valid range/],
  ['i_range', MAX, /9223372036854775807 is not in the valid range/],
  ['r_range', -1.75, /-1\.75 is not in the valid range/],
  ['r_range', 2.75, /2\.75 is not in the valid range/],
  ['s_length', 'abcde', /length 5 is greater than maximum allowed length 4/],
  ['s_long', '', /length 0 is less than minimum allowed length 2/],
  ['s_long', '𝄞', /length 1 is less than minimum/],
  ['i_enum', 3, /3 is not one of the allowed values/],
  ['s_enum', 'c', /c is not one of the allowed values/],
  ['r_enum', 1, /1 is not one of the allowed values/],
  ['b_enum', true, /true is not one of the allowed values/],
  ['s_few', set('abcd'), /length 4 is greater than maximum allowed length 3/],
  ['m_few', map(['a', -1]), /-1 is less than minimum allowed value 0/],
  ['i', MAX + 1n, /is no integer/],
  ['i', MIN - 1n, /is no integer/],
  ['i', 0.5, /is no integer/],
  ['i', Number.NaN, /is no integer/],
  ['i', 2 ** 53, /is no integer/],
  ['i', '1', /is no integer/],
  ['r', Number.POSITIVE_INFINITY, /is no real/],
  ['r', Number.NaN, /is no real/],
  ['r', 1n, /is no real/],
  // The server would print 1.79769313486232e+308, which nobody can read, and take no number that is less than a normal one.
  ['r', Number.MAX_VALUE, /is no real/],
  ['r', Number.MIN_VALUE, /is no real/],
  ['r', -2.2250738585072014e-308, /is no real/],
  ['b', 0, /is no boolean/],
  ['s', 1, /is no string/],
  ['s', 'nul\0', /NUL/],
  ['s', 'half \ud834', /surrogate/],
  ['s', '\udd1e half', /surrogate/],
  ['s_set', set('a', '\0'), /NUL/],
  ['ss', map(['k\0', 'v']), /NUL/],
  ['ss', map(['k', '\ud834']), /surrogate/],
  ['u', 'not a uuid', /neither a UUID nor/],
  ['u', U.slice(1), /neither a UUID nor/],
  ['i', map(), /is not a map/],
  ['i_set', map([1, 2]), /is not a map/],
  ['ss', set('a'), /is a map, not a set/],
  ['ss', 'a', /is a map, not an atom/],
];

/** Sizes that a column can't have: the server calls them a syntax error in a row, a constraint violation in a mutation. */
const sizes: readonly (readonly [column: string, written: Value])[] = [
  ['i', set()],
  ['i', set(1, 2)],
  ['i_opt', set(1, 2)],
  ['i_few', set()],
  ['i_few', set(1, 2, 3, 4)],
  ['s_few', set('a', 'b', 'c')],
  ['m_one', map(['a', 1], ['b', 2])],
  ['m_few', new Map()],
  // Distinct in memory, the same atom to the server.
  ['i_set', set(1, 1n)],
  ['u_set', set(U, U.toUpperCase())],
];

/** Values that follow each other, for the differences between them that a monitor sends. */
const replaced: readonly (readonly [column: string, ...values: readonly Value[]])[] = [
  ['i', 1, MAX, 2],
  ['r', 0.5, 1e99],
  ['i_opt', set(1), set(2), set(), set(3)],
  ['s_opt', set('a'), set('b'), set()],
  ['i_set', set(1, 2), set(2, 3), set(), set(MAX, 1), set(MIN)],
  ['u_set', set(U), set(V), set(U, V)],
  ['i_few', set(1, 2, 3), set(4), set(4, 5)],
  ['ss', map(['a', '1']), map(['a', '2']), map(['b', '2'], ['a', '2']), new Map()],
  ['ir', map([MAX, 1]), map([MAX, 2], [1, 1])],
  ['m_one', map(['a', 1]), map(['a', 2]), map(['b', 2]), new Map(), map(['c', 3])],
  ['m_few', map(['a', 1]), map(['b', 1]), map(['a', 2], ['b', 1])],
];

const title = (column: string, value: Value): string => {
  const text = typeof value === 'object' ? [...value].map(String).join(' ') : String(value);
  return `${column} ${JSON.stringify(text.slice(0, 40))}`;
};

export function dataTypes(db: Database): void {
  describe('data types', () => {
    const cases = [...atoms, ...collections, ...atLimits].map(
      ([column, written, ...read]) =>
        [title(column, written), column, written, read.length > 0 ? read[0] : written] as const,
    );

    it.each(cases)('keep %s', async (_, column, written, read) => {
      const [inserted, updated] = [randomUUID(), randomUUID()];
      await db.transact(insert('Data', {}, updated));
      await db.transact(
        { op: 'update', table: 'Data', where: [['_uuid', '==', updated]], row: { [column]: written } },
        insert('Data', { [column]: written }, inserted),
      );
      expect(await db.rows('Data', '_uuid', column)).toEqual(
        sorted([inserted, updated]).map((_uuid) => ({ _uuid, [column]: read })),
      );
      const [result] = await db.transact({ op: 'select', table: 'Data', where: [], columns: [column] });
      const copied = { [column]: db.live.replica.row('Data', inserted)?.[column] };
      // Rows that are equal in the columns asked for are one.
      expect(result?.rows).toEqual([copied]);
    });

    it.each(forbidden.map(([column, written, why]) => [title(column, written), column, written, why] as const))(
      'refuse %s',
      async (_, column, written, why) => {
        await db.transact(insert('Data', { name: 'before' }));
        for (const operation of [insert('Data', { [column]: written }), update('Data', { [column]: written })]) {
          const error = await db.refused(insert('Few', {}), operation);
          expect(error).toBeInstanceOf(ConstraintViolation);
          expect(error.details).toMatch(why);
          expect(error).toMatchObject({ index: 1, operation });
        }
      },
    );

    it.each(sizes.map(([column, written]) => [title(column, written), column, written] as const))(
      'refuse the size of %s',
      async (_, column, written) => {
        expect((await db.refused(insert('Data', { [column]: written }))).code).toMatch(/syntax|constraint|ovsdb error/);
      },
    );

    it.each(replaced.map(([column, ...values]) => [column, values] as const))(
      'of %s may be replaced, and the copy follows',
      async (column, values) => {
        const uuid = randomUUID();
        await db.transact(insert('Data', {}, uuid));
        for (const value of [...values, ...values.toReversed()]) {
          await db.transact(update('Data', { [column]: value }));
          expect(db.live.replica.row('Data', uuid)?.[column]).toEqual(value);
        }
        await db.read();
      },
    );

    it('have defaults: zero, false, the empty string, the zero uuid, the empty set or map, or one default element', async () => {
      await db.transact(insert('Data', { name: 'defaults' }));
      const zero = '00000000-0000-0000-0000-000000000000';
      expect(await db.rows('Data', 'i', 'r', 'b', 's', 'u', 'i_opt', 's_set', 'ss', 'i_few', 'm_few', 's_few')).toEqual(
        [{ i: 0, r: 0, b: false, s: '', u: zero, i_opt: [], s_set: [], ss: {}, i_few: 0, m_few: { '': 0 }, s_few: [] }],
      );
    });
  });
}
