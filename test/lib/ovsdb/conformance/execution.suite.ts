// Execution: what each operation gives and when, what a transaction sees of itself, and what makes it fail as a whole.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import {
  Aborted,
  ConstraintViolation,
  DuplicateUuid,
  DuplicateUuidName,
  NotOwner,
  SyntaxViolation,
  TimedOut,
  UnknownColumn,
} from '../../../../lib/ovsdb/index.ts';
import type { Operation, Row } from '../../../../lib/ovsdb/index.ts';
import { eventually } from '../../../eventually.ts';
import { insert, mutate, sorted, update } from './database.ts';
import type { Database } from './database.ts';

const select = (table: string, ...columns: readonly string[]): Operation => ({
  op: 'select',
  table,
  where: [],
  columns,
});
const remove = (table: string): Operation => ({ op: 'delete', table, where: [] });

const wait = (until: '==' | '!=', rows: readonly Row[], timeout?: number): Operation => ({
  op: 'wait',
  table: 'Data',
  where: [],
  columns: ['name', 'i'],
  until,
  rows,
  ...(timeout !== undefined && { timeout }),
});

export function execution(db: Database): void {
  describe('a transaction', () => {
    it('gives a result per operation, in order; each sees those before it', async () => {
      const uuid = randomUUID();
      const results = await db.transact(
        select('Data', 'name'),
        insert('Data', { name: 'a', i: 1 }, uuid),
        select('Data', 'name', 'i'),
        update('Data', { name: 'b' }),
        mutate('Data', ['i', '+=', 1]),
        wait('==', [{ name: 'b', i: 2 }], 0),
        { op: 'comment', comment: 'c' },
        { op: 'commit', durable: false },
        select('Data', 'name', 'i'),
        remove('Data'),
        select('Data', 'name'),
        remove('Data'),
        insert('Data', { name: 'left' }),
      );
      expect(results).toEqual([
        { rows: [] },
        { uuid },
        { rows: [{ name: 'a', i: 1 }] },
        { count: 1 },
        { count: 1 },
        {},
        {},
        {},
        { rows: [{ name: 'b', i: 2 }] },
        { count: 1 },
        { rows: [] },
        { count: 0 },
        { uuid: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
      ]);
      expect(await db.names('Data')).toEqual(['left']);
    });

    it('may be empty, and may be long', async () => {
      expect(await db.transact()).toEqual([]);
      const many = Array.from({ length: 1000 }, (_, at) => insert('Data', { name: String(at) }));
      expect(await db.transact(...many)).toHaveLength(1000);
      expect(new Set(await db.names('Data')).size).toBe(1000);
    });

    it('does nothing when any operation fails, and names it', async () => {
      const bad = mutate('Data', ['i', '/=', 0]);
      const error = await db.refused(insert('Data', { name: 'before' }), bad, insert('Data', { name: 'after' }));
      expect(error).toMatchObject({ index: 1, operation: bad, code: 'domain error' });
    });

    it('is one change for whoever looks: a row that comes and goes within it was never there', async () => {
      const { batches } = db.live;
      const seen = batches.length;
      await db.transact(insert('Data', { name: 'gone' }), remove('Data'));
      await db.transact(insert('Data', { name: 'a' }), update('Data', { name: 'b' }), insert('Few', {}));
      await db.transact(update('Data', { name: 'b' }));
      expect(
        batches.slice(seen).map((changes) => changes.map(({ table, new: row }) => [table, row?.['name']])),
      ).toEqual([
        [
          ['Data', 'b'],
          ['Few', ''],
        ],
      ]);
    });

    it('runs after those sent before it', async () => {
      await db.transact(insert('Data', {}));
      const rounds = Array.from(
        { length: 50 },
        async (_, at) => await db.transact(mutate('Data', ['i', '*=', 3], ['i', '+=', at], ['i', '%=', 1009])),
      );
      await Promise.all(rounds);
      const expected = Array.from({ length: 50 }, (_, at) => at).reduce((i, at) => (i * 3 + at) % 1009, 0);
      expect(await db.rows('Data', 'i')).toEqual([{ i: expected }]);
    });
  });

  describe('insert', () => {
    it('takes a uuid, once', async () => {
      const uuid = randomUUID();
      expect(await db.transact(insert('Data', { name: 'a' }, uuid))).toEqual([{ uuid }]);
      expect(await db.refused(insert('Data', { name: 'again' }, uuid))).toBeInstanceOf(DuplicateUuid);
      const other = randomUUID();
      expect(await db.refused(insert('Data', {}, other), insert('Data', {}, other))).toMatchObject({
        index: 1,
        code: 'duplicate uuid',
      });
    });

    it('takes a uuid again after the row has gone, in a later transaction only', async () => {
      const uuid = randomUUID();
      await db.transact(insert('Data', { name: 'first' }, uuid));
      expect(await db.refused(remove('Data'), insert('Data', {}, uuid))).toBeInstanceOf(DuplicateUuid);
      await db.transact(remove('Data'));
      // A row that came and went within the transaction does not count.
      await db.transact(insert('Data', {}, uuid), remove('Data'), insert('Data', { name: 'second' }, uuid));
      expect(await db.rows('Data', '_uuid', 'name')).toEqual([{ _uuid: uuid, name: 'second' }]);
    });

    it('takes a uuid that another table has', async () => {
      const uuid = randomUUID();
      await db.transact(insert('Data', { name: 'a' }, uuid), insert('Few', { name: 'a' }, uuid));
      expect([await db.rows('Data', '_uuid'), await db.rows('Few', '_uuid')]).toEqual([
        [{ _uuid: uuid }],
        [{ _uuid: uuid }],
      ]);
    });

    it('takes names for rows of the transaction, referred to before and after, in values, maps, conditions and mutations', async () => {
      const [root, , first, second] = await db.transact(
        {
          op: 'insert',
          table: 'Parent',
          uuidName: 'root',
          row: { name: 'root', children: new Set(['first', 'second']), by_name: new Map([['one', 'first']]) },
        },
        { op: 'update', table: 'Parent', where: [['_uuid', '==', 'root']], row: { name: 'renamed' } },
        {
          op: 'insert',
          table: 'Child',
          row: { name: 'first', friends: new Set(['first', 'second']) },
          uuidName: 'first',
        },
        { op: 'insert', table: 'Child', row: { name: 'second' }, uuidName: 'second' },
        {
          op: 'mutate',
          table: 'Child',
          where: [['_uuid', '==', 'second']],
          mutations: [['friends', 'insert', new Set(['first'])]],
        },
      );
      const [a, b] = [first?.uuid, second?.uuid];
      expect(await db.rows('Parent', '_uuid', 'name', 'children', 'by_name')).toEqual([
        { _uuid: root?.uuid, name: 'renamed', children: sorted([a, b]), by_name: { one: a } },
      ]);
      expect(await db.rows('Child', 'name', 'friends')).toEqual([
        { name: 'first', friends: sorted([a, b]) },
        { name: 'second', friends: a },
      ]);
    });

    it('refuses a name twice, a name that is no identifier, and a reference to a name that nobody declares', async () => {
      const named = (uuidName: string): Operation => ({ op: 'insert', table: 'Data', row: {}, uuidName });
      expect(await db.refused(named('x'), named('x'))).toBeInstanceOf(DuplicateUuidName);
      expect(await db.refused(named('0 x'))).toBeInstanceOf(SyntaxViolation);
      expect(await db.refused(insert('Parent', { children: new Set(['nobody']) }))).toBeInstanceOf(ConstraintViolation);
    });

    it('takes a uuid and a name together', async () => {
      const uuid = randomUUID();
      await db.transact(
        { op: 'insert', table: 'Child', row: { name: 'c' }, uuid, uuidName: 'c' },
        insert('Parent', { children: new Set(['c']) }),
      );
      expect(await db.rows('Parent', 'children')).toEqual([{ children: uuid }]);
    });
  });

  describe('select', () => {
    it('gives every column, _uuid and _version too, when none is named', async () => {
      const uuid = randomUUID();
      await db.transact(insert('Few', { name: 'a' }, uuid));
      const [result] = await db.transact({ op: 'select', table: 'Few', where: [] });
      expect(result?.rows).toEqual([
        { _uuid: uuid, _version: expect.stringMatching(/^[0-9a-f-]{36}$/) as string, name: 'a' },
      ]);
    });

    it('gives rows that are equal in the columns asked for once', async () => {
      await db.transact(
        insert('Data', { name: 'a', i: 1 }),
        insert('Data', { name: 'b', i: 1 }),
        insert('Data', { i: 2 }),
      );
      const [one, two] = await db.transact(select('Data', 'i'), select('Data', 'name', 'i'));
      expect(new Set(one?.rows?.map(({ i }) => i))).toEqual(new Set([1, 2]));
      expect([one?.rows?.length, two?.rows?.length]).toEqual([2, 3]);
    });

    it('refuses an unknown column and an unknown table', async () => {
      expect((await db.refused(select('Data', 'nope'))).code).toMatch(/syntax error|unknown column/);
      expect(await db.refused(select('Nope', 'name'))).toBeInstanceOf(SyntaxViolation);
      expect(await db.refused(insert('Data', { nope: 1 }))).toBeInstanceOf(UnknownColumn);
    });
  });

  describe('update', () => {
    it('refuses columns that may not change; insert may set them', async () => {
      await db.transact(insert('Data', { immutable: 'once' }));
      expect(await db.refused(update('Data', { immutable: 'twice' }))).toBeInstanceOf(ConstraintViolation);
      expect(await db.refused(mutate('Data', ['immutable', '+=', 'x']))).toMatchObject({ index: 0 });
      expect((await db.refused(update('Data', { _uuid: randomUUID() }))).code).toMatch(
        /constraint violation|syntax error/,
      );
      expect(await db.rows('Data', 'immutable')).toEqual([{ immutable: 'once' }]);
    });

    it('counts rows that it met, changed or not', async () => {
      await db.transact(insert('Data', { name: 'a' }), insert('Data', { name: 'b' }));
      expect(await db.transact(update('Data', { name: 'a' }))).toEqual([{ count: 2 }]);
      expect(await db.transact(update('Data', { name: 'a' }), update('Data', {}))).toEqual([
        { count: 2 },
        { count: 2 },
      ]);
      expect(await db.names('Data')).toEqual(['a', 'a']);
    });
  });

  describe('wait', () => {
    const rows = [
      { name: 'a', i: 1 },
      { name: 'b', i: 2 },
    ];

    it.each<[string, '==' | '!=', readonly Row[], boolean]>([
      ['the rows', '==', rows, true],
      ['the rows in another order', '==', rows.toReversed(), true],
      ['a row less', '==', rows.slice(1), false],
      ['a row more', '==', [...rows, { name: 'c', i: 3 }], false],
      ['the rows, unless', '!=', rows, false],
      ['a row less, unless', '!=', rows.slice(1), true],
      [
        'another value, unless',
        '!=',
        [
          { name: 'a', i: 1 },
          { name: 'b', i: 3 },
        ],
        true,
      ],
      ['none', '==', [], false],
    ])('with no patience, for %s', async (_, until, wanted, met) => {
      await db.transact(...rows.map((row) => insert('Data', row)));
      const operations = [wait(until, wanted, 0), insert('Few', { name: 'then' })];
      const outcome: unknown = await db.transact(...operations).catch((error: unknown) => error);
      expect(outcome instanceof TimedOut).toBe(!met);
      expect(await db.names('Few')).toEqual(met ? ['then'] : []);
    });

    it('compares only the columns named, and columns that a row leaves out as their default', async () => {
      await db.transact(insert('Data', { name: 'a', i: 0, r: 1.5 }));
      await db.transact(wait('==', [{ name: 'a' }], 0));
      expect(await db.refused(wait('==', [{ i: 0 }], 0))).toBeInstanceOf(TimedOut);
    });

    it('holds its transaction until another one makes it true; others go on', async () => {
      const held = db.transact(wait('==', [{ name: 'go', i: 0 }]), insert('Few', { name: 'held' }));
      await db.transact(insert('Few', { name: 'meanwhile' }));
      expect(await db.names('Few')).toEqual(['meanwhile']);
      await db.server.transact([{ op: 'insert', table: 'Data', row: { name: 'go' } }]);
      expect(await held).toEqual([{}, { uuid: expect.any(String) as string }]);
      expect(await db.names('Few')).toEqual(['held', 'meanwhile']);
    });

    it('gives up after its patience', async () => {
      const { batches } = db.live;
      const seen = batches.length;
      const error: unknown = await db
        .transact(wait('==', [{ name: 'never', i: 0 }], 30))
        .catch((error: unknown) => error);
      expect(error).toBeInstanceOf(TimedOut);
      expect(batches).toHaveLength(seen);
    });
  });

  describe('commit, abort, comment, assert', () => {
    it('a durable commit is one', async () => {
      expect(await db.transact(insert('Data', { name: 'a' }), { op: 'commit', durable: true })).toHaveLength(2);
      expect(await db.names('Data')).toEqual(['a']);
    });

    it('an abort takes everything back', async () => {
      const error = await db.refused(insert('Data', { name: 'a' }), { op: 'abort' }, insert('Data', { name: 'b' }));
      expect(error).toBeInstanceOf(Aborted);
      expect(error.index).toBe(1);
    });

    it('comments go into the log of the database', async () => {
      const comment = `why ${randomUUID()} "é"`;
      await db.transact({ op: 'comment', comment }, { op: 'comment', comment: 'second' }, insert('Data', {}));
      await eventually(async () =>
        (await readFile(db.server.file, 'utf8')).includes(JSON.stringify(comment).slice(1, -1)),
      );
      const nul = await db.refused({ op: 'comment', comment: 'nul \0' });
      expect(nul).toBeInstanceOf(ConstraintViolation);
    });

    it('an assert of a lock that is not held fails', async () => {
      expect(await db.refused(insert('Data', {}), { op: 'assert', lock: 'mine' })).toBeInstanceOf(NotOwner);
    });
  });

  describe('indexes and maxRows', () => {
    const row = (name: string, x: number, y: number): Operation => insert('Indexed', { name, x, y });
    const where = (name: string): Pick<Extract<Operation, { op: 'delete' }>, 'table' | 'where'> => ({
      table: 'Indexed',
      where: [['name', '==', name]],
    });

    it('forbid two rows with equal values, at commit: no operation is to blame', async () => {
      await db.transact(row('a', 1, 1), row('b', 1, 2));
      for (const operations of [
        [row('a', 9, 9)],
        [row('c', 1, 2)],
        [row('c', 3, 3), row('c', 4, 4)],
        [update('Indexed', { x: 5, y: 5 })],
      ]) {
        const error = await db.refused(...operations);
        expect(error).toBeInstanceOf(ConstraintViolation);
        expect(error).toMatchObject({ index: operations.length, operation: undefined });
      }
      await db.transact(row('c', 2, 1), row('d', 2, 2));
      expect(await db.names('Indexed')).toEqual(['a', 'b', 'c', 'd']);
    });

    it('do not mind values that only pass through, nor values that change places', async () => {
      await db.transact(row('a', 1, 1), row('b', 2, 2));
      await db.transact(
        { op: 'update', ...where('a'), row: { name: 'x' } },
        { op: 'update', ...where('b'), row: { name: 'a' } },
        { op: 'update', ...where('x'), row: { name: 'b' } },
      );
      await db.transact({ op: 'delete', ...where('a') }, row('a', 2, 2));
      expect(await db.rows('Indexed', 'name', 'x', 'y')).toEqual([
        { name: 'a', x: 2, y: 2 },
        { name: 'b', x: 1, y: 1 },
      ]);
    });

    it('limit a table to its rows at commit', async () => {
      await db.transact(insert('Few', { name: 'a' }), insert('Few', { name: 'b' }));
      const error = await db.refused(insert('Few', { name: 'c' }));
      expect(error).toBeInstanceOf(ConstraintViolation);
      expect(error.index).toBe(1);
      await db.transact(insert('Few', { name: 'c' }), { op: 'delete', table: 'Few', where: [['name', '==', 'a']] });
      expect(await db.names('Few')).toEqual(['b', 'c']);
    });
  });
}
