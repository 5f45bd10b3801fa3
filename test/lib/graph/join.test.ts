import { describe, expect, it } from 'vitest';
import { WiringError } from '../../../lib/graph/errors.ts';
import { Graph } from '../../../lib/graph/graph.ts';
import { selectionKey, selector } from '../../../lib/graph/selector.ts';
import type { Labels, Selection, WrittenSelector } from '../../../lib/graph/selector.ts';
import { CollectingSink } from '../../oracle.ts';
import { HandClock } from './clock.ts';

interface Tables {
  policy: readonly WrittenSelector[];
  selection: Selection;
  pod: { readonly scope: string; readonly labels: Labels; readonly ip?: string };
  namespace: { readonly labels: Labels };
  member: readonly string[];
}

function rig(clock = new HandClock()) {
  const graph = new Graph<Tables>({ clock, sliceMs: 4 });
  const selection = graph.table('selection');
  const pod = graph.table('pod');
  const namespace = graph.table('namespace');
  const sink = new CollectingSink();
  graph.join('member', { selections: selection, entities: pod, scopes: namespace }, sink);
  const settle = (fn: () => void): Record<string, string[]> => {
    graph.enter(fn);
    graph.settleNow();
    return told(sink);
  };
  return { graph, selection, pod, namespace, sink, settle };
}

const told = (sink: CollectingSink): Record<string, string[]> =>
  Object.fromEntries((sink.dump() as [string, [[string, string[]]]][]).map(([, [[key, list]]]) => [key, list]));

const web = selector({ matchLabels: { app: 'web' } });
const everything = selector({});

describe('join', () => {
  it('follows labels, scopes and selections, each as it comes and goes', () => {
    const { selection, pod, namespace, settle } = rig();
    const prod = selector({ matchLabels: { env: 'prod' } });
    expect(settle(() => pod.set('a/1', { scope: 'a', labels: { app: 'web' } }))).toEqual({});
    expect(settle(() => selection.set('web in a', { scope: 'a', entities: web }))).toEqual({ 'a/1': ['web in a'] });
    expect(settle(() => selection.set('of prod', { scopes: prod, entities: everything }))).toEqual({
      'a/1': ['web in a'],
    });
    const both = { 'a/1': ['of prod', 'web in a'] };
    expect(settle(() => namespace.set('a', { labels: { env: 'prod' } }))).toEqual(both);
    expect(settle(() => pod.set('b/1', { scope: 'b', labels: {} }))).toEqual(both);
    expect(settle(() => pod.set('a/1', { scope: 'a', labels: { app: 'db' } }))).toEqual({ 'a/1': ['of prod'] });
    expect(settle(() => namespace.set('b', { labels: { env: 'prod' } }))).toEqual({
      'a/1': ['of prod'],
      'b/1': ['of prod'],
    });
    expect(settle(() => namespace.delete('a'))).toEqual({ 'b/1': ['of prod'] });
    expect(settle(() => selection.set('of prod', { scopes: prod, entities: web }))).toEqual({});
    expect(settle(() => pod.set('b/1', { scope: 'b', labels: { app: 'web' } }))).toEqual({ 'b/1': ['of prod'] });
    expect(settle(() => selection.delete('of prod'))).toEqual({});
    expect(settle(() => pod.replace([]))).toEqual({});
  });

  it('finds no scope by its labels that is not known, whatever is asked of it', () => {
    const { selection, pod, settle } = rig();
    pod.set('1', { scope: 'unknown', labels: {} });
    selection.set('any scope', { entities: everything });
    selection.set('this scope', { scope: 'unknown', entities: everything });
    selection.set('scopes of any labels', { scopes: everything, entities: everything });
    selection.set('this one of any labels', { scope: 'unknown', scopes: everything, entities: everything });
    const lacking = selector({ matchExpressions: [{ key: 'env', operator: 'DoesNotExist' }] });
    selection.set('scopes without a label', { scopes: lacking, entities: everything });
    expect(settle(() => undefined)).toEqual({ 1: ['any scope', 'this scope'] });
  });

  it('gives entities of the same labels the same list', () => {
    const { selection, pod, sink, settle } = rig();
    settle(() => {
      selection.set('web', { entities: web });
      pod.set('1', { scope: 'a', labels: { app: 'web', tier: 'x' } });
      pod.set('2', { scope: 'a', labels: { tier: 'x', app: 'web' } });
    });
    const [[, one], [, two]] = [...sink.sources.values()].flat() as [[string, unknown], [string, unknown]];
    expect(one).toBe(two);
  });

  it('does nothing for a change of what it does not look at', () => {
    const { graph, selection, pod, settle } = rig();
    settle(() => {
      selection.set('web', { entities: web });
      pod.set('1', { scope: 'a', labels: { app: 'web' } });
    });
    const before = graph.counters['member'];
    settle(() => pod.set('1', { scope: 'a', labels: { app: 'web' }, ip: '10.0.0.1' }));
    expect(graph.counters['member']).toEqual(before);
  });

  it('compares a selector once for all entities that have the same labels', () => {
    const { graph, selection, pod, settle } = rig();
    settle(() => {
      for (let i = 0; i < 500; i++) pod.set(`${i}`, { scope: 'a', labels: { app: i % 2 ? 'web' : 'db' } });
      selection.set('web', { scope: 'a', entities: web });
    });
    expect(graph.counters['member']?.tests).toBe(1);
  });

  it('looks only at selectors that stand under a label of the entity, and that is the rarest', () => {
    const { graph, selection, pod, settle } = rig();
    settle(() => {
      for (let i = 0; i < 50; i++) pod.set(`${i}`, { scope: 'a', labels: { app: `app${i}`, tier: 'front' } });
      for (let i = 0; i < 50; i++)
        selection.set(`s${i}`, { entities: selector({ matchLabels: { tier: 'front', app: `app${i}` } }) });
    });
    const before = graph.counters['member']?.tests ?? 0;
    settle(() => pod.set('new', { scope: 'b', labels: { app: 'app7', tier: 'front' } }));
    expect((graph.counters['member']?.tests ?? 0) - before).toBe(1);
  });

  it('runs everything again on recompute and changes nothing by it', () => {
    const { graph, selection, pod, sink, settle } = rig();
    const before = settle(() => {
      selection.set('web', { entities: web });
      pod.set('1', { scope: 'a', labels: { app: 'web' } });
      pod.set('2', { scope: 'a', labels: {} });
    });
    sink.sources.clear();
    graph.recompute();
    graph.settleNow();
    expect(told(sink)).toEqual(before);
    expect(settle(() => pod.delete('1'))).toEqual({});
  });

  it('dumps its label sets', () => {
    const { graph, selection, pod, settle } = rig();
    settle(() => {
      selection.set('web', { entities: web });
      for (const key of ['1', '2']) pod.set(key, { scope: 'a', labels: { app: 'web' } });
    });
    expect(graph.dumpJoin('member')).toEqual([
      { scope: 'a', labels: { app: 'web' }, entities: ['1', '2'], selections: ['web'] },
    ]);
    expect(() => graph.dumpJoin('other')).toThrow(WiringError);
  });
});

describe('wiring of a join', () => {
  it('refuses inputs that come later, outputs that were used, and names that exist', () => {
    const { graph, selection, pod, namespace } = rig();
    const member = graph.table('member');
    const inputs = { selections: selection, entities: pod, scopes: namespace };
    expect(() => graph.join('member', inputs, new CollectingSink())).toThrow('join member: an operator of this name');
    expect(() => graph.join('other', { ...inputs, entities: { ...pod, name: 'nope' } }, new CollectingSink())).toThrow(
      'join other: unknown table nope',
    );
    graph.derive('early', member, () => [], new CollectingSink());
    expect(() => graph.join('late', inputs, graph.into(member))).toThrow(
      'join late writes table member, which early uses before it is complete',
    );
    expect(() => graph.derive('later', pod, () => [], graph.share(selection))).toThrow(
      'derivation later writes table selection, which member uses before it is complete',
    );
  });
});

describe('a shared table', () => {
  function shared() {
    const graph = new Graph<Tables>({ clock: new HandClock(), sliceMs: 4 });
    const policy = graph.table('policy');
    const selection = graph.table('selection');
    graph.derive(
      'select',
      policy,
      (selectors) =>
        selectors.map((each) => {
          const wanted = { entities: selector(each) };
          return [selectionKey(wanted), wanted] as const;
        }),
      graph.share(selection),
    );
    const keys = (fn: () => void): string[] => {
      graph.enter(fn);
      graph.settleNow();
      return [...selection.entries()].map(([key]) => key);
    };
    return { graph, policy, selection, keys };
  }

  it('keeps a key until the last source stops, and is no conflict', () => {
    const { graph, policy, keys } = shared();
    const a = { matchLabels: { app: 'a' } };
    const b = { matchExpressions: [{ key: 'app', operator: 'In', values: ['a'] }] };
    const [key] = keys(() => policy.set('1', [a]));
    expect(keys(() => policy.set('2', [b, a, {}]))).toHaveLength(2);
    expect(graph.conflicts).toEqual([]);
    expect(keys(() => policy.set('2', [b]))).toEqual([key]);
    expect(keys(() => policy.delete('1'))).toEqual([key]);
    expect(keys(() => policy.delete('2'))).toEqual([]);
  });

  it('refuses a value that does not follow from its key, and to be a table of single owners as well', () => {
    const { graph, policy, selection } = shared();
    expect(() => graph.into(selection)).toThrow('into: table selection is shared');
    expect(() => graph.share(graph.into(policy) && policy)).toThrow('share: table policy is not shared');
    const other = new Graph<Tables>({ clock: new HandClock(), sliceMs: 4 });
    const from = other.table('policy');
    const to = other.table('selection');
    other.derive('bad', from, ([each = {}]) => [['key', { entities: selector(each) }] as const], other.share(to));
    other.enter(() => {
      from.set('1', [{}]);
      from.set('2', [{ matchLabels: { app: 'a' } }]);
    });
    expect(() => other.settleNow()).toThrow('bad/2 yields another value for key of the shared table selection');
  });
});
