// What an event costs, in keys that run and selectors that are compared: the same at 1,000 pods as at 100,000.
import { describe, expect, it } from 'vitest';
import type { Sink } from '../../../lib/graph/types.ts';
import { HandClock } from './clock.ts';
import { podAt, policyAt, policyWorld, populate } from './policies.ts';
import type { Fact, PolicyWorld } from './policies.ts';

/** Counts what reaches it. */
class Counting implements Sink<Fact> {
  replaced = 0;
  facts = 0;

  replace(_: string, facts: readonly Fact[]): void {
    this.replaced++;
    this.facts += facts.length;
  }

  freeze(source: string, error: unknown): void {
    throw new Error(`${source} failed`, { cause: error });
  }
}

type Cost = Record<string, number>;

function cost(world: PolicyWorld, sink: Counting, event: () => void): Cost {
  const before = world.graph.counters;
  const { replaced, facts } = sink;
  world.graph.enter(event);
  world.graph.settleNow();
  const runs = Object.entries(world.graph.counters).flatMap(([name, { runs: now, tests = 0 }]) => [
    [name, now - (before[name]?.runs ?? 0)] as const,
    [`${name} tests`, tests - (before[name]?.tests ?? 0)] as const,
  ]);
  const all = [...runs, ['sources', sink.replaced - replaced] as const, ['facts', sink.facts - facts] as const];
  return Object.fromEntries(all.filter(([, count]) => count > 0));
}

describe.each([1_000, 100_000])('with %i pods', (pods) => {
  const sink = new Counting();
  const world = policyWorld(new HandClock(), sink);
  populate(world, pods, pods / 20);
  world.graph.settleNow();
  // The subject of one policy, and let in by three more.
  const [, pod] = podAt(12);

  it('adds, moves, relabels and deletes one pod', () => {
    const put = (fields: Partial<typeof pod>) => () => world.pod.set('ns0/new', { ...pod, ...fields });
    const both = { workload: 1, port: 1, edges: 1 };
    expect(cost(world, sink, put({}))).toEqual({ ...both, member: 2, sources: 2, facts: 5 });
    expect(cost(world, sink, put({ ip: '10.255.0.1' }))).toEqual({ ...both, sources: 2, facts: 5 });
    expect(cost(world, sink, put({ ip: '10.255.0.1', node: 'node7' }))).toEqual({
      workload: 1,
      port: 1,
      sources: 1,
      facts: 1,
    });
    const labels = { app: 'app13', tier: 'store', version: 'new' };
    expect(cost(world, sink, put({ labels }))).toEqual({ ...both, member: 2, 'member tests': 3, sources: 2, facts: 4 });
    expect(cost(world, sink, () => world.pod.delete('ns0/new'))).toEqual({ ...both, member: 2, sources: 2 });
  });

  it('adds and deletes a policy with a selection of its own', () => {
    const [key, policy] = policyAt(0, pods);
    const fresh = { ...policy, subject: { matchLabels: { app: 'app40', version: 'v1' } } };
    // The ten pods that it is about, five of each version: two label sets.
    const added = { policy: 1, member: 6, 'member tests': 2, edges: 5, group: 1 };
    expect(cost(world, sink, () => world.policy.set(`${key}-fresh`, fresh))).toMatchObject(added);
    expect(cost(world, sink, () => world.policy.delete(`${key}-fresh`))).toMatchObject(added);
  });

  it('adds a policy whose selections are there already', () => {
    const [key, policy] = policyAt(0, pods);
    expect(cost(world, sink, () => world.policy.set(`${key}-twin`, policy))).toEqual({
      policy: 1,
      sources: 1,
      facts: 2,
    });
    expect(cost(world, sink, () => world.policy.delete(`${key}-twin`))).toEqual({ policy: 1, sources: 1 });
  });

  it('relabels a namespace', () => {
    const relabel = (labels: Record<string, string>) => () => world.namespace.set('ns0', { labels });
    // What no selector asks for changes nothing.
    expect(cost(world, sink, relabel({ name: 'ns0', team: 'team0', note: 'x' }))).toEqual({ member: 1 });
    const moved = cost(world, sink, relabel({ name: 'ns0', team: 'none' }));
    // 500 pods have 100 label sets in a namespace; only the quarter that is of the tier loses a selection.
    expect(moved['edges']).toBe(130);
    expect(moved).toMatchObject({ member: 131, edges: 130 });
    expect(cost(world, sink, relabel({ name: 'ns0', team: 'team0' }))).toMatchObject({ member: 131, edges: 130 });
  });
});
