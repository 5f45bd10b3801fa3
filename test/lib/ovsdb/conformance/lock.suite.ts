// Locks (RFC 7047 4.1.8 to 4.1.10): who has one, who waits, who is told. Locks belong to connections to one server.
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RequestError } from '../../../../lib/ovsdb/index.ts';
import { eventually } from '../../../eventually.ts';
import type { Database } from './database.ts';
import { schema } from './environment.ts';
import { connectWire } from './wire.ts';
import type { Wire } from './wire.ts';

export function locks(db: Database): void {
  describe('locks', () => {
    let lock: string;
    let wires: readonly [a: Wire, b: Wire, c: Wire];

    beforeEach(async () => {
      lock = `lock_${randomUUID().replaceAll('-', '')}`;
      const { remote } = db.server;
      wires = [await connectWire(remote), await connectWire(remote), await connectWire(remote)];
    });
    afterEach(() => {
      for (const wire of wires) wire.end();
    });

    const write = async (wire: Wire, name: string): Promise<unknown> => {
      const operations = [
        { op: 'assert', lock },
        { op: 'insert', table: 'Data', row: { name } },
      ];
      const [result] = (await wire.request('transact', [schema.name, ...operations])) as { error?: string }[];
      return result?.error ?? 'done';
    };
    const told = async (wire: Wire): Promise<unknown> => {
      await eventually(() => wire.notifications.length > 0, { what: 'a notification' });
      return wire.take().map(({ method, params }) => [method, ...params]);
    };

    it('belong to one, and go to those who wait in the order in which they asked', async () => {
      const [a, b, c] = wires;
      expect(await a.request('lock', [lock])).toEqual({ locked: true });
      expect(await b.request('lock', [lock])).toEqual({ locked: false });
      expect(await c.request('lock', [lock])).toEqual({ locked: false });
      expect([await write(a, 'a'), await write(b, 'b')]).toEqual(['done', 'not owner']);
      expect(await a.request('unlock', [lock])).toEqual({});
      expect(await told(b)).toEqual([['locked', lock]]);
      expect([await write(a, 'a'), await write(b, 'b'), await write(c, 'c')]).toEqual([
        'not owner',
        'done',
        'not owner',
      ]);
      b.end();
      expect(await told(c)).toEqual([['locked', lock]]);
      expect(await db.names('Data')).toEqual(['a', 'b']);
    });

    it('are stolen at once; who had one is told and gets it back after the thief', async () => {
      const [a, b] = wires;
      await a.request('lock', [lock]);
      expect(await b.request('steal', [lock])).toEqual({ locked: true });
      expect(await told(a)).toEqual([['stolen', lock]]);
      expect([await write(a, 'a'), await write(b, 'b')]).toEqual(['not owner', 'done']);
      await a.request('unlock', [lock]);
      expect(await a.request('lock', [lock])).toEqual({ locked: false });
      await b.request('unlock', [lock]);
      expect(await told(a)).toEqual([['locked', lock]]);
      expect(await write(a, 'again')).toBe('done');
    });

    it('of different names have nothing to do with each other', async () => {
      const [a, b] = wires;
      await a.request('lock', [lock]);
      expect(await b.request('lock', [`${lock}_other`])).toEqual({ locked: true });
      expect(await write(b, 'b')).toBe('not owner');
    });

    it('are refused twice, when there is nothing to unlock, and for what is no identifier', async () => {
      const [a] = wires;
      await a.request('lock', [lock]);
      await expect(a.request('lock', [lock])).rejects.toBeInstanceOf(RequestError);
      await expect(a.request('unlock', [`${lock}_other`])).rejects.toBeInstanceOf(RequestError);
      await expect(a.request('lock', ['no identifier'])).rejects.toBeInstanceOf(RequestError);
    });
  });
}
