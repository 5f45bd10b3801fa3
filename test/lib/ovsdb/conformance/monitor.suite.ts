// Monitors: what each kind tells, of which changes, columns and rows, and how a copy is continued. On the wire, because a
// session asks for one kind only; the copy of the session is compared all along by `Database.read`.
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RequestError } from '../../../../lib/ovsdb/index.ts';
import type { Operation } from '../../../../lib/ovsdb/index.ts';
import { eventually } from '../../../eventually.ts';
import { Interposer } from '../interposer.ts';
import { live, plainRows } from '../live.ts';
import { insert, update } from './database.ts';
import type { Database } from './database.ts';
import { schema } from './environment.ts';
import { connectWire } from './wire.ts';
import type { Wire } from './wire.ts';

type Updates = Record<string, Record<string, Record<string, unknown>>>;

/** Requests that can choose which changes are told (RFC 7047 4.1.5, ovsdb-server(7) 4.1.12), and their notifications. */
const kinds = [
  ['monitor', 'update'],
  ['monitor_cond', 'update2'],
  ['monitor_cond_since', 'update3'],
] as const;

type Kind = (typeof kinds)[number][0];

const ZERO = '00000000-0000-0000-0000-000000000000';

/** What a row update says, in the words of <row-update2>. */
function verb(kind: Kind, row: Record<string, unknown>): string {
  if (kind !== 'monitor') return Object.keys(row).join();
  if (row['old'] === undefined) return 'insert';
  return row['new'] === undefined ? 'delete' : 'modify';
}

export function monitors(db: Database): void {
  describe('monitors', () => {
    let wire: Wire;

    beforeEach(async () => {
      wire = await connectWire(db.server.remote);
    });
    afterEach(() => wire.end());

    /** Starts one, and gives its initial rows. */
    const monitor = async (kind: Kind, id: string, requests: Record<string, unknown>): Promise<Updates> => {
      const since = kind === 'monitor_cond_since' ? [ZERO] : [];
      const reply = await wire.request(kind, [schema.name, id, requests, ...since]);
      return (kind === 'monitor_cond_since' ? (reply as unknown[])[2] : reply) as Updates;
    };
    const transact = async (...operations: readonly object[]): Promise<void> =>
      void (await wire.request('transact', [schema.name, ...operations]));
    const updates = (): Updates[] => wire.take().map(({ params }) => params.at(-1) as Updates);
    const rows = (update: Updates | undefined, table = 'Data'): Record<string, unknown>[] =>
      Object.values(update?.[table] ?? {});

    const wireInsert = (row: object, table = 'Data'): object => ({ op: 'insert', table, row });
    const wireUpdate = (row: object): object => ({ op: 'update', table: 'Data', where: [], row });
    const wireDelete = { op: 'delete', table: 'Data', where: [] };

    describe.each(kinds)('by %s', (kind, notification) => {
      it('begin with the rows there are', async () => {
        const [a, b] = [randomUUID(), randomUUID()];
        await db.transact(insert('Data', { name: 'a' }, a), insert('Data', { i: 7 }, b), insert('Few', {}));
        const initial = await monitor(kind, 'all', { Data: { columns: ['name', 'i'] } });
        expect(Object.keys(initial)).toEqual(['Data']);
        const whole = kind === 'monitor' ? 'new' : 'initial';
        // Columns that hold their default may be left out, except by the oldest.
        expect({ name: '', i: 0, ...(initial['Data']?.[a]?.[whole] as object) }).toEqual({ name: 'a', i: 0 });
        expect({ name: '', i: 0, ...(initial['Data']?.[b]?.[whole] as object) }).toEqual({ name: '', i: 7 });
      });

      it.each(['insert', 'modify', 'delete'])('tell only of %s when asked so', async (only) => {
        await db.transact(insert('Data', { name: 'before' }));
        const select = { initial: false, insert: false, modify: false, delete: false, [only]: true };
        expect(await monitor(kind, 'some', { Data: { columns: ['name'], select } })).toEqual({});
        await transact(wireInsert({ name: 'a' }));
        await transact(wireUpdate({ name: 'b' }));
        await transact(wireDelete);
        const said = updates().flatMap((update) => rows(update).map((row) => verb(kind, row)));
        expect(new Set(said)).toEqual(new Set([only]));
        expect(said).toHaveLength(only === 'insert' ? 1 : 2);
      });

      it('tell of the columns asked for alone', async () => {
        await db.transact(insert('Data', { name: 'a' }));
        await monitor(kind, 'columns', { Data: { columns: ['i', 's'] } });
        await transact(wireUpdate({ name: 'other', r: 2 }));
        expect(wire.take()).toEqual([]);
        await transact(wireUpdate({ name: 'again', s: 'x' }));
        const [row] = rows(updates()[0]);
        const told = (kind === 'monitor' ? row?.['old'] : row?.['modify']) as object;
        expect(told).toEqual({ s: kind === 'monitor' ? '' : 'x' });
      });

      it('take several requests for one table', async () => {
        await db.transact(insert('Data', { name: 'a' }));
        await monitor(kind, 'several', {
          Data: [
            { columns: ['i'], select: { initial: false, insert: false, delete: false } },
            { columns: ['s'], select: { initial: true, modify: false } },
          ],
        });
        await transact(wireUpdate({ i: 5, s: 'x' }));
        const [row] = rows(updates()[0]);
        expect(verb(kind, row ?? {})).toBe('modify');
        expect(Object.keys(row?.[kind === 'monitor' ? 'old' : 'modify'] ?? {})).toEqual(['i']);
        // What the other request did not want to hear of is told without a column (3.1 and 3.5).
        await transact(wireUpdate({ s: 'y' }));
        expect(
          updates().flatMap((update) => rows(update).map((row) => row[kind === 'monitor' ? 'old' : 'modify'])),
        ).toEqual([{}]);
      });

      it('are several on one connection, each with its name, until they are cancelled', async () => {
        await monitor(kind, 'one', { Data: { columns: ['i'] } });
        await monitor(kind, 'two', { Data: { columns: ['i'] }, Few: { columns: ['name'] } });
        await expect(monitor(kind, 'one', { Data: { columns: ['i'] } })).rejects.toBeInstanceOf(RequestError);
        await transact(wireInsert({ i: 1 }));
        const told = wire.take();
        expect(told.map(({ method }) => method)).toEqual([notification, notification]);
        expect(new Set(told.map(({ params }) => params[0]))).toEqual(new Set(['one', 'two']));
        expect(await wire.request('monitor_cancel', ['one'])).toEqual({});
        await transact(wireInsert({ i: 2 }), wireInsert({ name: 'f' }, 'Few'));
        expect(wire.take().map(({ params }) => params[0])).toEqual(['two']);
        await expect(wire.request('monitor_cancel', ['one'])).rejects.toBeInstanceOf(RequestError);
      });

      it('say nothing of a transaction that changes nothing, or fails', async () => {
        await db.transact(insert('Data', { i: 1 }));
        await monitor(kind, 'quiet', { Data: { columns: ['i'] } });
        await transact(wireUpdate({ i: 1 }));
        await transact(wireInsert({ i: 2 }), { op: 'delete', table: 'Data', where: [['i', '==', 2]] });
        await transact(wireInsert({ i: 3 }), { op: 'abort' });
        expect(wire.take()).toEqual([]);
      });

      it('refuse tables and columns that the database does not have', async () => {
        await expect(monitor(kind, 'x', { Nope: { columns: [] } })).rejects.toBeInstanceOf(RequestError);
        await expect(monitor(kind, 'x', { Data: { columns: ['nope'] } })).rejects.toBeInstanceOf(RequestError);
      });
    });

    describe.each([kinds[1][0], kinds[2][0]])('by %s with conditions', (kind) => {
      const conditional = (where: readonly unknown[]): Record<string, unknown> => ({
        Data: [{ columns: ['name', 'i'], where }],
      });

      it('tell of a row that begins or ceases to meet them as of one that comes or goes', async () => {
        await db.transact(insert('Data', { name: 'a', i: 1 }), insert('Data', { name: 'b', i: 9 }));
        const initial = await monitor(kind, 'cond', conditional([['i', '>', 5]]));
        expect(rows(initial).map((row) => row['initial'])).toEqual([{ name: 'b', i: 9 }]);
        const said: string[][] = [];
        for (const i of [8, 6, 3, 4, 7]) {
          await transact({ op: 'update', table: 'Data', where: [['name', '==', 'b']], row: { i } });
          said.push(updates().flatMap((update) => rows(update).map((row) => verb(kind, row))));
        }
        expect(said).toEqual([['modify'], ['modify'], ['delete'], [], ['insert']]);
      });

      it('are met by any of several; true is every row and false is none', async () => {
        for (const i of [1, 5, 9]) await db.transact(insert('Data', { i }));
        const size = async (...where: unknown[]): Promise<number> => {
          const initial = await monitor(kind, `m${JSON.stringify(where)}`, conditional(where));
          return rows(initial).length;
        };
        expect(await size(['i', '==', 1], ['i', '==', 9])).toBe(2);
        expect(await size(['i', '>', 2], ['i', '<', 8])).toBe(3);
        expect([await size(true), await size(false), await size()]).toEqual([3, 0, 3]);
      });

      it('may change: what is met anew comes, what is not any more goes', async () => {
        const [a, b] = [randomUUID(), randomUUID()];
        await db.transact(insert('Data', { name: 'a', i: 1 }, a), insert('Data', { name: 'b', i: 9 }, b));
        await monitor(kind, 'before', conditional([['i', '>', 5]]));
        await wire.request('monitor_cond_change', ['before', 'after', { Data: [{ where: [['i', '<', 5]] }] }]);
        const [change] = await eventually(() => (wire.notifications.length > 0 ? updates() : false));
        expect(
          Object.fromEntries(Object.entries(change?.['Data'] ?? {}).map(([uuid, row]) => [uuid, verb(kind, row)])),
        ).toEqual({
          [a]: 'insert',
          [b]: 'delete',
        });
        await transact({ op: 'delete', table: 'Data', where: [['i', '==', 1]] });
        expect(wire.take().map(({ params }) => params[0])).toEqual(['after']);
      });
    });
  });

  describe('a copy that was cut off', () => {
    // A standalone database remembers no transactions; a member of a cluster the last hundred (ovsdb-server(7) 4.1.15), as
    // long as they hold no more atoms than the database does.
    it.each([
      [0, db.environment.clustered],
      [99, db.environment.clustered],
      [100, false],
    ])('after %i transactions is continued: %s; either way one difference, and equal', async (gap, continued) => {
      const path = join(db.server.directory, `cut-${gap}.sock`);
      const interposer = await Interposer.listen(path, db.server.remote.slice('unix:'.length));
      const other = live({
        remotes: [interposer.remote],
        database: schema.name,
        tables: { Data: ['name', 'i', 's_set'] },
      });
      try {
        const names = ['changed', 'gone', ...Array.from({ length: 300 }, (_, at) => `kept ${at}`)];
        await db.transact(...names.map((name) => insert('Data', { name })));
        await other.ready();
        await eventually(() => other.replica.size('Data') === names.length);
        // The transaction to continue from has to be a small one, or it is too much to be remembered.
        await db.transact(insert('Data', { name: 'last seen' }));
        await eventually(() => other.replica.size('Data') > names.length);
        const batches = other.batches.length;
        other.session.setRemotes([]);
        await eventually(() => other.lost.length === 1);
        const gone: Operation = { op: 'delete', table: 'Data', where: [['name', '==', 'gone']] };
        const changed: Operation = {
          op: 'mutate',
          table: 'Data',
          where: [['name', '==', 'changed']],
          mutations: [['i', '+=', 1]],
        };
        for (let at = 0; at < gap; at += 1) await db.transact(at === 0 ? gone : changed);
        other.session.setRemotes([interposer.remote]);
        await eventually(() => other.synced.length === 2);
        expect(other.synced).toEqual([false, continued]);
        expect(other.batches.length - batches).toBe(gap === 0 ? 0 : 1);
        expect(plainRows(other.replica, 'Data')).toEqual(await db.server.dump('Data', ['_uuid', 'name', 'i', 's_set']));
        await db.transact(update('Data', { i: 1000 }));
        await eventually(() => plainRows(other.replica, 'Data').every(({ i }) => i === 1000));
      } finally {
        await other.session.stop();
        interposer.close();
      }
    });
  });
}
