// What outlives the server's process: on servers of its own, so that nothing of the other tests is in their files.
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Row } from '../../../../lib/ovsdb/index.ts';
import { eventually } from '../../../eventually.ts';
import { live } from '../live.ts';
import type { Live } from '../live.ts';
import { insert, update } from './database.ts';
import { schema } from './environment.ts';
import type { Environment, Running } from './environment.ts';

export function restarts(environment: Environment): void {
  // A cluster has what its members agree on, not what one file holds: its restarts are tested among the faults.
  if (environment.clustered) return;
  describe(`a restart of ${environment.name}`, () => {
    let running: Running;
    let it_: Live;

    beforeEach(async () => {
      running = await environment.start();
      const tables = { Data: ['name', 'i', 's_set', 'ephemeral', 'i_few', 'm_few'] };
      it_ = live({ remotes: running.remotes, database: schema.name, tables });
      await it_.ready();
    });
    afterEach(async () => {
      await it_.session.stop();
      await running.stop();
    });

    const restarted = async (): Promise<void> => {
      const before = it_.synced.length;
      await running.server.stop();
      await running.server.start();
      await eventually(() => it_.synced.length > before, { what: 'the copy to be synced' });
    };

    /** The one row that Debian's client reads, which our copy has to have too. */
    const kept = async (uuid: string, ...columns: readonly string[]): Promise<unknown> => {
      const [row] = await running.server.dump('Data', columns);
      expect(await running.server.dump('Data', ['_uuid'])).toEqual([{ _uuid: uuid }]);
      return row;
    };

    it('keeps everything but ephemeral columns, and the copy follows', async () => {
      const uuid = randomUUID();
      const row: Row = { name: 'a', i: 2n ** 62n, s_set: new Set(['x', 'y']) };
      await it_.session.transact([insert('Data', { ...row, ephemeral: 'gone' }, uuid), insert('Data', {})]);
      await it_.session.transact([{ op: 'delete', table: 'Data', where: [['name', '==', '']] }]);
      await restarted();
      expect(await kept(uuid, 'name', 'i', 's_set', 'ephemeral')).toEqual({
        name: 'a',
        i: 2n ** 62n,
        s_set: ['x', 'y'],
        ephemeral: '',
      });
      expect(it_.replica.row('Data', uuid)).toMatchObject({ ...row, ephemeral: '' });
    });

    // Files hold differences since 2.15. One of a bounded set may have more elements than the set: 3.1 can't read that
    // back, and loses the transaction whole.
    const { read } = {
      '3.1': { read: { name: 'before', i_few: 0, m_few: { '': 0 } } },
      '3.5': { read: { name: 'after', i_few: [1, 2, 3], m_few: { a: 1, b: 2 } } },
    }[environment.version];

    it(`reads ${read.name === 'after' ? 'back' : 'not even'} a bounded set whose elements were all replaced`, async () => {
      const uuid = randomUUID();
      await it_.session.transact([insert('Data', { name: 'before' }, uuid)]);
      const row: Row = {
        name: 'after',
        i_few: new Set([1, 2, 3]),
        m_few: new Map([
          ['a', 1],
          ['b', 2],
        ]),
      };
      await it_.session.transact([update('Data', row)]);
      expect(it_.replica.row('Data', uuid)).toMatchObject(row);
      await restarted();
      expect(await kept(uuid, 'name', 'i_few', 'm_few')).toEqual(read);
      expect(it_.replica.row('Data', uuid)?.['name']).toBe(read.name);
    });
  });
}
