import { describe, expect, it } from 'vitest';
import { contest, figure, medianInterval, percentile, table } from '../../bench/compare.ts';

describe('percentile', () => {
  it.each([
    [[5, 1, 3], 50, 3],
    [[1, 2, 3, 4], 50, 2],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 90, 9],
    [[7], 99, 7],
  ])('%j p%i is %d', (values, p, expected) => expect(percentile(values, p)).toBe(expected));

  it('of nothing is an error', () => expect(() => percentile([], 50)).toThrow('of nothing'));
});

describe('medianInterval', () => {
  it('is the whole range of few pairs', () => expect(medianInterval([3, 1, 2, 5, 4])).toEqual({ low: 1, high: 5 }));

  it('narrows with many pairs', () => {
    const { low, high } = medianInterval(Array.from({ length: 100 }, (_, index) => index));
    expect(low).toBeGreaterThan(30);
    expect(high).toBeLessThan(70);
  });
});

describe('figure', () => {
  const pairs = [
    { product: [2, 2, 2], raw: [1, 1, 1] },
    { product: [3, 3, 3], raw: [1, 1, 1] },
    { product: [4, 4, 4], raw: [1, 1, 1] },
  ];

  it('is the median of the paired ratios', () =>
    expect(figure('add', pairs, 50)).toMatchObject({ ratio: 3, goal: null }));

  it.each([
    [2.5, true],
    [1.5, false],
  ])('a goal of %d holds: %s', (ratio, holds) => {
    expect(figure('add', pairs, 50, { percentile: 50, ratio }).holds).toBe(holds);
    expect(table([figure('add', pairs, 50, { percentile: 50, ratio })])).toContain(holds ? 'yes' : 'NO');
  });
});

describe('contest', () => {
  it('interleaves, and alternates who goes first', async () => {
    const order: string[] = [];
    const side = (name: string) => async (): Promise<number[]> => {
      order.push(name);
      return [1];
    };
    await contest({ pairs: 3, product: side('p'), raw: side('r') });
    expect(order.join('')).toBe('prrppr');
  });
});
