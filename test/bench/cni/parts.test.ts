import { describe, expect, it } from 'vitest';
import { metric } from '../../../bench/cni/metrics.ts';
import { bounded } from '../../../bench/cni/programs.ts';
import { table } from '../../../bench/compare.ts';

describe('metric', () => {
  const page = [
    '# HELP a_total Things',
    'a_total{kind="x",node="n"} 2',
    'a_total{kind="y",node="n"} 3.5',
    'a_total_more 7',
    'b 4',
  ].join('\n');

  it.each([
    ['a_total', '', 5.5],
    ['a_total', 'kind="y"', 3.5],
    ['b', '', 4],
    ['missing', '', 0],
  ])('%s %s', (name, labels, expected) => expect(metric(page, name, labels)).toBe(expected));
});

describe('bounded', () => {
  it('lets so many run at once, and the others after them, also after a failure', async () => {
    const run = bounded(2);
    let [now, most] = [0, 0];
    const work = async (fails: boolean): Promise<void> => {
      now += 1;
      most = Math.max(most, now);
      await Promise.resolve();
      now -= 1;
      if (fails) throw new Error('failed');
    };
    const results = await Promise.allSettled([true, false, false, true, false].map((fails) => run(() => work(fails))));
    expect(results.map(({ status }) => status === 'fulfilled')).toEqual([false, true, true, false, true]);
    expect([now, most]).toEqual([0, 2]);
  });
});

describe('table', () => {
  it('shows a goal that is not a ratio', () => {
    const figure = { name: 'a', case: 'ns/op', unit: 'ns', product: 1, raw: 1, ratio: 1, low: 1, high: 1, goal: null };
    expect(table([{ ...figure, holds: true, limit: 1200 }])).toContain('<= 1200 ns  yes');
  });
});
