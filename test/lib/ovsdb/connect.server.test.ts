// The short way in, against real servers: types by the compiler, changes without a gap, and what goes wrong at the start.
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import {
  ConnectionLost,
  NotAllowed,
  TransactError,
  connect,
  serverColumns,
  serverDatabase,
} from '../../../lib/ovsdb/index.ts';
import { columns, database } from '../../../operator/nb/schema.gen.ts';
import { eventually } from '../../eventually.ts';
import { startServer } from '../../ovsdb-server.ts';
import type { OvsdbServer } from '../../ovsdb-server.ts';
import { HandClock } from './hand-clock.ts';

const ends: (() => unknown)[] = [];
let server: OvsdbServer;

beforeEach(async () => {
  const started = await startServer();
  ends.push(async () => await started.dispose());
  server = started;
});

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end();
});

/** Closed at the end of the test, unless the test does. */
function closing<T extends { close(): Promise<void> }>(database: T): T {
  ends.push(async () => await database.close());
  return database;
}

const tables = { Logical_Switch: ['name', 'ports'], Port_Group: ['name'] } as const;
const wireInsert = (name: string): unknown => ({ op: 'insert', table: 'Logical_Switch', row: { name } });

describe('connect', () => {
  it('gives rows that are there, typed, and transactions that build typed operations', async () => {
    await server.transact([wireInsert('a')]);
    const nb = closing(await connect(server.remote, { database, tables }));
    const [[, row] = []] = nb.rows('Logical_Switch');
    expectTypeOf(row).toEqualTypeOf<{ readonly name: string; readonly ports: ReadonlySet<string> } | undefined>();
    expect(row).toEqual({ name: 'a', ports: new Set() });
    const id = randomUUID();
    const [made, listed] = await nb.transact((build) => [
      build.insert('Port_Group', { name: 'g' }, { uuid: id }),
      build.select('Port_Group', id, ['name']),
    ]);
    expectTypeOf(made).toEqualTypeOf<{ readonly uuid: string }>();
    expectTypeOf(listed.rows).toEqualTypeOf<readonly { readonly name: string }[]>();
    expect([made, listed]).toEqual([{ uuid: id }, { rows: [{ name: 'g' }] }]);
    expect(nb.row('Port_Group', id)).toEqual({ name: 'g' });
    expect(nb.size('Port_Group')).toBe(1);
    await expect(nb.transact([nb.build.insert('Port_Group', { name: 'g' })])).rejects.toBeInstanceOf(TransactError);
  });

  it('refuses by its types what is not in the schema, or was not copied', async () => {
    const nb = closing(await connect(server.remote, { database, tables }));
    // @ts-expect-error not copied
    expect(nb.size('ACL')).toBe(0);
    // @ts-expect-error no such column
    await connect(server.remote, { database, tables: { Logical_Switch: ['nam'] } }).catch(() => undefined);
    // @ts-expect-error no such table
    await connect(server.remote, { database, tables: { Port_Group: ['name'], Nope: ['x'] } }).catch(() => undefined);
    // @ts-expect-error a column that was not copied
    for (const [, row] of nb.rows('Port_Group')) expect(row.ports).toBeUndefined();
    // @ts-expect-error the operator is not one for text
    expect(() => nb.build.delete('Port_Group', [['name', '<', 'a']])).not.toThrow();
  });

  it('iterates over all rows and then over every change, without a gap, in each loop', async () => {
    await server.transact([wireInsert('a')]);
    const nb = closing(await connect(server.remote, { database, tables }));
    const loops = [nb.changes(), nb.changes()];
    const names = async (loop: (typeof loops)[0]): Promise<unknown> =>
      (await loop.next()).value?.map((change) => (change.new ?? change.old)?.name);
    expect(await Promise.all(loops.map(names))).toEqual([['a'], ['a']]);
    const waiting = loops.map(names);
    await server.transact([wireInsert('b')]);
    expect(await Promise.all(waiting)).toEqual([['b'], ['b']]);
    await nb.transact((build) => [build.update('Logical_Switch', [['name', '==', 'b']], { name: 'c' })]);
    const { value } = await loops[0]!.next();
    expect(value).toMatchObject([{ table: 'Logical_Switch', old: { name: 'b' }, difference: { name: 'c' } }]);
    await loops[0]!.return();
    const last = loops[1]!.next();
    await nb.close();
    expect((await last).value).toMatchObject([{ new: { name: 'c' } }]);
    expect(await loops[1]!.next()).toEqual({ done: true, value: undefined });
    expect((await nb.changes().next()).value).toHaveLength(2);
  });

  it('gives a slow consumer what changed meanwhile as one difference', async () => {
    const nb = closing(await connect(server.remote, { database, tables }));
    const loop = nb.changes();
    const first = loop.next();
    await nb.transact((build) => [build.insert('Logical_Switch', { name: 'a' })]);
    await first;
    for (const name of ['b', 'c', 'd']) {
      await nb.transact((build) => [
        build.update('Logical_Switch', [], { name }),
        build.insert('Port_Group', { name }),
        ...(name === 'd' ? [build.delete('Port_Group', [['name', '==', 'b']])] : []),
      ]);
    }
    const batch = await loop.next();
    const value = (batch.value ?? []) as readonly { table: string; old?: unknown; new?: unknown }[];
    expect(value).toHaveLength(3);
    expect(value.find(({ table }) => table === 'Logical_Switch')).toMatchObject({
      old: { name: 'a' },
      new: { name: 'd' },
      difference: { name: 'd' },
    });
    expect(new Set(value.filter(({ table }) => table === 'Port_Group').map((change) => change.new))).toEqual(
      new Set([{ name: 'c' }, { name: 'd' }]),
    );
  });

  it('tells of changes by callbacks too, goes on over a restart, and holds to its conditions', async () => {
    await server.transact(['a', 'b'].map(wireInsert));
    const told: unknown[] = [];
    const nb = closing(
      await connect([server.remote], {
        database,
        tables,
        conditions: { Logical_Switch: [['name', '==', 'a']] },
        changed: (changes) => told.push(...changes.map((change) => (change.new ?? change.old)?.name)),
        synced: (continued) => told.push(continued),
        lost: () => told.push('lost'),
      }),
    );
    expect(told).toEqual(['a', false]);
    await server.kill();
    await server.start();
    await eventually(() => told.length === 4);
    expect(told).toEqual(['a', false, 'lost', false]);
    await nb.setConditions({ Logical_Switch: [['name', '==', 'b']] });
    expect(new Set(told.slice(4))).toEqual(new Set(['a', 'b']));
    expect([...nb.rows('Logical_Switch')].map(([, { name }]) => name)).toEqual(['b']);
  });

  it('takes locks, and frees everything by `await using`', async () => {
    let seen;
    {
      await using nb = await connect(server.remote, { database });
      seen = nb.session;
      const lock = nb.lock('mine');
      await lock.acquired();
      await nb.transact((build) => [build.assert('mine'), build.insert('Port_Group', { name: 'g' })]);
      // @ts-expect-error nothing is copied
      expect(nb.size('Port_Group')).toBe(0);
    }
    expect(seen.state).toBe('stopped');
  });

  it('copies everything by the generated columns, and rows without types by a name', async () => {
    const all = closing(await connect(server.remote, { database, tables: columns, allowAbsent: true }));
    await all.transact([all.build.insert('ACL', { action: 'drop', direction: 'to-lport' })]);
    const plain = closing(
      await connect(server.remote, { database: 'OVN_Northbound', tables: { NB_Global: ['name'] } }),
    );
    expect([...plain.rows('NB_Global')]).toEqual([]);
  });

  it('reads what servers say of themselves', async () => {
    const it_ = closing(await connect(server.remote, { database: serverDatabase, tables: serverColumns }));
    const rows = [...it_.rows('Database')].map(([, { name, model, leader, connected }]) => [
      name,
      model,
      leader,
      connected,
    ]);
    expect(rows).toContainEqual(['OVN_Northbound', 'standalone', true, true]);
    expect(it_.session.schema?.version).toBe('1.2.0');
    await expect(it_.transact((build) => [build.delete('Database', [])])).rejects.toBeInstanceOf(NotAllowed);
  });
});

describe('connect fails', () => {
  it('at once for what is no remote', async () => {
    await expect(connect('nonsense', { database })).rejects.toBeInstanceOf(RangeError);
    await expect(connect([], { database, timeout: 20 })).rejects.toBeInstanceOf(ConnectionLost);
  });

  it('in time, with what was wrong with each server', async () => {
    const clock = new HandClock();
    const reasons = new Set<string>();
    const failing = connect(`unix:/nonexistent/a.sock, ${server.remote}`, {
      database: 'Elsewhere',
      timeout: 60_000,
      clock,
      observe: (_, reason) => reason !== undefined && reasons.add(reason),
    }).catch((error: unknown) => error);
    await eventually(() => {
      clock.advance(1);
      return reasons.size === 2;
    });
    clock.advance(60_000);
    const error = await failing;
    expect(error).toBeInstanceOf(ConnectionLost);
    const { message } = error as Error;
    expect(message).toContain('no server within 60000 ms');
    expect(message).toMatch(/unix:\/nonexistent\/a\.sock: .*ENOENT/);
    expect(message).toContain(`${server.remote}: the server does not have the database`);
  });

  it('when its signal aborts, with the reason of that', async () => {
    const abort = new AbortController();
    const connecting = connect('unix:/nonexistent/a.sock', { database, signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(connecting).rejects.toThrow('enough');
    await expect(connect(server.remote, { database, signal: abort.signal })).rejects.toThrow('enough');
  });

  it('when the server does not have what is to be copied, unless that is allowed', async () => {
    const wanted = { database: 'OVN_Northbound', tables: { Port_Group: ['name', 'future'], Future: ['x'] } };
    await expect(connect(server.remote, wanted)).rejects.toThrow('does not have Port_Group.future, Future');
    const nb = closing(await connect(server.remote, { ...wanted, allowAbsent: true }));
    expect(nb.replica.absent).toEqual(['Port_Group.future', 'Future']);
  });
});
