// What NetworkPolicies say of one packet, as networking.k8s.io/v1 and the concept page "Network Policies" tell it.
import type { Direction, IngressRule, EgressRule, NetworkPolicy, Peer, PolicyPort, Protocol } from './api.ts';
import { selects, within } from './selector.ts';
import type { Pod, World } from './world.ts';

/** One direction of a connection, seen from the pod whose policies are asked. */
export interface Question {
  readonly world: World;
  readonly direction: Direction;
  readonly subject: Pod;
  /** The other end, when that is a pod that runs and has a network of its own. */
  readonly peer: Pod | undefined;
  readonly peerAddress: string;
  readonly ofOwnNode: boolean;
  readonly protocol: Protocol;
  readonly port: number;
  readonly provider: string;
}

/**
 * True or false when policies decide, undefined when none selects the pod for this direction. A pod is isolated by any
 * policy that selects it; then only what some rule of such a policy allows passes, and what comes from its node.
 */
export function networkPolicyVerdict(question: Question): boolean | undefined {
  const { world, direction, subject, ofOwnNode } = question;
  const inForce = world.networkPolicies.filter(
    (policy) =>
      policy.metadata.namespace === subject.namespace &&
      typesOf(policy).has(direction) &&
      isFor(policy, question.provider) &&
      selects(policy.spec.podSelector ?? {}, subject.labels),
  );
  if (inForce.length === 0) return undefined;
  return (
    ofOwnNode || inForce.some((policy) => rulesOf(policy, direction).some((rule) => ruleAllows(rule, policy, question)))
  );
}

/** "If no policyTypes are specified then Ingress is always set and Egress is set if there are any egress rules." */
function typesOf({ spec }: NetworkPolicy): Set<Direction> {
  const given = spec.policyTypes ?? [];
  if (given.length > 0) return new Set(given.map((type) => (type === 'Ingress' ? 'ingress' : 'egress')));
  return new Set((spec.egress ?? []).length > 0 ? ['ingress', 'egress'] : ['ingress']);
}

/** Kube-OVN: the annotation lists the networks that a policy is for; without it, all. */
function isFor({ metadata }: NetworkPolicy, provider: string): boolean {
  const networks = metadata.annotations?.['ovn.kubernetes.io/network_policy_for'] ?? '';
  return networks.trim() === '' || networks.split(',').some((name) => name.trim() === provider);
}

const rulesOf = ({ spec }: NetworkPolicy, direction: Direction): readonly (IngressRule & EgressRule)[] =>
  spec[direction] ?? [];

/** "Traffic must match both": one of the peers, if any are named, and one of the ports, if any are. */
function ruleAllows(rule: IngressRule & EgressRule, policy: NetworkPolicy, question: Question): boolean {
  const peers = (question.direction === 'ingress' ? rule.from : rule.to) ?? [];
  const ports = rule.ports ?? [];
  const ofPeer = peers.length === 0 || peers.some((peer) => isPeer(peer, policy, question));
  return ofPeer && (ports.length === 0 || ports.some((port) => isPort(port, question)));
}

function isPeer(peer: Peer, policy: NetworkPolicy, question: Question): boolean {
  if (!peer.ipBlock) return isSelected(peer, policy, question);
  const { cidr, except = [] } = peer.ipBlock;
  return within(question.peerAddress, cidr) && !except.some((hole) => within(question.peerAddress, hole));
}

function isSelected(
  { podSelector, namespaceSelector }: Peer,
  { metadata }: NetworkPolicy,
  { world, peer }: Question,
): boolean {
  if (!peer || (!podSelector && !namespaceSelector)) return false;
  // "Otherwise it selects the pods matching podSelector in the policy's own namespace."
  const ofNamespace = namespaceSelector
    ? selects(namespaceSelector, namespaceLabels(world, peer.namespace))
    : peer.namespace === metadata.namespace;
  return ofNamespace && selects(podSelector ?? {}, peer.labels);
}

export const namespaceLabels = (world: World, name: string): Readonly<Record<string, string>> =>
  world.namespaces.find((namespace) => namespace.name === name)?.labels ?? {};

function isPort({ protocol = 'TCP', port, endPort }: PolicyPort, question: Question): boolean {
  if (protocol !== question.protocol) return false;
  if (port === undefined) return true;
  if (typeof port === 'string') return isNamedPort(port, question);
  return port <= question.port && question.port <= (endPort ?? port);
}

/** "A named port on a pod": on that which the packet goes to, the subject's in ingress and the peer's in egress. */
export function isNamedPort(name: string, { direction, subject, peer, protocol, port }: Question): boolean {
  const destination = direction === 'ingress' ? subject : peer;
  const open = (destination?.containers ?? []).filter(({ role }) => role !== 'init').flatMap(({ ports }) => ports);
  return open.some((one) => one.name === name && (one.protocol ?? 'TCP') === protocol && one.containerPort === port);
}
