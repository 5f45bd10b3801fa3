import { describe, expect, it } from 'vitest';
import { apiError } from '../../../operator/kube/errors.ts';
import { KeyedQueue, type QueueOptions } from '../../../operator/kube/queue.ts';
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

  it('waits as long as the server asks', async () => {
    const times: number[] = [];
    const { clock, queue } = rig(async () => {
      times.push(clock.now() - 1000);
      if (times.length === 1) throw apiError('PATCH /x', 429, '', '5');
    });
    queue.start();
    queue.add('a');
    await clock.advance(20_000);
    expect(times).toEqual([0, 5000]);
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

  it('starts nothing after stop, and resumes with start', async () => {
    const runs: string[] = [];
    let open: () => void = () => undefined;
    const { queue } = rig((key) => {
      runs.push(key);
      return new Promise((resolve) => (open = resolve));
    });
    queue.add('a');
    await settled();
    expect(runs).toEqual([]);
    queue.start();
    await settled();
    const stopped = queue.stop();
    queue.add('b');
    open();
    await stopped;
    await settled();
    expect(runs).toEqual(['a']);
    queue.start();
    await settled();
    expect(runs).toEqual(['a', 'b']);
  });
});
