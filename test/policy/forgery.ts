// What a pod sends with the address that stands for a pod reached by itself through a Service: the rules let that in,
// so nobody may send it who is not the pod itself.
import { hairpin } from '../../operator/nb/rows/policy.ts';
import type { Change } from './corpus-judge.ts';
import { keyOf } from './cyclonus.ts';
import { evaluationOf } from './judge.ts';
import { portName } from './objects.ts';
import { Product } from './product.ts';
import { base, client, other, web } from './short.ts';
import { familyOf } from './world.ts';
import type { World } from './world.ts';

/** Pods of namespace a are isolated for ingress, that of b is not. */
const world: World = { ...base, networkPolicies: [{ metadata: { namespace: 'a', name: 'closed' }, spec: {} }] };

/** Who gets through to an isolated pod by such an address. */
export function forgers(change: Change = (facts) => facts): string[] {
  const product = new Product();
  product.become(world);
  const evaluation = evaluationOf(change(product.rows()));
  return [client, other].flatMap((pod) =>
    (web.interfaces[0]?.addresses ?? []).flatMap((to) => {
      const source = hairpin[familyOf(to)];
      const { passes } = evaluation.verdict({ from: portName(pod, 'ovn'), source, to, protocol: 'tcp', port: 80 });
      return passes ? [`${keyOf(pod)} as ${source}`] : [];
    }),
  );
}
