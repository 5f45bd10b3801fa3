import { describe, expect, it } from 'vitest';
import { judgeCorpus } from './corpus-judge.ts';
import { corpusVariants } from './corpus-variants.ts';
import { cyclonus } from './cyclonus.ts';

const cases = cyclonus();

describe('the Cyclonus corpus, judged from the rows', () => {
  it.each([...corpusVariants.values()])('with the pods $name', (variant) => {
    const { verdicts, wrong } = judgeCorpus(cases, variant);
    expect(wrong.slice(0, 10)).toEqual([]);
    expect(verdicts).toBe(73_376);
  });
});
