// The oracle of policies: what Kubernetes' documents say of a connection, computed from the API's objects alone, without
// a look at what the product makes of them. Slow and plain on purpose.
import type { Direction } from './api.ts';
import { clusterPolicyVerdict } from './cluster-policy.ts';
import { networkPolicyVerdict } from './network-policy.ts';
import type { Question } from './network-policy.ts';
import { sameAddress } from './selector.ts';
import { addressOf, isPolicyPod } from './world.ts';
import type { Endpoint, Node, Pod, Traffic, World } from './world.ts';

export interface Verdict {
  readonly ingress: boolean;
  readonly egress: boolean;
  readonly combined: boolean;
}

/** As one meets it: where egress and ingress both forbid, only the first is met. */
export type Expected = 'pass' | 'no egress' | 'no ingress';

export function expectation({ egress, ingress }: Omit<Verdict, 'combined'>): Expected {
  if (!egress) return 'no egress';
  return ingress ? 'pass' : 'no ingress';
}

/** May this connection begin; its replies follow. Both ends must have an address of the traffic's family and network. */
export function allowed(world: World, from: Endpoint, to: Endpoint, traffic: Traffic): Verdict {
  const egress = passes(world, { direction: 'egress', at: from, other: to }, traffic);
  const ingress = passes(world, { direction: 'ingress', at: to, other: from }, traffic);
  return { ingress, egress, combined: ingress && egress };
}

interface Side {
  readonly direction: Direction;
  readonly at: Endpoint;
  readonly other: Endpoint;
}

function passes(world: World, { direction, at, other }: Side, traffic: Traffic): boolean {
  const subject = policyPod(at);
  if (!subject) return true;
  const peer = policyPod(other);
  // "A Pod cannot block access to itself."
  if (peer === subject) return true;
  const peerAddress = addressOf(standing(world, other), traffic);
  if (peerAddress === undefined) throw new Error('an end without an address cannot talk');
  return decided({
    world,
    direction,
    subject,
    peer,
    peerAddress,
    ofOwnNode: nodeAt(world, peerAddress)?.name === subject.node,
    protocol: traffic.protocol,
    port: traffic.port,
    provider: traffic.provider,
  });
}

/** Administrators first, then the NetworkPolicies of the namespace, then the baseline; what nobody decides may pass. */
function decided(question: Question): boolean {
  const admin = clusterPolicyVerdict('Admin', question);
  if (admin !== 'Pass') return admin === 'Accept';
  return networkPolicyVerdict(question) ?? clusterPolicyVerdict('Baseline', question) !== 'Deny';
}

const policyPod = (endpoint: Endpoint): Pod | undefined =>
  'pod' in endpoint && isPolicyPod(endpoint.pod) ? endpoint.pod : undefined;

/** A pod in its node's network talks with its node's addresses. */
export function standing(world: World, endpoint: Endpoint): Endpoint {
  if (!('pod' in endpoint) || endpoint.pod.hostNetwork !== true) return endpoint;
  const node = world.nodes.find(({ name }) => name === endpoint.pod.node);
  return node ? { node } : endpoint;
}

const nodeAt = (world: World, address: string): Node | undefined =>
  world.nodes.find(({ addresses }) => addresses.some((one) => sameAddress(one, address)));
