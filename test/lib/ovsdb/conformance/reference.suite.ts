// References: what holds a row, what goes with it, and what may not be left behind.
import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ConstraintViolation, ReferentialIntegrityViolation } from '../../../../lib/ovsdb/index.ts';
import type { Mutator, Operation, Row } from '../../../../lib/ovsdb/index.ts';
import { insert } from './database.ts';
import type { Database } from './database.ts';

/** Two parents and two children that the tests share, by names; uuids are new in each. */
function family(): Record<'p' | 'q' | 'c' | 'd' | 'e', string> {
  return { p: randomUUID(), q: randomUUID(), c: randomUUID(), d: randomUUID(), e: randomUUID() };
}

const parent = (uuid: string, ...children: readonly string[]): Operation =>
  insert('Parent', { name: 'p', children: new Set(children) }, uuid);
const child = (uuid: string, row: Row = {}): Operation => insert('Child', { name: 'c', ...row }, uuid);
const children = (uuid: string, mutator: Mutator, ...targets: readonly string[]): Operation => ({
  op: 'mutate',
  table: 'Parent',
  where: [['_uuid', '==', uuid]],
  mutations: [['children', mutator, new Set(targets)]],
});
const change = (table: string, uuid: string, row: Row): Operation => ({
  op: 'update',
  table,
  where: [['_uuid', '==', uuid]],
  row,
});
const remove = (table: string, uuid: string): Operation => ({ op: 'delete', table, where: [['_uuid', '==', uuid]] });

export function references(db: Database): void {
  const left = async (table = 'Child'): Promise<unknown[]> => (await db.rows(table, '_uuid')).map(({ _uuid }) => _uuid);

  describe('a strong reference', () => {
    it('to a row that is missing is refused at commit', async () => {
      const { p, c } = family();
      const error = await db.refused(parent(p, c));
      expect(error).toBeInstanceOf(ReferentialIntegrityViolation);
      expect(error).toMatchObject({ index: 1, operation: undefined });
      expect(await db.refused(insert('Needy', { name: 'without' }))).toBeInstanceOf(ReferentialIntegrityViolation);
    });

    it('keeps its row from being deleted, unless it goes in the same transaction', async () => {
      const { p, c } = family();
      await db.transact(parent(p, c), child(c));
      expect(await db.refused(remove('Child', c))).toBeInstanceOf(ReferentialIntegrityViolation);
      await db.transact(remove('Child', c), children(p, 'delete', c));
      expect(await left()).toEqual([]);
      expect(await left('Parent')).toEqual([p]);
    });

    it('is what keeps a row that is no root: without one an insert leaves nothing', async () => {
      const { c } = family();
      const { batches } = db.live;
      const seen = batches.length;
      expect(await db.transact(child(c))).toEqual([{ uuid: c }]);
      expect(batches).toHaveLength(seen);
      expect(await left()).toEqual([]);
    });

    it.each<[string, Row, Row]>([
      ['a set', { children: new Set(['c']) }, { children: new Set() }],
      ['an optional column', { only: new Set(['c']) }, { only: new Set() }],
      ['a map', { by_name: new Map([['x', 'c']]) }, { by_name: new Map() }],
    ])('in %s: the row goes with the last one', async (_, holding, released) => {
      const [{ uuid: p = '' } = {}, { uuid: c = '' } = {}] = await db.transact(
        { op: 'insert', table: 'Parent', row: holding },
        { op: 'insert', table: 'Child', row: { name: 'c' }, uuidName: 'c' },
        { op: 'insert', table: 'Needy', row: { child: 'c' } },
      );
      await db.transact(change('Parent', p, released));
      expect(await left()).toEqual([c]);
      await db.transact({ op: 'delete', table: 'Needy', where: [] });
      expect(await left()).toEqual([]);
      expect(await left('Parent')).toEqual([p]);
    });

    it('collects chains', async () => {
      const { p, c, d, e } = family();
      await db.transact(parent(p, c), child(c, { next: new Set([d]) }), child(d, { next: new Set([e]) }), child(e));
      expect(new Set(await left())).toEqual(new Set([c, d, e]));
      const before = db.live.batches.length;
      await db.transact(remove('Parent', p));
      expect(await left()).toEqual([]);
      expect(db.live.batches.slice(before).map((changes) => changes.length)).toEqual([4]);
    });

    it('to itself holds nothing', async () => {
      const { p, c } = family();
      await db.transact(parent(p, c), child(c, { next: new Set([c]) }));
      expect(await left()).toEqual([c]);
      await db.transact(children(p, 'delete', c));
      expect(await left()).toEqual([]);
    });

    it('in a cycle of several rows holds them, since each is counted alone', async () => {
      const { p, c, d } = family();
      await db.transact(parent(p, c), child(c, { next: new Set([d]) }), child(d, { next: new Set([c]) }));
      await db.transact(remove('Parent', p));
      expect(new Set(await left())).toEqual(new Set([c, d]));
      await db.transact({ op: 'update', table: 'Child', where: [], row: { next: new Set() } });
      expect(await left()).toEqual([]);
    });

    it('may move to another parent within a transaction: the row stays, and so do weak references to it', async () => {
      const { p, q, c } = family();
      await db.transact(parent(p, c), parent(q), child(c, { name: 'moved' }), insert('Watcher', { any: new Set([c]) }));
      const before = db.live.batches.length;
      await db.transact(children(p, 'delete', c), children(q, 'insert', c));
      expect(
        db.live.batches
          .slice(before)
          .flat()
          .map(({ table }) => table),
      ).toEqual(['Parent', 'Parent']);
      expect(await db.rows('Watcher', 'any')).toEqual([{ any: c }]);
      expect(await db.rows('Child', '_uuid', 'name')).toEqual([{ _uuid: c, name: 'moved' }]);
      expect(await db.refused(remove('Child', c))).toBeInstanceOf(ReferentialIntegrityViolation);
      await db.transact(remove('Parent', p));
      expect(await left()).toEqual([c]);
    });
  });

  describe('a weak reference', () => {
    it.each<[string, (c: string, d: string) => Row, (d: string) => Record<string, unknown>]>([
      ['a set', (c, d) => ({ any: new Set([c, d]) }), (d) => ({ any: d })],
      ['an optional column', (c) => ({ optional: new Set([c]) }), () => ({ optional: [] })],
      [
        'the keys of a map',
        (c, d) => ({
          keyed: new Map([
            [c, 'x'],
            [d, 'y'],
          ]),
        }),
        (d) => ({ keyed: { [d]: 'y' } }),
      ],
      [
        'the values of a map',
        (c, d) => ({
          valued: new Map([
            ['x', c],
            ['y', d],
          ]),
        }),
        (d) => ({ valued: { y: d } }),
      ],
    ])('in %s goes with its row', async (_, row, after) => {
      const { p, c, d } = family();
      await db.transact(parent(p, c, d), child(c), child(d), insert('Watcher', row(c, d)));
      await db.transact(children(p, 'delete', c));
      const [column = ''] = Object.keys(after(d));
      expect(await db.rows('Watcher', column)).toEqual([after(d)]);
    });

    it('to a row that is missing is dropped without a word, also when it is collected in the same transaction', async () => {
      const { c, d, e, p } = family();
      await db.transact(
        insert('Watcher', { any: new Set([c, d, e]), valued: new Map([['x', c]]) }),
        child(d),
        parent(p, e),
        child(e),
      );
      expect(await db.rows('Watcher', 'any', 'valued')).toEqual([{ any: e, valued: {} }]);
      expect(await left()).toEqual([e]);
    });

    it('holds nothing, in a cycle neither', async () => {
      const { p, c, d } = family();
      await db.transact(parent(p, c, d), child(c, { friends: new Set([d, c]) }), child(d, { friends: new Set([c]) }));
      await db.transact(children(p, 'delete', d));
      expect(await db.rows('Child', '_uuid', 'friends')).toEqual([{ _uuid: c, friends: c }]);
      await db.transact(remove('Parent', p));
      expect(await left()).toEqual([]);
    });

    it('that its column can not do without forbids that its row goes', async () => {
      const { p, c, d } = family();
      await db.transact(parent(p, c, d), child(c), child(d), insert('Bound', { some: new Set([c, d]) }));
      await db.transact(children(p, 'delete', c));
      expect(await db.rows('Bound', 'some')).toEqual([{ some: d }]);
      const error = await db.refused(children(p, 'delete', d));
      expect(error).toBeInstanceOf(ConstraintViolation);
      expect(error).toMatchObject({ index: 1, operation: undefined });
      expect(await db.refused(insert('Bound', { some: new Set([randomUUID()]) }))).toBeInstanceOf(ConstraintViolation);
      await db.transact({ op: 'delete', table: 'Bound', where: [] }, children(p, 'delete', d));
      expect(await left()).toEqual([]);
    });
  });
}
