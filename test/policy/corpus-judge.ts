// The corpus through the product: each case's steps told to one process, one after the other, and each verdict asked of
// the rows that there are after its step.
import { networkOf, varied } from './corpus-variants.ts';
import type { Variant } from './corpus-variants.ts';
import { keyOf } from './cyclonus.ts';
import type { Case, CaseStep } from './cyclonus.ts';
import { evaluationOf, mismatch } from './judge.ts';
import type { Mismatch } from './judge.ts';
import { expectation } from './oracle.ts';
import type { Probe } from './probes.ts';
import { Product } from './product.ts';
import type { NbFact } from './product.ts';
import type { World } from './world.ts';

export interface Judged {
  readonly verdicts: number;
  readonly wrong: readonly (Mismatch & { readonly name: string; readonly step: number })[];
}

/** What is done to the rows before they are judged. */
export type Change = (facts: NbFact[]) => NbFact[];

export function judgeCorpus(cases: readonly Case[], variant: Variant, change: Change = (facts) => facts): Judged {
  let verdicts = 0;
  const wrong = cases.flatMap(({ name, steps }) => {
    const product = new Product();
    return steps.flatMap((step, at) => {
      const world = varied(step.world, variant);
      product.become(world);
      verdicts += step.expected.length;
      return judgeStep(world, change(product.rows()), step, variant).map((found) => ({ name, step: at, ...found }));
    });
  });
  return { verdicts, wrong };
}

function judgeStep(world: World, facts: NbFact[], { expected }: CaseStep, variant: Variant): Mismatch[] {
  const evaluation = evaluationOf(facts);
  const ofIngress = evaluationOf(facts.filter((fact) => !isEgressRule(fact)));
  const pods = new Map(world.pods.map((pod) => [keyOf(pod), pod]));
  return expected.flatMap(({ from, to, protocol, port, ...verdict }) => {
    const [source, destination] = [pods.get(from), pods.get(to)];
    if (!source || !destination) throw new Error(`the step has no pod ${from} or ${to}`);
    const traffic = { protocol, port, ...networkOf(variant) };
    const probe: Probe = { from: { pod: source }, to: { pod: destination }, traffic };
    return [
      ...mismatch(evaluation, probe, expectation(verdict)),
      // What egress stops never meets ingress, of which there is a verdict, too.
      ...(verdict.egress ? [] : mismatch(ofIngress, probe, expectation({ ...verdict, egress: true }))),
    ];
  });
}

const isEgressRule = (fact: NbFact): boolean =>
  'row' in fact && fact.row === 'ACL' && fact.columns['direction'] === 'from-lport';
