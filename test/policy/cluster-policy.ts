// What the policies of administrators say of one packet: AdminNetworkPolicy and BaselineAdminNetworkPolicy
// (policy.networking.k8s.io/v1alpha1) and ClusterNetworkPolicy (v1alpha2), as their API references tell it.
import type { AdminPort, ClusterPeer, ClusterProtocol, ClusterRule, NamespacedPods, Protocol, Subject } from './api.ts';
import { isNamedPort, namespaceLabels } from './network-policy.ts';
import type { Question } from './network-policy.ts';
import { sameAddress, selects, within } from './selector.ts';
import type { Pod, World } from './world.ts';

export type Tier = 'Admin' | 'Baseline';

/** Allowed, denied, or left to the next tier. */
export type Decision = 'Accept' | 'Deny' | 'Pass';

interface ClusterPolicy {
  readonly priority: number;
  readonly spec: {
    readonly subject: Subject;
    readonly ingress?: readonly ClusterRule[];
    readonly egress?: readonly ClusterRule[];
  };
}

/** The first rule that matches decides: lower priority values first, then the order in which rules are written. */
export function clusterPolicyVerdict(tier: Tier, question: Question): Decision {
  const inForce = policiesOf(tier, question.world)
    .filter(({ spec }) => isSubject(spec.subject, question.subject, question.world))
    .sort((a, b) => a.priority - b.priority);
  for (const { spec } of inForce) {
    for (const rule of spec[question.direction] ?? []) {
      const decision = decisionOf(rule, question);
      if (decision !== undefined) return decision;
    }
  }
  return 'Pass';
}

/** The order between the two kinds of one tier is nowhere told: worlds have one of them at a time. */
function policiesOf(tier: Tier, world: World): ClusterPolicy[] {
  const ofKind: readonly { spec: ClusterPolicy['spec'] & { priority?: number } }[] =
    tier === 'Admin' ? world.adminNetworkPolicies : world.baselineAdminNetworkPolicies;
  return [...ofKind, ...world.clusterNetworkPolicies.filter(({ spec }) => spec.tier === tier)].map(({ spec }) => ({
    priority: spec.priority ?? 0,
    spec,
  }));
}

function isSubject({ namespaces, pods }: Subject, pod: Pod, world: World): boolean {
  const labels = namespaceLabels(world, pod.namespace);
  if (namespaces) return selects(namespaces, labels);
  return pods !== undefined && isOf(pods, pod, world);
}

const isOf = ({ namespaceSelector, podSelector }: NamespacedPods, pod: Pod, world: World): boolean =>
  selects(namespaceSelector ?? {}, namespaceLabels(world, pod.namespace)) && selects(podSelector ?? {}, pod.labels);

const decisions: Readonly<Record<ClusterRule['action'], Decision>> = {
  Allow: 'Accept',
  Accept: 'Accept',
  Deny: 'Deny',
  Pass: 'Pass',
};

function decisionOf(rule: ClusterRule, question: Question): Decision | undefined {
  const peers = (question.direction === 'ingress' ? rule.from : rule.to) ?? [];
  // "For Allow rules, fail closed means: treat the rule as matching no traffic. For Deny and Pass rules: treat the rule
  // as a Deny all rule."
  if (peers.some((peer) => isUnknown(peer, question))) return decisions[rule.action] === 'Accept' ? undefined : 'Deny';
  const matches = peers.some((peer) => isPeer(peer, question)) && isProtocol(rule, question);
  return matches ? decisions[rule.action] : undefined;
}

function isUnknown(peer: ClusterPeer, { direction }: Question): boolean {
  if (peer.namespaces ?? peer.pods) return false;
  return direction === 'ingress' || (peer.nodes ?? peer.networks ?? peer.domainNames) === undefined;
}

function isPeer({ namespaces, pods, ...outside }: ClusterPeer, question: Question): boolean {
  const { world, peer } = question;
  if (namespaces) return peer !== undefined && selects(namespaces, namespaceLabels(world, peer.namespace));
  if (pods) return peer !== undefined && isOf(pods, peer, world);
  return isAddress(outside, question);
}

/** Peers by address meet traffic inside the cluster as well. */
function isAddress({ nodes, networks, domainNames }: ClusterPeer, { world, peerAddress }: Question): boolean {
  if (networks) return networks.some((cidr) => within(peerAddress, cidr));
  const named = nodes
    ? world.nodes.filter(({ labels }) => selects(nodes, labels)).flatMap(({ addresses }) => addresses)
    : (domainNames ?? []).flatMap((name) => world.domains[name] ?? []);
  return named.some((address) => sameAddress(address, peerAddress));
}

/** "If not set then the rule does not filter traffic via port." */
function isProtocol({ ports, protocols }: ClusterRule, question: Question): boolean {
  if (ports) return ports.some((port) => isAdminPort(port, question));
  return protocols?.some((protocol) => isClusterProtocol(protocol, question)) ?? true;
}

function isAdminPort({ portNumber, portRange, namedPort }: AdminPort, question: Question): boolean {
  if (namedPort !== undefined) return isNamedPort(namedPort, question);
  const {
    protocol = 'TCP',
    start,
    end,
  } = portNumber
    ? { ...portNumber, start: portNumber.port, end: portNumber.port }
    : (portRange ?? { start: 1, end: 0 });
  return protocol === question.protocol && start <= question.port && question.port <= end;
}

const fieldOf: Readonly<Record<Protocol, 'tcp' | 'udp' | 'sctp'>> = { TCP: 'tcp', UDP: 'udp', SCTP: 'sctp' };

/** A protocol without a port is all its ports. */
function isClusterProtocol(entry: ClusterProtocol, question: Question): boolean {
  if (entry.destinationNamedPort !== undefined) return isNamedPort(entry.destinationNamedPort, question);
  const match = entry[fieldOf[question.protocol]];
  if (!match) return false;
  const { number, range } = match.destinationPort ?? { range: { start: 0, end: 65_535 } };
  const { start, end } = range ?? { start: number ?? 1, end: number ?? 0 };
  return start <= question.port && question.port <= end;
}
