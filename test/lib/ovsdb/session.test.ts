// When a session tries what: turned by hand, with streams that fail or fall silent. What servers answer is tested on real
// ones (session.server.test.ts).
import { duplexPair } from 'node:stream';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { ConnectionLost, Session } from '../../../lib/ovsdb/index.ts';
import type { SessionOptions } from '../../../lib/ovsdb/index.ts';
import { HandClock } from './hand-clock.ts';

let clock: HandClock;
let dialled: string[];
let streams: Duplex[];
let warned: unknown[];
let debugged: unknown[];

function session(remotes: string[], options: Partial<SessionOptions> = {}): Session {
  return new Session({
    remotes,
    database: 'D',
    clock,
    random: () => 0.5,
    log: {
      debug: (fields) => debugged.push(fields),
      info: () => undefined,
      warn: (fields) => warned.push(fields),
    },
    dial: async (remote) => {
      dialled.push(remote);
      await Promise.resolve();
      throw new Error(`${remote} is down`);
    },
    ...options,
  });
}

/** Dials that succeed; the peer's ends are kept. */
const succeed: SessionOptions['dial'] = async (remote) => {
  dialled.push(remote);
  const [ours, theirs] = duplexPair();
  theirs.on('error', () => undefined).resume();
  streams.push(theirs);
  return await Promise.resolve(ours);
};

beforeEach(() => {
  [clock, dialled, streams, warned, debugged] = [new HandClock(), [], [], [], []];
});

describe('a session', () => {
  it('does nothing before it is started', async () => {
    const it_ = session(['a']);
    await turn();
    expect([it_.state, dialled, clock.pending]).toEqual(['stopped', [], 0]);
    await expect(it_.transact([])).rejects.toBeInstanceOf(ConnectionLost);
  });

  it('tries every remote at once, then pauses longer after each round, up to the limit', async () => {
    const it_ = session(['a', 'b', 'c']);
    const pauses: number[] = [];
    it_.start();
    for (let count = 0; count < 24; count += 1) {
      await turn();
      expect(it_.state).toBe('waiting');
      pauses.push(clock.next ?? -1);
      clock.advance(clock.next ?? 0);
    }
    await turn();
    // random() of 0.5 begins with the second of three.
    expect(dialled.slice(0, 6)).toEqual(['b', 'c', 'a', 'b', 'c', 'a']);
    expect(pauses.filter((pause) => pause > 0)).toEqual([37.5, 75, 150, 300, 600, 1200, 1500, 1500]);
    expect(pauses.filter((pause) => pause === 0)).toHaveLength(16);
    await it_.stop();
    expect(clock.pending).toBe(0);
  });

  it('warns once of a server that stays down', async () => {
    const it_ = session(['a']);
    it_.start();
    for (let count = 0; count < 5; count += 1) {
      await turn();
      clock.advance(clock.next ?? 0);
    }
    await turn();
    expect(warned).toEqual([{ remote: 'a', database: 'D', reason: 'a is down' }]);
    expect(debugged).toHaveLength(5);
    await it_.stop();
  });

  it('gives up a connect that takes too long', async () => {
    const it_ = session(['a'], {
      dial: async (_, __, signal) =>
        await new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('timed out')));
        }),
    });
    it_.start();
    clock.advance(5000);
    await turn();
    expect(it_.state).toBe('waiting');
    expect(warned).toMatchObject([{ reason: 'timed out' }]);
    await it_.stop();
  });

  it('closes a stream that arrives after it was stopped', async () => {
    const { promise, resolve } = Promise.withResolvers<Duplex>();
    const it_ = session(['a'], { dial: async () => await promise });
    it_.start();
    await it_.stop();
    const [ours] = duplexPair();
    resolve(ours);
    await turn();
    expect(ours.destroyed).toBe(true);
    expect(it_.state).toBe('stopped');
  });

  it('gives up a server that accepts and never answers, with patience only for large copies', async () => {
    const it_ = session(['a'], { dial: succeed });
    it_.start();
    await turn();
    expect(it_.state).toBe('syncing');
    clock.advance(10_000);
    expect(it_.state).toBe('waiting');
    expect(warned).toMatchObject([{ reason: 'no answer for 10000 ms' }]);
    await it_.stop();
  });

  it('gives up a server that answers probes and nothing else', async () => {
    const it_ = session(['a'], { dial: succeed });
    it_.start();
    await turn();
    streams[0]?.on('data', (chunk: Buffer) => {
      for (const [, id] of chunk.toString().matchAll(/"method":"echo","params":\[\],"id":(\d+)/g)) {
        streams[0]?.write(`{"id":${id},"result":[],"error":null}`);
      }
    });
    for (let seconds = 0; seconds < 299; seconds += 1) {
      clock.advance(1000);
      await turn();
      await turn();
    }
    expect([it_.state, warned]).toEqual(['syncing', []]);
    clock.advance(1000);
    expect(warned).toMatchObject([{ reason: 'no copy after 300000 ms' }]);
    await it_.stop();
  });

  it('tries new remotes at once, and drops a connection to one that is gone', async () => {
    const it_ = session([], { dial: succeed });
    it_.start();
    expect(it_.state).toBe('waiting');
    it_.setRemotes(['a', 'b']);
    clock.advance(0);
    await turn();
    it_.setRemotes(['b', 'a']);
    expect(dialled).toEqual(['a']);
    it_.setRemotes(['c']);
    clock.advance(0);
    await turn();
    expect(dialled).toEqual(['a', 'c']);
    await it_.stop();
  });

  it('skips what is not a remote', async () => {
    const it_ = new Session({ remotes: ['nonsense'], database: 'D', clock, random: () => 0 });
    it_.start();
    await turn();
    expect(it_.state).toBe('waiting');
    await it_.stop();
  });
});
