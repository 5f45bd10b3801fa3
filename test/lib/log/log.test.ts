import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { processLog } from '../../../lib/log/log.ts';

it('writes lines of JSON, and counts them and their bytes by the levels of klog, from the first on', async () => {
  const lines: string[] = [];
  const { log, register } = processLog({ level: 'debug', base: { node: 'n1' } }, { write: (line) => lines.push(line) });
  log.warn({ gateway: 'zürich' }, 'lost');
  const registry = new Registry();
  register(registry);
  log.trace('not of this level');
  log.debug('one');
  log.info('two');
  log.error('three');
  log.fatal('four');
  expect(lines.map((line) => (JSON.parse(line) as { msg: string; node: string }).msg)).toEqual([
    'lost',
    'one',
    'two',
    'three',
    'four',
  ]);
  const bytes = (...at: number[]): number => at.reduce((sum, one) => sum + Buffer.byteLength(lines[one] ?? ''), 0);
  const text = await registry.metrics();
  expect(
    text
      .split('\n')
      .filter((line) => line.startsWith('klog_'))
      .toSorted(),
  ).toEqual([
    `klog_bytes_total{level="ERROR"} ${bytes(3, 4)}`,
    `klog_bytes_total{level="INFO"} ${bytes(1, 2)}`,
    `klog_bytes_total{level="WARN"} ${bytes(0)}`,
    'klog_lines_total{level="ERROR"} 2',
    'klog_lines_total{level="INFO"} 2',
    'klog_lines_total{level="WARN"} 1',
  ]);
  expect(await registry.metrics()).toBe(text);
});
