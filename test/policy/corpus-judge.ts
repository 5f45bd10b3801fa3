// The corpus through the product: each case's steps told to one process, one after the other, and each verdict asked of
// the rows that there are after its step.
import { networkOf, varied } from './corpus-variants.ts';
import type { Variant } from './corpus-variants.ts';
import { keyOf } from './cyclonus.ts';
import type { Case, CaseStep, Expected } from './cyclonus.ts';
import { evaluationOf, mismatch } from './judge.ts';
import type { Mismatch } from './judge.ts';
import { expectation } from './oracle.ts';
import type { Probe } from './probes.ts';
import { Product } from './product.ts';
import type { NbFact } from './product.ts';
import { serviceOf, withServices } from './services.ts';
import type { Pod, Traffic, World } from './world.ts';

export interface Judged {
  readonly verdicts: number;
  readonly wrong: readonly (Mismatch & { readonly name: string; readonly step: number })[];
}

/** What is done to the rows before they are judged. */
export type Change = (facts: NbFact[]) => NbFact[];

export const judgeCorpus = (cases: readonly Case[], variant: Variant, change: Change = (facts) => facts): Judged =>
  judgeSteps(cases, variant, (_, rows, probes) => {
    const facts = change(rows);
    const evaluation = evaluationOf(facts);
    const ofIngress = evaluationOf(facts.filter((fact) => !isEgressRule(fact)));
    const wrong = probes.flatMap(([probe, verdict]) => [
      ...mismatch(evaluation, probe, expectation(verdict)),
      // What egress stops never meets ingress, of which there is a verdict, too.
      ...(verdict.egress ? [] : mismatch(ofIngress, probe, expectation({ ...verdict, egress: true }))),
    ]);
    return { verdicts: probes.length, wrong };
  });

/** The same through a Service of each pod, and each pod to itself. A switch without load balancing knows no Services. */
export const judgeServices = (cases: readonly Case[], variant: Variant, change: Change = (facts) => facts): Judged =>
  judgeSteps(cases, variant, (world, rows, probes) => {
    const traffics = [...new Map(probes.map(([{ traffic }]) => [JSON.stringify(traffic), traffic])).values()];
    const each = world.pods.flatMap((pod) => traffics.map((traffic) => [pod, traffic] as const));
    const evaluation = evaluationOf(withServices(world, change(rows), each));
    const balanced = new Set(world.subnets.filter(({ enableLb }) => enableLb).map(({ name }) => name));
    const isBalanced = (pod: Pod): boolean => pod.interfaces.every(({ subnet }) => balanced.has(subnet));
    const asked = [...probes, ...each.map(([pod, traffic]) => [toItself(pod, traffic), open] as const)];
    const sent = asked.filter(([{ from }]) => isBalanced(from.pod));
    const wrong = sent.flatMap(([probe, verdict]) =>
      mismatch(evaluation, probe, expectation(verdict), serviceOf(world, probe.to.pod, probe.traffic)),
    );
    return { verdicts: sent.length, wrong };
  });

const open = { ingress: true, egress: true };
const toItself = (pod: Pod, traffic: Traffic): PodProbe => ({ from: { pod }, to: { pod }, traffic });

interface PodProbe extends Probe {
  readonly from: { readonly pod: Pod };
  readonly to: { readonly pod: Pod };
}

type Asked = readonly [probe: PodProbe, verdict: Pick<Expected, 'ingress' | 'egress'>];

function judgeSteps(
  cases: readonly Case[],
  variant: Variant,
  judge: (world: World, rows: NbFact[], probes: readonly Asked[]) => { verdicts: number; wrong: readonly Mismatch[] },
): Judged {
  let verdicts = 0;
  const wrong = cases.flatMap(({ name, steps }) => {
    const product = new Product();
    return steps.flatMap((step, at) => {
      const world = varied(step.world, variant);
      product.become(world);
      const judged = judge(world, product.rows(), probesOf(world, step, variant));
      verdicts += judged.verdicts;
      return judged.wrong.map((mismatch) => ({ name, step: at, ...mismatch }));
    });
  });
  return { verdicts, wrong };
}

function probesOf(world: World, { expected }: CaseStep, variant: Variant): Asked[] {
  const pods = new Map(world.pods.map((pod) => [keyOf(pod), pod]));
  return expected.map((verdict) => {
    const [from, to] = [pods.get(verdict.from), pods.get(verdict.to)];
    if (!from || !to) throw new Error(`the step has no pod ${verdict.from} or ${verdict.to}`);
    const traffic = { protocol: verdict.protocol, port: verdict.port, ...networkOf(variant) };
    return [{ from: { pod: from }, to: { pod: to }, traffic }, verdict];
  });
}

const isEgressRule = (fact: NbFact): boolean =>
  'row' in fact && fact.row === 'ACL' && fact.columns['direction'] === 'from-lport';
