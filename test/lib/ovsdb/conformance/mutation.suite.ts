// Mutations: every mutator with every type it takes, at its limits, and what it refuses.
import { describe, expect, it } from 'vitest';
import { ConstraintViolation, DomainError, ResultRangeError, SyntaxViolation } from '../../../../lib/ovsdb/index.ts';
import type { Mutator, TransactError, Value } from '../../../../lib/ovsdb/index.ts';
import { insert, mutate, sorted } from './database.ts';
import type { Database } from './database.ts';

const U = '11111111-0000-4000-8000-000000000001';
const V = '22222222-0000-4000-8000-000000000002';
const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);
type Atom = string | number | bigint | boolean;
const set = (...atoms: Atom[]): Value => new Set(atoms);
const map = (...pairs: [Atom, Atom][]): Value => new Map(pairs);

/** Column, its value before, mutator and argument, and what is read afterwards. */
type Done = readonly [column: string, before: Value, mutator: Mutator, argument: Value, after: unknown];

const numbers: readonly Done[] = [
  ['i', 5, '+=', 3, 8],
  ['i', 5, '-=', 8, -3],
  ['i', -5, '*=', 3, -15],
  ['i', 7, '/=', 2, 3],
  // Division is C's: towards zero, and the remainder has the sign of what is divided.
  ['i', -7, '/=', 2, -3],
  ['i', -7, '%=', 2, -1],
  ['i', 7, '%=', -4, 3],
  ['i', 5, '+=', 0, 5],
  ['i', MAX - 1n, '+=', 1, MAX],
  ['i', MIN + 1n, '-=', 1, MIN],
  ['i', -1, '-=', MIN, MAX],
  ['i', 0, '+=', MIN, MIN],
  ['i', 2n ** 62n, '*=', -2, MIN],
  ['i', MIN, '/=', 2, -(2n ** 62n)],
  ['i', MAX, '%=', 10, 7],
  // Not found by the server's check, and the product wraps around (3.1 and 3.5).
  ['i', MIN, '*=', -1, MIN],
  ['i', BigInt(Number.MAX_SAFE_INTEGER), '+=', 1, 2n ** 53n],
  ['i', 2n ** 53n, '-=', 1, Number.MAX_SAFE_INTEGER],
  ['r', 1.5, '+=', 0.25, 1.75],
  ['r', 1.5, '-=', 2, -0.5],
  ['r', -1.5, '*=', 4, -6],
  ['r', 1, '/=', 4, 0.25],
  ['r', 0, '*=', -1, 0],
  ['r', -1, '*=', 0, 0],
  ['i_range', 9, '+=', 1, 10],
  ['i_opt', set(), '+=', 1, []],
  ['i_opt', set(4), '*=', 2, 8],
  ['r_opt', set(4), '/=', 8, 0.5],
  ['i_set', set(), '+=', 1, []],
  ['i_set', set(1, 2, 3), '+=', 10, [11, 12, 13]],
  ['i_set', set(-1, 4, 7), '*=', -2, [-14, -8, 2]],
  ['r_set', set(0.5, 1), '-=', 1, [-0.5, 0]],
  ['i_few', set(1, 2, 3), '-=', 1, [0, 1, 2]],
];

const members: readonly Done[] = [
  ['i_set', set(1, 2), 'insert', set(2, 3), [1, 2, 3]],
  ['i_set', set(1, 2), 'insert', 3, [1, 2, 3]],
  ['i_set', set(1, 2), 'insert', set(), [1, 2]],
  ['i_set', set(1, 2), 'delete', set(2, 3), 1],
  ['i_set', set(1, 2), 'delete', 1, 2],
  ['i_set', set(1), 'delete', 1, []],
  ['i_set', set(), 'insert', MAX, MAX],
  ['r_set', set(0.5), 'insert', set(-1.5), [-1.5, 0.5]],
  ['r_set', set(0.5), 'delete', set(0.5), []],
  ['b_set', set(true), 'insert', set(false), [false, true]],
  ['b_set', set(true), 'delete', set(true, false), []],
  ['s_set', set('a'), 'insert', set('', 'é'), ['', 'a', 'é']],
  ['s_set', set('a', 'b'), 'delete', set('b', 'c'), 'a'],
  ['u_set', set(U), 'insert', set(V), [U, V]],
  ['u_set', set(U, V), 'delete', set(U), V],
  ['i_opt', set(), 'insert', 1, 1],
  ['i_opt', set(1), 'insert', 1, 1],
  ['i_opt', set(1), 'delete', 1, []],
  ['s_few', set('a'), 'insert', set('b'), ['a', 'b']],
  ['ss', map(['k', 'v']), 'insert', map(['l', 'w']), { k: 'v', l: 'w' }],
  // A key that is there keeps its value.
  ['ss', map(['k', 'v']), 'insert', map(['k', 'other'], ['l', 'w']), { k: 'v', l: 'w' }],
  ['ss', map(['k', 'v'], ['l', 'w']), 'delete', map(['k', 'v']), { l: 'w' }],
  // A pair is deleted when the value agrees, a key whatever its value.
  ['ss', map(['k', 'v']), 'delete', map(['k', 'other']), { k: 'v' }],
  ['ss', map(['k', 'v'], ['l', 'w']), 'delete', set('k', 'm'), { l: 'w' }],
  ['ss', map(['k', 'v']), 'delete', 'k', {}],
  ['ir', map([1, 0.5]), 'insert', map([2, 1.5]), { 1: 0.5, 2: 1.5 }],
  ['ir', map([1, 0.5], [MAX, 1]), 'delete', set(MAX), { 1: 0.5 }],
  ['ub', map([U, true]), 'delete', set(U), {}],
  ['ru', map([0.5, U]), 'insert', map([1, V]), { 0.5: U, 1: V }],
  ['m_one', new Map(), 'insert', map(['a', 1]), { a: 1 }],
  ['m_one', map(['a', 1]), 'delete', set('a'), {}],
];

type Refused = readonly [
  column: string,
  before: Value,
  mutator: Mutator,
  argument: Value,
  type: typeof TransactError,
  why: RegExp,
];

const outside = /is out of range|not in the valid range/;

const results: readonly Refused[] = [
  ['i', MAX, '+=', 1, ResultRangeError, outside],
  ['i', MIN, '+=', -1, ResultRangeError, outside],
  ['i', MIN, '-=', 1, ResultRangeError, outside],
  ['i', 0, '-=', MIN, ResultRangeError, outside],
  ['i', 2n ** 62n, '*=', 2, ResultRangeError, outside],
  ['i', -1, '*=', MIN, ResultRangeError, outside],
  // The server's check is too strict by one here.
  ['i', MAX, '*=', 1, ResultRangeError, outside],
  ['i', MIN, '/=', -1, ResultRangeError, outside],
  // The remainder would be 0; the server refuses it with the quotient.
  ['i', MIN, '%=', -1, ResultRangeError, outside],
  ['i', 1, '/=', 0, DomainError, /Division by zero/],
  ['i', 1, '%=', 0, DomainError, /Division by zero/],
  ['r', 1, '/=', 0, DomainError, /Division by zero/],
  // By us: both servers crash when the column is negative, whatever else the transaction does.
  ['i', -1, '*=', 0, DomainError, /would end the server/],
  ['i_set', set(-1, 2), '*=', 0n, DomainError, /would end the server/],
  ['r', 1e308, '*=', 10, ResultRangeError, outside],
  ['r', 1e308, '+=', 1.5e308, ResultRangeError, outside],
  ['r', -1e308, '-=', 1e308, ResultRangeError, outside],
  ['i_range', 10, '+=', 1, ConstraintViolation, outside],
  ['r_range', 2, '*=', 2, ConstraintViolation, outside],
  ['i_enum', 2, '+=', 1, ConstraintViolation, /3 is not one of/],
  ['i_set', set(1, MAX), '+=', 1, ResultRangeError, outside],
  // Several elements that become equal would make a smaller set: refused instead.
  ['i_set', set(2, 3), '/=', 2, ConstraintViolation, /duplicate/],
  ['i_opt', set(1), 'insert', 2, ConstraintViolation, /store 2 elements/],
  ['i_few', set(1), 'delete', 1, ConstraintViolation, /store 0 elements/],
  ['i_few', set(1, 2, 3), 'insert', 4, ConstraintViolation, /store 4 elements/],
  ['s_few', set('a', 'b'), 'insert', set('c'), ConstraintViolation, /store 3 elements/],
  ['s_few', set(), 'insert', set('abcd'), ConstraintViolation, /length 4/],
  ['m_one', map(['a', 1]), 'insert', map(['b', 2]), ConstraintViolation, /store 2 elements/],
  ['m_few', map(['a', 1]), 'delete', set('a'), ConstraintViolation, /store 0 elements/],
  ['m_few', map(['a', 1]), 'insert', map(['b', -1]), ConstraintViolation, /-1 is less than minimum/],
];

/** Mutators that a type does not have; found in the request, before any row. */
const disallowed: readonly (readonly [column: string, mutator: Mutator, argument: Value])[] = [
  ['i', 'insert', 1],
  ['i', 'delete', 1],
  ['r', '%=', 0.5],
  ['r_set', '%=', 0.5],
  ['b', '+=', true],
  ['s', '+=', 'x'],
  ['s', 'insert', 'x'],
  ['u', '-=', U],
  ['s_set', '*=', 'x'],
  ['b_set', '/=', true],
  ['u_opt', '%=', U],
];

const written = (value: Value): string =>
  typeof value === 'object' ? `{${[...value].map(String).join(' ')}}` : String(value);

export function mutations(db: Database): void {
  describe('mutations', () => {
    it.each(
      [...numbers, ...members].map(
        (done) => [`${done[0]} ${written(done[1])} ${done[2]} ${written(done[3])}`, done] as const,
      ),
    )('%s', async (_, [column, before, mutator, argument, after]) => {
      await db.transact(insert('Data', { [column]: before }));
      expect(await db.transact(mutate('Data', [column, mutator, argument]))).toEqual([{ count: 1 }]);
      const ordered = Array.isArray(after) ? sorted(after) : after;
      expect(await db.rows('Data', column)).toEqual([{ [column]: ordered }]);
    });

    it.each(
      results.map(
        (refused) => [`${refused[0]} ${written(refused[1])} ${refused[2]} ${written(refused[3])}`, refused] as const,
      ),
    )('refuse %s', async (_, [column, before, mutator, argument, type, why]) => {
      await db.transact(insert('Data', { [column]: before }));
      const operation = mutate('Data', [column, mutator, argument]);
      const error = await db.refused(insert('Few', {}), operation);
      expect(error).toBeInstanceOf(type);
      expect(error.details).toMatch(why);
      expect(error).toMatchObject({ index: 1, operation });
    });

    it.each(disallowed)('refuse %s %s', async (column, mutator, argument) => {
      const error = await db.refused(mutate('Data', [column, mutator, argument]));
      expect(error).toBeInstanceOf(SyntaxViolation);
      expect(error.details).toMatch(/may not be applied to column/);
    });

    it('run one after the other on each row, and see what the one before made', async () => {
      await db.transact(insert('Data', { name: 'a', i: 1 }), insert('Data', { name: 'b', i: 10 }));
      const steps = mutate(
        'Data',
        ['i', '+=', 1],
        ['i', '*=', 3],
        ['i_set', 'insert', 4],
        ['i_set', '+=', 1],
        ['i', '%=', 7],
      );
      expect(await db.transact(steps)).toEqual([{ count: 2 }]);
      expect(await db.rows('Data', 'name', 'i', 'i_set')).toEqual([
        { name: 'a', i: 6, i_set: 5 },
        { name: 'b', i: 5, i_set: 5 },
      ]);
    });

    it('replace an element of a full set by delete and insert, but not in the other order', async () => {
      await db.transact(insert('Data', { s_few: new Set(['a', 'b']) }));
      await db.transact(mutate('Data', ['s_few', 'delete', 'b'], ['s_few', 'insert', 'c']));
      expect(await db.rows('Data', 's_few')).toEqual([{ s_few: ['a', 'c'] }]);
      const error = await db.refused(mutate('Data', ['s_few', 'insert', 'd'], ['s_few', 'delete', 'a']));
      expect(error).toBeInstanceOf(ConstraintViolation);
    });

    it('do nothing when there are none, and may not touch an immutable column', async () => {
      await db.transact(insert('Data', { immutable: 'x', i: 1 }));
      expect(await db.transact(mutate('Data'))).toEqual([{ count: 1 }]);
      expect(await db.rows('Data', 'immutable', 'i')).toEqual([{ immutable: 'x', i: 1 }]);
    });
  });
}
