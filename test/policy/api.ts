// The API objects that the judges of policies read, in the fields that have a meaning for traffic, as the API references
// spell them: networking.k8s.io/v1 and, of policy.networking.k8s.io, v1alpha1 and v1alpha2. Nothing here is shared with
// the product, so that a misreading there is not one here.

export type Labels = Readonly<Record<string, string>>;

/** metav1.LabelSelector; a selector that is there and empty selects all. */
export interface LabelSelector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly Requirement[];
}

export interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export type Protocol = 'TCP' | 'UDP' | 'SCTP';
export type Family = 4 | 6;
export type Direction = 'ingress' | 'egress';

export interface NetworkPolicy {
  readonly metadata: { readonly namespace: string; readonly name: string; readonly annotations?: Labels };
  readonly spec: NetworkPolicySpec;
}

export interface NetworkPolicySpec {
  readonly podSelector?: LabelSelector;
  readonly policyTypes?: readonly ('Ingress' | 'Egress')[];
  readonly ingress?: readonly IngressRule[];
  readonly egress?: readonly EgressRule[];
}

export interface IngressRule {
  readonly from?: readonly Peer[];
  readonly ports?: readonly PolicyPort[];
}

export interface EgressRule {
  readonly to?: readonly Peer[];
  readonly ports?: readonly PolicyPort[];
}

export interface Peer {
  readonly podSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

export interface PolicyPort {
  readonly protocol?: Protocol;
  readonly port?: number | string;
  readonly endPort?: number;
}

/** Exactly one of them. */
export interface Subject {
  readonly namespaces?: LabelSelector;
  readonly pods?: NamespacedPods;
}

export interface NamespacedPods {
  readonly namespaceSelector?: LabelSelector;
  readonly podSelector?: LabelSelector;
}

/** Exactly one of them; only the first two in ingress. */
export interface ClusterPeer extends Subject {
  readonly nodes?: LabelSelector;
  readonly networks?: readonly string[];
  readonly domainNames?: readonly string[];
}

interface PortRange {
  readonly start: number;
  readonly end: number;
}

/** AdminNetworkPolicyPort: exactly one of them. */
export interface AdminPort {
  readonly portNumber?: { readonly protocol?: Protocol; readonly port: number };
  readonly portRange?: PortRange & { readonly protocol?: Protocol };
  readonly namedPort?: string;
}

/** Of ClusterNetworkPolicyProtocol. */
interface DestinationPort {
  readonly destinationPort?: { readonly number?: number; readonly range?: PortRange };
}

/** ClusterNetworkPolicyProtocol: exactly one of them. */
export interface ClusterProtocol {
  readonly tcp?: DestinationPort;
  readonly udp?: DestinationPort;
  readonly sctp?: DestinationPort;
  readonly destinationNamedPort?: string;
}

export type Action = 'Allow' | 'Accept' | 'Deny' | 'Pass';

/** A rule of either kind of policy: `ports` in v1alpha1, `protocols` in v1alpha2. */
export interface ClusterRule {
  readonly name?: string;
  readonly action: Action;
  readonly from?: readonly ClusterPeer[];
  readonly to?: readonly ClusterPeer[];
  readonly ports?: readonly AdminPort[];
  readonly protocols?: readonly ClusterProtocol[];
}

export interface ClusterSpec {
  readonly subject: Subject;
  readonly ingress?: readonly ClusterRule[];
  readonly egress?: readonly ClusterRule[];
}

export interface AdminNetworkPolicy {
  readonly metadata: { readonly name: string };
  readonly spec: ClusterSpec & { readonly priority: number };
}

export interface BaselineAdminNetworkPolicy {
  readonly metadata: { readonly name: 'default' };
  readonly spec: ClusterSpec;
}

export interface ClusterNetworkPolicy {
  readonly metadata: { readonly name: string };
  readonly spec: ClusterSpec & { readonly tier: 'Admin' | 'Baseline'; readonly priority: number };
}
