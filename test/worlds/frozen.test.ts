// A reconciler that throws, in the wiring of the operator: what its objects wanted stays as it is, they are told, all
// others go on, and the next good run cures it. Without the settings of the cluster every reconciler that needs them
// throws, which is a bug as good as any.
import { beforeEach, describe, expect, it } from 'vitest';
import type { Fact } from '../../operator/api/fact.ts';
import { build } from './objects.ts';
import { defaults, factsOf, feed, start } from './process.ts';
import type { Process } from './process.ts';

const put = (kind: string, key: string, fields: Record<string, unknown>) => ({
  kind,
  key,
  object: build(kind, key, fields),
});

const text = (facts: readonly Fact[]): string[] =>
  facts
    .map((fact) =>
      JSON.stringify(fact, (_, value: unknown) => (value instanceof Map || value instanceof Set ? [...value] : value)),
    )
    .sort();

/** Rows of everyone but the cluster's own, which go with the settings. */
const rows = (process: Process): string[] =>
  text(factsOf(process, 'rows').filter(({ owner }) => !owner.startsWith('Cluster/')));

const enter = (process: Process, fn: () => void): void => {
  process.graph.enter(fn);
  process.graph.settleNow();
};

describe('a reconciler that throws', () => {
  let process: Process;
  let before: string[];

  beforeEach(() => {
    process = start();
    feed(process, [
      put('Vpc', 'ovn-cluster', {}),
      put('Subnet', 'ovn-default', { cidrBlock: '10.16.0.0/16', default: true }),
      put('Namespace', 'a', {}),
      put('Node', 'n1', { ip: '172.18.0.2' }),
      put('Pod', 'a/web', { node: 'n1' }),
      put('IP', 'web.a', { for: 'a/web', subnet: 'ovn-default', ip: '10.16.0.2', mac: '02:00:00:00:00:01' }),
    ]);
    before = rows(process);
    enter(process, () => process.world.cluster.delete('cluster'));
  });

  it('leaves the rows as they are, also when their object changes or other things come', () => {
    expect(before.length).toBeGreaterThan(5);
    expect(rows(process)).toEqual(before);
    expect(process.sinks.rows.frozen).toContain('Subnet/ovn-default');
    feed(process, [put('Subnet', 'ovn-default', { cidrBlock: '10.16.0.0/16', default: true, private: true })]);
    feed(process, [put('Subnet', 'other', { cidrBlock: '10.17.0.0/16' })]);
    expect(rows(process)).toEqual(before);
    expect(process.graph.counters['Subnet']?.failures).toBeGreaterThanOrEqual(3);
  });

  it('tells the objects with InternalError, once for each that failed', () => {
    const problems = factsOf(process, 'problems').flatMap((fact) =>
      'problem' in fact && fact.reason === 'InternalError' ? [`${fact.problem.kind} ${fact.problem.name}`] : [],
    );
    expect(problems).toContain('Subnet ovn-default');
    expect(new Set(problems)).toEqual(new Set([...process.graph.failures.keys()].flatMap(named)));
  });

  it('goes on as if nothing had been once it does not throw any more', () => {
    enter(process, () => process.world.cluster.set('cluster', defaults));
    expect(process.graph.failures.size).toBe(0);
    for (const sink of Object.values(process.sinks)) expect([...sink.frozen]).toEqual([]);
    expect(rows(process)).toEqual(before);
    expect(factsOf(process, 'problems').filter((fact) => 'problem' in fact && fact.reason === 'InternalError')).toEqual(
      [],
    );
  });

  it('lets go of what is deleted, throwing or not', () => {
    feed(process, [{ kind: 'Subnet', key: 'ovn-default', object: undefined }]);
    expect(process.sinks.rows.sources.has('Subnet/ovn-default')).toBe(false);
    expect([...process.graph.failures.keys()]).not.toContain('Subnet/ovn-default');
  });
});

/** The object of a source of a reconciler; projections have none. */
function named(source: string): string[] {
  const found = /^(Vpc|Subnet|SubnetStatus|Node|Pod|Namespace)\/(?:[^/]*\/)?(.*)$/.exec(source);
  return found ? [`${found[1] === 'SubnetStatus' ? 'Subnet' : found[1]} ${found[2]}`] : [];
}
