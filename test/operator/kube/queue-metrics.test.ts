import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { apiError } from '../../../operator/kube/errors.ts';
import { queueMetrics } from '../../../operator/kube/queue-metrics.ts';
import { KeyedQueue } from '../../../operator/kube/queue.ts';
import { FakeClock, settled } from './fake.ts';

it('tells what became of the keys of a queue in the words of client-go', async () => {
  const registry = new Registry();
  const clock = new FakeClock();
  const answers = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let runs = 0;
  const queue = new KeyedQueue({
    clock,
    run: () => answers[runs++]?.promise ?? Promise.resolve(),
    onFailure: () => undefined,
    meter: queueMetrics(registry)('objects'),
  });
  const shown = async (name: string): Promise<number> => {
    const line = (await registry.metrics())
      .split('\n')
      .find((one) => one.startsWith(`workqueue_${name}{name="objects"}`));
    return Number(line?.split(' ')[1]);
  };
  queue.start();
  queue.add('a');
  queue.add('a');
  await settled();
  expect(await shown('adds_total')).toBe(1);
  expect(await shown('queue_duration_seconds_count')).toBe(1);
  expect(await shown('queue_duration_seconds_sum')).toBe(0);
  expect(await shown('longest_running_processor_seconds')).toBeGreaterThan(0);
  expect(await shown('work_duration_seconds_count')).toBeNaN();
  answers[0]?.reject(apiError('PATCH x', 409, 'conflict'));
  await settled();
  expect(await shown('retries_total')).toBe(1);
  expect(await shown('work_duration_seconds_count')).toBe(1);
  expect(await shown('unfinished_work_seconds')).toBe(0);
  await clock.advance(60_000);
  answers[1]?.resolve();
  await settled();
  expect(runs).toBe(2);
  expect(await shown('work_duration_seconds_count')).toBe(2);
  // A pause after a failure is no wait.
  expect(await shown('queue_duration_seconds_sum')).toBe(0);
});
