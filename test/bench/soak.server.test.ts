// A short soak before a simulated API server: the operator's own process, and the slope of its heap over lives of pods,
// not over time. What is kept of events is bounded and full before the first moment that counts.
import { describe, expect, it } from 'vitest';
import { slope, soak } from '../../bench/soak.ts';

describe('slope', () => {
  it('is not moved by a moment that is out of line', () => {
    const points = [0, 10, 20, 30, 40, 50, 60].map((x) => [x, 2 * x + (x === 30 ? 1000 : 0)] as const);
    expect(slope(points)).toBe(2);
  });
});

describe('the operator', () => {
  it('keeps nothing of pods that are gone', { timeout: 600_000 }, async () => {
    const size = { api: 'simulated', pods: 200, nodes: 10, load: 90, rate: 200 } as const;
    // Until then code is compiled, and what is kept of events fills.
    const { moments } = await soak({ ...size, warmUp: 2000, every: 500, moments: 6 }, () => undefined);
    const growth = slope(moments.map(({ lives, heap }) => [lives, heap]));
    // Bytes per life: the least that keeps a fact or an object of a pod is a kilobyte, what comes and goes is below 100.
    expect(growth).toBeLessThan(400);
    expect(new Set(moments.map(({ objects }) => objects)).size).toBe(1);
  });
});
