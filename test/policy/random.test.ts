import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { worldsOf } from './history.ts';
import { allowed } from './oracle.ts';
import { probesOf } from './probes.ts';
import { histories } from './random.ts';
import type { World } from './world.ts';

const worlds = fc.sample(histories('none', 'v1alpha1', 'v1alpha2'), { numRuns: 300, seed: 1 }).flatMap(worldsOf);
const share = <T>(items: readonly T[], of: (item: T) => boolean): number => items.filter(of).length / items.length;

describe('random worlds', () => {
  it('ask questions whose answers differ', () => {
    const verdicts = worlds.flatMap((world) =>
      probesOf(world, 2).map(({ from, to, traffic }) => allowed(world, from, to, traffic)),
    );
    expect(share(verdicts, ({ ingress }) => !ingress)).toBeGreaterThan(0.12);
    expect(share(verdicts, ({ egress }) => !egress)).toBeGreaterThan(0.1);
    expect(share(verdicts, ({ combined }) => combined)).toBeGreaterThan(0.4);
  });

  it('have what policies can meet', () => {
    const some: Readonly<Record<string, (world: World) => boolean>> = {
      'four pods or more': ({ pods }) => pods.length >= 4,
      'a completed pod': ({ pods }) => pods.some(({ phase }) => phase === 'Succeeded'),
      'a pod of the host': ({ pods }) => pods.some(({ hostNetwork }) => hostNetwork),
      'several policies of one namespace': ({ networkPolicies }) =>
        new Set(networkPolicies.map(({ metadata }) => metadata.namespace)).size < networkPolicies.length,
      'two of administrators': ({ adminNetworkPolicies, clusterNetworkPolicies }) =>
        adminNetworkPolicies.length + clusterNetworkPolicies.length >= 2,
      'a baseline': ({ baselineAdminNetworkPolicies, clusterNetworkPolicies }) =>
        baselineAdminNetworkPolicies.length > 0 || clusterNetworkPolicies.some(({ spec }) => spec.tier === 'Baseline'),
    };
    const shares = Object.entries(some).map(([name, holds]) => [name, share(worlds, holds) > 0.15] as const);
    expect(shares).toEqual(Object.keys(some).map((name) => [name, true]));
  });
});
