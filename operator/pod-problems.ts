// Problems with what is written for a pod, in the words in which Kube-OVN tells them: its reason says what the pod lacks.
import type { Sink } from '../lib/graph/types.ts';
import type { ProblemFact } from './api/fact.ts';
import type { Reason } from './api/reasons.ts';

const words: Partial<Record<Reason, { readonly reason: Reason; readonly stage: string }>> = {
  Rejected: { reason: 'CreateOVNPortFailed', stage: 'createLogicalSwitchPort' },
  ObjectRefused: { reason: 'PodNetworkAllocationFailed', stage: 'patchPodAnnotations' },
};

/** Passes problems on, those of pods so worded. */
export const podProblems = (sink: Sink<ProblemFact>): Sink<ProblemFact> => ({
  replace: (source, facts) => sink.replace(source, facts.map(worded)),
  freeze: (source, error) => sink.freeze(source, error),
});

function worded(fact: ProblemFact): ProblemFact {
  const { problem, reason, message } = fact;
  const found = problem.kind === 'Pod' ? words[reason] : undefined;
  return found ? { ...fact, reason: found.reason, message: `stage=${found.stage} error=${message}` } : fact;
}
