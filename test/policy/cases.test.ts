import { describe, expect, it } from 'vitest';
import { judgeCase } from './case-judge.ts';
import { networkPolicyCases } from './cases.ts';
import { clusterPolicyCases } from './cluster-cases.ts';

describe('cases of the documents, judged from the rows', () => {
  it.each([...networkPolicyCases, ...clusterPolicyCases])('%s', (...one) => {
    expect(judgeCase(one)).toEqual([]);
  });
});
