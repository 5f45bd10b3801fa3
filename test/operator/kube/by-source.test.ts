import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BySource } from '../../../operator/kube/by-source.ts';

interface Fact {
  readonly about: string;
  readonly says: number;
}

describe('BySource', () => {
  it('is what a list of all facts, looked through, would say', () => {
    const fact = fc.record({ about: fc.constantFrom('x', 'y', 'z'), says: fc.nat(9) });
    const change = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.array(fact, { maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const facts = new BySource<Fact>(({ about }) => about);
        const all = new Map<string, readonly Fact[]>();
        const told = (target: string): Fact[] =>
          [...all]
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .flatMap(([, some]) => some.filter(({ about }) => about === target));
        for (const [source, wanted] of changes) {
          const before = new Set((all.get(source) ?? []).map(({ about }) => about));
          all.set(source, wanted);
          const touched = facts.replace(source, wanted);
          expect(touched).toEqual(new Set([...before, ...wanted.map(({ about }) => about)]));
          for (const target of ['x', 'y', 'z']) expect(facts.at(target)).toEqual(told(target));
        }
        const targets = ['x', 'y', 'z'].filter((target) => told(target).length > 0);
        expect([...facts.targets()].toSorted()).toEqual(targets);
      }),
    );
  });
});
