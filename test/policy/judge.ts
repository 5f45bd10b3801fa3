// Judges rows by what the oracle says of the world that they were made of. What the rows do with a connection is for the
// evaluation of `kubeloom why` to say, which knows rows of OVN and nothing of policies.
import { Evaluation } from '../../cli/why/verdict.ts';
import type { Verdict } from '../../cli/why/verdict.ts';
import { nbOf } from '../../cli/why/rows.ts';
import { nodePortName, portName } from './objects.ts';
import { allowed, expectation, standing } from './oracle.ts';
import type { Expected } from './oracle.ts';
import type { Probe } from './probes.ts';
import type { NbFact } from './product.ts';
import { addressOf } from './world.ts';
import type { Endpoint, World } from './world.ts';

/** What rows make of a connection; the last four are wrong whatever policies say. */
export type Outcome = Expected | 'no reply' | 'no way' | `ambiguous: ${string}` | `unreadable: ${string}`;

/** A connection of which the rows make something else than the documents say. */
export interface Mismatch {
  readonly from: string;
  readonly to: string;
  readonly traffic: string;
  readonly expected: Expected;
  readonly got: Outcome;
}

export const evaluationOf = (facts: readonly NbFact[]): Evaluation => new Evaluation(nbOf(facts));

/** What the rows make of the probes otherwise than the oracle. */
export function mismatches(world: World, facts: readonly NbFact[], probes: readonly Probe[]): Mismatch[] {
  const evaluation = evaluationOf(facts);
  return probes.flatMap(({ from, to, traffic, ended }) => {
    const expected = expectation(allowed(world, from, to, traffic));
    if (ended && expected === 'pass') return [];
    const probe = { from: standing(world, from), to: standing(world, to), traffic };
    return mismatch(evaluation, probe, expected);
  });
}

/** None, or one; `by`: what the connection is made to, where that is not the address of `to`. */
export function mismatch(evaluation: Evaluation, probe: Probe, expected: Expected, by?: Target): Mismatch[] {
  const got = outcome(evaluation, probe, by);
  if (got === expected) return [];
  const { family, provider, protocol, port } = probe.traffic;
  const traffic = `${protocol}/${port} IPv${family} ${provider}`;
  return [{ from: nameOf(probe.from), to: nameOf(probe.to), traffic, expected, got }];
}

const nameOf = (end: Endpoint): string => {
  if ('address' in end) return end.address;
  return 'node' in end ? end.node.name : `${end.pod.namespace}/${end.pod.name}`;
};

/** A virtual address and its port. */
export interface Target {
  readonly address: string;
  readonly port: number;
}

function outcome(evaluation: Evaluation, { from, to, traffic }: Probe, by?: Target): Outcome {
  const [source = '', address = ''] = [from, to].map((end) => addressOf(end, traffic));
  const { provider, protocol } = traffic;
  const target = by ?? { address, port: traffic.port };
  const verdict = evaluation.verdict({
    from: portOf(from, provider) ?? source,
    source,
    to: target.address,
    protocol: protocols[protocol],
    port: target.port,
  });
  const [unreadable] = verdict.unreadable;
  if (unreadable) return `unreadable: ${unreadable.rule.match}: ${unreadable.reason}`;
  const [ambiguous] = verdict.ambiguous;
  if (ambiguous) return `ambiguous: ${ambiguous.match}`;
  return verdict.passes ? 'pass' : stoppedAt(verdict);
}

const protocols = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' } as const;

function portOf(end: Endpoint, provider: string): string | undefined {
  if ('address' in end) return undefined;
  return 'node' in end ? nodePortName(end.node.name) : portName(end.pod, provider);
}

/** Which direction stops it, of the first of its ways that does not pass. */
function stoppedAt({ ways }: Verdict): Outcome {
  const way = ways.find(({ passes }) => !passes);
  const { end, steps } = way?.request ?? { end: { kind: 'no-route' }, steps: [] };
  if (end.kind === 'delivered' || end.kind === 'left') return 'no reply';
  if (end.kind !== 'dropped' && end.kind !== 'rejected') return 'no way';
  const last = steps.findLast((step) => step.kind === 'rules');
  return last?.kind === 'rules' && last.stage === 'to-lport' ? 'no ingress' : 'no egress';
}
