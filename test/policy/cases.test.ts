import { describe, expect, it } from 'vitest';
import { judgeCase } from './case-judge.ts';
import { networkPolicyCases } from './cases.ts';

describe('cases of the documents, judged from the rows', () => {
  it.each(networkPolicyCases)('%s', (...one) => {
    expect(judgeCase(one)).toEqual([]);
  });
});
