import { describe, expect, it } from 'vitest';
import { apiError, ConnectionError } from '../../../operator/kube/errors.ts';
import { KeyedQueue, type QueueOptions } from '../../../operator/kube/queue.ts';
import { DeposedError } from '../../../operator/kube/writer.ts';
import { FakeClock, settled } from './fake.ts';

const rig = (run: (key: string) => Promise<void>, options: Partial<QueueOptions> = {}) => {
  const clock = new FakeClock();
  const failures: number[] = [];
  const queue = new KeyedQueue({
    clock,
    run,
    onFailure: (_key, _error, attempt) => failures.push(attempt),
    ...options,
  });
  return { clock, queue, failures };
};

describe('KeyedQueue', () => {
  it('runs a key once however often it was added, and again when added while it runs', async () => {
    const runs: string[] = [];
    const gates: (() => void)[] = [];
    const { queue } = rig((key) => {
      runs.push(key);
      return new Promise((resolve) => gates.push(resolve));
    });
    queue.start();
    queue.add('a');
    queue.add('a');
    await settled();
    queue.add('a');
    queue.add('a');
    await settled();
    expect(runs).toEqual(['a']);
    gates[0]?.();
    await settled();
    expect(runs).toEqual(['a', 'a']);
    gates[1]?.();
    await settled();
    expect(queue.size).toBe(0);
  });

  it('bounds what runs at once', async () => {
    let running = 0;
    let most = 0;
    const { queue } = rig(
      async () => {
        running += 1;
        most = Math.max(most, running);
        await settled();
        running -= 1;
      },
      { concurrency: 3 },
    );
    queue.start();
    for (let n = 0; n < 20; n += 1) queue.add(`k${n}`);
    while (queue.size > 0) await settled();
    expect(most).toBe(3);
  });

  it('retries with growing delays until it succeeds', async () => {
    let left = 3;
    const times: number[] = [];
    const { clock, queue, failures } = rig(
      async () => {
        times.push(clock.now() - 1000);
        left -= 1;
        if (left >= 0) throw new Error('not yet');
      },
      { backoff: { base: 100, cap: 1000 } },
    );
    queue.start();
    queue.add('a');
    await clock.advance(10_000);
    expect(times).toEqual([0, 50, 150, 350]);
    expect(failures).toEqual([1, 2, 3]);
    expect(queue.size).toBe(0);
    expect(clock.waiting).toBe(0);
  });

  it.each([
    [5000, 5000],
    [9e15, 120_000],
  ])(
    'waits as long as the server asks, within reason, and no change shortens it: %s ms',
    async (retryAfter, second) => {
      const times: number[] = [];
      const { clock, queue } = rig(async () => {
        times.push(clock.now() - 1000);
        if (times.length === 1) throw apiError('PATCH /x', 429, '', retryAfter);
      });
      queue.start();
      queue.add('a');
      await clock.advance(1000);
      queue.add('a');
      await clock.advance(400_000);
      expect(times).toEqual([0, second]);
      expect(clock.waiting).toBe(0);
    },
  );

  it('asks a server that is away once per pause, not once per key, and goes on with all when it is back', async () => {
    let away = true;
    const runs: string[] = [];
    const { clock, queue, failures } = rig(
      async (key) => {
        runs.push(key);
        await settled();
        if (away) throw new ConnectionError('PATCH /x', 'refused');
      },
      { concurrency: 4, backoff: { base: 100, cap: 10_000 } },
    );
    queue.start();
    for (let n = 0; n < 1000; n += 1) queue.add(`k${n}`);
    for (let n = 0; n < 600; n += 1) await clock.advance(100);
    // Four were under way when it went; then one at a time, with pauses that double up to half of the cap.
    expect(runs).toHaveLength(4 + 17);
    expect(new Set(runs).size).toBe(runs.length);
    expect(new Set(failures)).toEqual(new Set([1]));
    for (let n = 0; n < 1000; n += 1) queue.add(`k${n}`);
    await settled();
    away = false;
    const before = runs.length;
    await clock.advance(10_000);
    while (queue.size > 0) await settled();
    expect(runs.length - before).toBe(1000);
    expect([queue.remembered, clock.waiting]).toEqual([0, 0]);
  });

  it('is not held up by a key that fails by itself', async () => {
    const done: string[] = [];
    const { clock, queue } = rig(async (key) => {
      if (key === 'bad') throw apiError('PATCH /x', 500, 'webhook');
      done.push(key);
    });
    queue.start();
    queue.add('bad');
    for (let n = 0; n < 100; n += 1) queue.add(`k${n}`);
    await clock.advance(0);
    expect(done).toHaveLength(100);
  });

  it('keeps what is refused from being tried at the rate of changes', async () => {
    const times: number[] = [];
    const { clock, queue } = rig(async () => {
      times.push(clock.now() - 1000);
      throw apiError('PATCH /x', 422, 'no');
    });
    queue.start();
    for (let n = 0; n < 100; n += 1) {
      queue.add('a');
      await clock.advance(100);
    }
    expect(times.length).toBeLessThan(17);
    expect(times.length).toBeGreaterThan(9);
  });

  it('says nothing of runs that ended because this process does not lead, and tries again by itself', async () => {
    let leads = false;
    const done: string[] = [];
    const { clock, queue, failures } = rig(async (key) => {
      if (!leads) throw new DeposedError();
      done.push(key);
    });
    queue.start();
    for (const key of ['a', 'b', 'c']) queue.add(key);
    await clock.advance(1000);
    expect([done, failures]).toEqual([[], []]);
    leads = true;
    await clock.advance(30_000);
    expect(done.toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('brings a retry forward when something changed', async () => {
    const times: number[] = [];
    const { clock, queue } = rig(
      async () => {
        times.push(clock.now() - 1000);
        throw new Error('no');
      },
      { backoff: { base: 60_000, cap: 60_000 } },
    );
    queue.start();
    queue.add('a');
    await clock.advance(1000);
    queue.add('a');
    await clock.advance(0);
    expect(times).toEqual([0, 1000]);
  });

  it('keeps the spacing between runs of one key, and not between keys', async () => {
    const runs: string[] = [];
    const { clock, queue } = rig(async (key) => void runs.push(`${key}@${clock.now() - 1000}`), { spacingMs: 1000 });
    queue.start();
    queue.add('a');
    await clock.advance(100);
    queue.add('a');
    queue.add('b');
    await clock.advance(100);
    queue.add('a');
    await clock.advance(5000);
    expect(runs).toEqual(['a@0', 'b@100', 'a@1000']);
    expect(clock.waiting).toBe(0);
    queue.add('a');
    await settled();
    expect(runs.at(-1)).toBe('a@6200'.replace('6200', String(clock.now() - 1000)));
  });

  it('remembers nothing while it is stopped: a standby sees every change and writes none', async () => {
    const runs: string[] = [];
    let open: () => void = () => undefined;
    const { clock, queue } = rig((key) => {
      runs.push(key);
      return new Promise((resolve) => (open = resolve));
    });
    queue.add('a');
    expect(queue.remembered).toBe(0);
    queue.start();
    queue.add('b');
    await settled();
    queue.add('b');
    const stopped = queue.stop();
    queue.add('c');
    open();
    await stopped;
    await clock.advance(10_000);
    expect([runs, queue.remembered, clock.waiting]).toEqual([['b'], 0, 0]);
    queue.start();
    queue.add('d');
    await settled();
    expect(runs).toEqual(['b', 'd']);
  });
});
