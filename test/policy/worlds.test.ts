import { describe, expect, it } from 'vitest';
import { judgeRandom } from './random-judge.ts';
import type { Style } from './random-policies.ts';

/** The same at each run; `KUBELOOM_SEED` is another one, `KUBELOOM_WORLDS` asks for more histories than usual. */
const seed = Number(process.env['KUBELOOM_SEED'] ?? 1);
const histories = Number(process.env['KUBELOOM_WORLDS'] ?? 800);

describe(`random worlds, seed ${seed}`, () => {
  it.each<[string, Style]>([
    ['AdminNetworkPolicy and BaselineAdminNetworkPolicy', 'v1alpha1'],
    ['ClusterNetworkPolicy', 'v1alpha2'],
  ])(
    `${histories / 4} histories with %s beside NetworkPolicies`,
    (_, style) => {
      const { worlds, verdicts, finding } = judgeRandom({ seed, styles: [style], histories: histories / 4, ports: 2 });
      expect(finding).toBeUndefined();
      expect(worlds).toBeGreaterThanOrEqual(histories / 4);
      expect(verdicts).toBeGreaterThan(50 * worlds);
    },
    600_000,
  );

  it(`${histories} histories: each verdict is the oracle's, and nothing is left of what was`, () => {
    const { worlds, verdicts, finding } = judgeRandom({ seed, styles: ['none'], histories, ports: 2 });
    expect(finding).toBeUndefined();
    expect(worlds).toBeGreaterThanOrEqual(histories);
    expect(verdicts).toBeGreaterThan(50 * worlds);
  }, 600_000);
});
