import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Owner } from '../../../lib/delta/fact.ts';
import type { PlanFact, Span } from '../../../operator/api/fact.ts';
import type { PeerItem, PlanItem } from '../../../operator/plan/item.ts';
import { PlanStore } from '../../../operator/plan/store.ts';

const peer = (name: string): PeerItem => ({ kind: 'peer', name, internalIps: ['192.0.2.1'] });
const fact = (plan: string, span: Span, item: PlanItem = peer(plan)): PlanFact => ({
  plan,
  span,
  item,
  owner: 'Node//x' as Owner,
});

const store = (): PlanStore => new PlanStore((key, sources) => expect.fail(`${key}: ${sources.join(', ')}`));

describe('PlanStore', () => {
  it('tells a node of its own items only, when a revision closes', () => {
    const plan = store();
    const heard: unknown[] = [];
    plan.subscribe('n1', { changed: (changes, revision) => heard.push([revision, ...changes.map(({ key }) => key)]) });
    plan.replace('a', [fact('mine', new Set(['n1'])), fact('theirs', new Set(['n2'])), fact('ours', 'all')]);
    expect(heard).toEqual([]);
    plan.flush();
    plan.flush();
    expect(heard).toEqual([[1, 'mine', 'ours']]);
    expect([...plan.items('n2')].map(([key]) => key).toSorted()).toEqual(['ours', 'theirs']);
  });

  it('widening a span is a change for the new node only', () => {
    const plan = store();
    plan.replace('a', [fact('k', new Set(['n1']))]);
    plan.flush();
    const heard: string[] = [];
    for (const node of ['n1', 'n2'])
      plan.subscribe(node, {
        changed: (changes) => changes.forEach(({ key, item }) => heard.push(`${node} ${key} ${item !== undefined}`)),
      });
    plan.replace('a', [fact('k', new Set(['n1', 'n2']))]);
    plan.flush();
    plan.replace('a', [fact('k', new Set(['n2']))]);
    plan.flush();
    expect(heard).toEqual(['n2 k true', 'n1 k false']);
  });

  it('keeps the first of two sources that want one key, and names both', () => {
    const conflicts: unknown[] = [];
    const plan = new PlanStore((key, sources) => conflicts.push([key, ...sources]));
    plan.replace('a', [fact('k', 'all', peer('first'))]);
    plan.replace('b', [fact('k', 'all', peer('second'))]);
    expect([...plan.items('n')]).toEqual([['k', peer('first')]]);
    expect(conflicts).toEqual([['k', 'a', 'b']]);
    plan.replace('b', []);
    expect(plan.size).toBe(1);
  });

  it('a follower that applies every change holds exactly the items of its node', () => {
    const nodes = ['n1', 'n2', 'n3'];
    const span = fc.oneof(
      fc.constant('all' as const),
      fc.subarray(nodes).map((some) => new Set(some)),
    );
    const step = fc.record({
      source: fc.constantFrom('a', 'b', 'c'),
      items: fc.uniqueArray(fc.tuple(fc.constantFrom('1', '2', '3'), span, fc.constantFrom('x', 'y')), {
        selector: ([key]) => key,
      }),
      flush: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const plan = store();
        const held = new Map<string, PlanItem>();
        plan.subscribe('n1', {
          changed: (changes) =>
            changes.forEach(({ key, item }) => (item === undefined ? held.delete(key) : held.set(key, item))),
        });
        for (const { source, items, flush } of steps) {
          plan.replace(
            source,
            items.map(([key, to, name]) => fact(`${source}${key}`, to, peer(name))),
          );
          if (flush) plan.flush();
        }
        plan.flush();
        expect(held).toEqual(new Map(plan.items('n1')));
      }),
    );
  });
});
