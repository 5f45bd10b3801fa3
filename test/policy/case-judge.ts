// Cases of the documents through the product.
import type { Case, CaseProbe } from './cases.ts';
import type { Change } from './corpus-judge.ts';
import { keyOf } from './cyclonus.ts';
import { mismatches } from './judge.ts';
import type { Mismatch } from './judge.ts';
import { trafficOf } from './probes.ts';
import { Product } from './product.ts';
import { isPolicyPod } from './world.ts';
import type { Endpoint, Pod, World } from './world.ts';

export function judgeCase([, world, probes]: Case, change: Change = (facts) => facts): Mismatch[] {
  const product = new Product();
  return probes.filter(isSent).flatMap((probe) => {
    const now = worldOf(world, probe);
    product.become(now);
    const [from, to, what] = probe;
    return mismatches(now, change(product.rows()), [{ from, to, traffic: trafficOf(what) }]);
  });
}

/** The pods of a probe may be others than those of the world. */
function worldOf(world: World, [from, to]: CaseProbe): World {
  const own = [from, to].flatMap((end) => ('pod' in end ? [end.pod] : []));
  const keys = new Set(own.map(keyOf));
  return { ...world, pods: [...world.pods.filter((pod) => !keys.has(keyOf(pod))), ...own] };
}

/** A pod that has ended sends nothing, and what a pod sends to itself leaves it by a Service alone. */
const isSent = ([from, to]: CaseProbe): boolean => {
  const sender = podOf(from);
  return !sender || (sender !== podOf(to) && (isPolicyPod(sender) || sender.hostNetwork === true));
};

const podOf = (end: Endpoint): Pod | undefined => ('pod' in end ? end.pod : undefined);
