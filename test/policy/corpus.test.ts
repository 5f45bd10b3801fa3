import { describe, expect, it } from 'vitest';
import { judgeCorpus, judgeServices } from './corpus-judge.ts';
import { corpusVariants, varied } from './corpus-variants.ts';
import { cyclonus } from './cyclonus.ts';
import { difference, freshRows, Product } from './product.ts';

const cases = cyclonus();
const balanced = ['spread over several subnets, some without load balancing', 'with IPv6 addresses'];

describe('the Cyclonus corpus, judged from the rows', () => {
  it.each([...corpusVariants.values()])('with the pods $name', (variant) => {
    const { verdicts, wrong } = judgeCorpus(cases, variant);
    expect(wrong.slice(0, 10)).toEqual([]);
    expect(verdicts).toBe(73_376);
  });

  it.each(balanced)('through Services, with the pods %s', (name) => {
    const { verdicts, wrong } = judgeServices(cases, corpusVariants.get(name)!);
    expect(wrong.slice(0, 10)).toEqual([]);
    expect(verdicts).toBeGreaterThan(50_000);
  });

  it('has the rows that its last step alone makes, after all steps of a case', () => {
    const several = cases.filter(({ steps }) => steps.length > 1);
    const left = several.map(({ name, steps }) => {
      const product = new Product();
      const variant = corpusVariants.get('on one subnet, as written')!;
      for (const { world } of steps) product.become(varied(world, variant));
      const fresh = freshRows(varied(steps.at(-1)!.world, variant));
      return [name, ...difference(product.rows(), fresh), ...difference(fresh, product.rows())];
    });
    expect(left).toEqual(several.map(({ name }) => [name]));
    expect(several.length).toBeGreaterThan(10);
  });
});
