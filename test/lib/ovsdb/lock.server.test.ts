// Locks as their holders see them, between sessions of ours and with Debian's own client, and what asserting one is worth.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConnectionLost, NotOwner } from '../../../lib/ovsdb/index.ts';
import type { Lock, LockOptions } from '../../../lib/ovsdb/index.ts';
import { eventually } from '../../eventually.ts';
import { defaultPrograms, startCluster, startServer } from '../../ovsdb-server.ts';
import type { OvsdbServer } from '../../ovsdb-server.ts';
import { Interposer } from './interposer.ts';
import { live } from './live.ts';
import type { Live } from './live.ts';

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

async function session(remotes: readonly string[], leaderOnly = false): Promise<Live> {
  const it_ = live({ remotes, tables: { Port_Group: ['name'] }, leaderOnly });
  ends.push(async () => await it_.session.stop());
  await it_.ready();
  return it_;
}

/** A lock with everything that it told. */
function lockOf(it_: Live, options: LockOptions = {}): { readonly lock: Lock; readonly told: string[] } {
  const told: string[] = [];
  const lock = it_.session.lock('mine', {
    ...options,
    acquired: () => told.push('acquired'),
    lost: (reason) => told.push(reason),
  });
  return { lock, told };
}

const write = (it_: Live, lock: Lock): Promise<unknown> =>
  it_.session.transact([lock.assertion, { op: 'insert', table: 'Port_Group', row: { name: randomUUID() } }]);

describe('a lock', () => {
  it('has one holder; the next one gets it when it is released, in the order of asking', async () => {
    const [a, b, c] = [await session([server.remote]), await session([server.remote]), await session([server.remote])];
    const [first, second, third] = [lockOf(a), lockOf(b), lockOf(c)];
    const held = await first.lock.acquired();
    await expect(write(b, second.lock)).rejects.toBeInstanceOf(NotOwner);
    await write(a, first.lock);
    expect([first.lock.held, second.lock.held, held.aborted]).toEqual([true, false, false]);
    first.lock.release();
    expect(held.aborted).toBe(true);
    await second.lock.acquired();
    await expect(write(a, first.lock)).rejects.toBeInstanceOf(NotOwner);
    await write(b, second.lock);
    third.lock.release();
    second.lock.release();
    expect([first.told, second.told, third.told]).toEqual([['acquired'], ['acquired'], []]);
    await expect(third.lock.acquired()).rejects.toBeInstanceOf(ConnectionLost);
  });

  it('is stolen once, and comes back to whom it was stolen from', async () => {
    const [a, b] = [await session([server.remote]), await session([server.remote])];
    const victim = lockOf(a);
    const held = await victim.lock.acquired();
    const thief = lockOf(b, { steal: true });
    const stolen = await thief.lock.acquired();
    await eventually(() => victim.told.includes('stolen'));
    expect(held.aborted).toBe(true);
    expect((held.reason as Error).message).toBe('the lock mine was lost: stolen');
    await expect(write(a, victim.lock)).rejects.toBeInstanceOf(NotOwner);
    await write(b, thief.lock);
    thief.lock.release();
    await victim.lock.acquired();
    expect(victim.told).toEqual(['acquired', 'stolen', 'acquired']);
    expect(stolen.aborted).toBe(true);
  });

  it('is lost with the connection, asked for on the next one, and not stolen again', async () => {
    const relay = await Interposer.listen(join(server.directory, 'i.sock'), server.remote.slice('unix:'.length));
    ends.push(() => relay.close());
    const [a, b] = [await session([relay.remote]), await session([server.remote])];
    const { lock, told } = lockOf(a, { steal: true });
    const held = await lock.acquired();
    relay.cut();
    await eventually(() => told.length === 2);
    expect([told[0], lock.held, held.aborted]).toEqual(['acquired', false, true]);
    await lock.acquired();

    const other = lockOf(b);
    relay.cut();
    await other.lock.acquired();
    await eventually(() => told.length === 4);
    await a.ready();
    await expect(write(a, lock)).rejects.toBeInstanceOf(NotOwner);
    expect([lock.held, other.lock.held]).toEqual([false, true]);
    other.lock.release();
    await lock.acquired();
    await write(a, lock);
  });

  it('can be had again after its release, and asked for before there is a connection', async () => {
    const it_ = live({ remotes: [], tables: { Port_Group: ['name'] } });
    ends.push(async () => await it_.session.stop());
    lockOf(it_).lock.release();
    const again = lockOf(it_);
    expect(() => lockOf(it_)).toThrow(RangeError);
    expect(() => it_.session.lock('no id')).toThrow(RangeError);
    await expect(again.lock.acquired(AbortSignal.abort(new Error('too long')))).rejects.toThrow('too long');
    const patience = new AbortController();
    const waiting = again.lock.acquired(patience.signal);
    patience.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    it_.session.setRemotes([server.remote]);
    await again.lock.acquired();
    again.lock.release();
    const third = lockOf(it_);
    await third.lock.acquired();
    expect(again.told).toEqual(['acquired']);
    await write(it_, third.lock);
  });

  it('is seen by others than us', async () => {
    const it_ = await session([server.remote]);
    const { lock } = lockOf(it_);
    await lock.acquired();
    const [program, ...before] = defaultPrograms.client;
    const other = spawn(program, [...before, '-voff', 'lock', server.remote, 'mine']);
    const printed: string[] = [];
    other.stdout.setEncoding('utf8').on('data', (text: string) => printed.push(text));
    try {
      await eventually(() => printed.join('').includes('locked'));
      expect(JSON.parse(printed.join(''))).toEqual({ locked: false });
      lock.release();
      await eventually(() => /"?locked"?[^]*"?locked"?/.test(printed.join('')));
    } finally {
      other.kill();
    }
  });

  it('follows the leader of a cluster', async () => {
    const cluster = await startCluster();
    ends.push(async () => await cluster.stop());
    const it_ = await session(cluster.remotes, true);
    const { lock, told } = lockOf(it_);
    await lock.acquired();
    const leader = await cluster.leader();
    await leader.appctl('cluster/failure-test', 'transfer-leadership');
    await eventually(() => told.length === 3, { within: 20_000 });
    expect(told).toEqual(['acquired', expect.any(String), 'acquired']);
    expect(it_.session.remote).not.toBe(leader.remote);
    await it_.ready();
    await write(it_, lock);
  });
});
