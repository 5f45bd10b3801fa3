// The judges in a reduced form, each quick to find what it is there for. Each answers the first things that it finds
// wrong, and nothing for a product that is right.
import { networkPolicyCases } from '../cases.ts';
import { judgeCase } from '../case-judge.ts';
import { judgeCorpus, judgeServices } from '../corpus-judge.ts';
import type { Change } from '../corpus-judge.ts';
import { corpusVariants } from '../corpus-variants.ts';
import type { Variant } from '../corpus-variants.ts';
import { cyclonus } from '../cyclonus.ts';
import type { Case } from '../cyclonus.ts';
import { forgers } from '../forgery.ts';
import { judgeRandom } from '../random-judge.ts';
import type { Style } from '../random-policies.ts';

export type Judge = (change: Change) => readonly unknown[];

const variant = (name: string): Variant => {
  const found = corpusVariants.get(name);
  if (!found) throw new Error(`the corpus has no variant ${name}`);
  return found;
};

/** Every fifth case and those of several steps. */
const few = (): Case[] => cyclonus().filter(({ steps }, index) => index % 5 === 0 || steps.length > 1);

/** What is wrong with the first that anything is wrong with. */
function first<T>(items: readonly T[], judge: (item: T) => readonly unknown[]): readonly unknown[] {
  for (const item of items) {
    const wrong = judge(item);
    if (wrong.length > 0) return wrong;
  }
  return [];
}

const corpus =
  (name: string, judge = judgeCorpus): Judge =>
  (change) =>
    first(few(), (each) => judge([each], variant(name), change).wrong);

const random =
  (...styles: Style[]): Judge =>
  (change) => {
    const { finding } = judgeRandom({ seed: 1, styles, histories: 150, ports: 2, change, shrinks: false });
    return finding ? [...finding.mismatches, ...finding.left, ...finding.missing] : [];
  };

export const judges = {
  cases: (change) => first(networkPolicyCases, (each) => judgeCase(each, change)),
  corpus: corpus('on one subnet, as written'),
  'corpus without load balancing': corpus('on a subnet without load balancing'),
  'corpus in IPv6': corpus('with IPv6 addresses'),
  services: corpus('with IPv6 addresses', judgeServices),
  forgery: forgers,
  worlds: random('none'),
} as const satisfies Readonly<Record<string, Judge>>;

export type JudgeName = keyof typeof judges;
