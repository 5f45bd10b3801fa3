import { describe, expect, it } from 'vitest';
import { networkPolicyCases } from './cases.ts';
import { clusterPolicyCases } from './cluster-cases.ts';
import { corpusVariants, networkOf, varied } from './corpus-variants.ts';
import { cyclonus, keyOf } from './cyclonus.ts';
import { allowed, expectation } from './oracle.ts';
import { trafficOf } from './probes.ts';

describe('the oracle', () => {
  it.each([...corpusVariants.values()])('gives every verdict of the Cyclonus corpus $name', (variant) => {
    let judged = 0;
    for (const { name, steps } of cyclonus()) {
      for (const { world: written, expected } of steps) {
        const world = varied(written, variant);
        const pods = new Map(world.pods.map((pod) => [keyOf(pod), pod]));
        const wrong = expected.filter((one) => {
          const from = pods.get(one.from)!;
          const to = pods.get(one.to)!;
          const { protocol, port } = one;
          const traffic = { protocol, port, ...networkOf(variant) };
          const { ingress, egress, combined } = allowed(world, { pod: from }, { pod: to }, traffic);
          return ingress !== one.ingress || egress !== one.egress || combined !== one.combined;
        });
        expect({ name, wrong }).toEqual({ name, wrong: [] });
        judged += expected.length;
      }
    }
    expect(judged).toBe(73_376);
  });
});

describe.each([
  ['NetworkPolicy', networkPolicyCases],
  ['policies of administrators', clusterPolicyCases],
])('the oracle of %s, where the corpus says nothing', (_, cases) => {
  it.each(cases)('%s', (_, world, probes) => {
    const judged = probes.map(([from, to, what]) => {
      return [from, to, what, expectation(allowed(world, from, to, trafficOf(what)))];
    });
    expect(judged).toEqual(probes);
  });
});
