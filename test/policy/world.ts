// A cluster as far as policies see it: who is there, under which labels and addresses, and which policies.
import type {
  AdminNetworkPolicy,
  BaselineAdminNetworkPolicy,
  ClusterNetworkPolicy,
  Family,
  Labels,
  NetworkPolicy,
  Protocol,
} from './api.ts';

export interface World {
  readonly subnets: readonly Subnet[];
  readonly namespaces: readonly Namespace[];
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  readonly networkPolicies: readonly NetworkPolicy[];
  readonly adminNetworkPolicies: readonly AdminNetworkPolicy[];
  readonly baselineAdminNetworkPolicies: readonly BaselineAdminNetworkPolicy[];
  readonly clusterNetworkPolicies: readonly ClusterNetworkPolicy[];
  /** What DNS says, by the name as policies write it. */
  readonly domains: Readonly<Record<string, readonly string[]>>;
}

export const emptyWorld: World = {
  subnets: [],
  namespaces: [],
  nodes: [],
  pods: [],
  networkPolicies: [],
  adminNetworkPolicies: [],
  baselineAdminNetworkPolicies: [],
  clusterNetworkPolicies: [],
  domains: {},
};

/** Policies do not see subnets; whoever puts policies into force does. */
export interface Subnet {
  readonly name: string;
  readonly cidrs: readonly string[];
  /** `ovn`, or `<namespace>/<name>` of an attachment. */
  readonly provider: string;
  readonly enableLb: boolean;
  /** The default VPC unless another one is named. */
  readonly vpc?: string;
  /** The first address unless something else is said. */
  readonly gateway?: string;
}

export interface Namespace {
  readonly name: string;
  readonly labels: Labels;
}

export interface Node {
  readonly name: string;
  readonly labels: Labels;
  readonly addresses: readonly string[];
}

export interface Pod {
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly node: string;
  readonly hostNetwork?: boolean;
  readonly phase?: 'Running' | 'Succeeded' | 'Failed';
  readonly containers: readonly Container[];
  readonly interfaces: readonly Interface[];
}

export interface Container {
  /** A sidecar is an init container that keeps running; an init container has ended when the pod is Running. */
  readonly role?: 'sidecar' | 'init';
  readonly ports: readonly ContainerPort[];
}

export interface ContainerPort {
  readonly name?: string;
  readonly protocol?: Protocol;
  readonly containerPort: number;
}

/** One of a pod's networks: provider `ovn` is the default one, others are named `<namespace>/<attachment>`. */
export interface Interface {
  readonly provider: string;
  readonly subnet: string;
  readonly addresses: readonly string[];
}

/** Who talks: a pod, a node, or an address that is neither's. */
export type Endpoint = { readonly pod: Pod } | { readonly node: Node } | { readonly address: string };

/** The first packet of a connection. */
export interface Traffic {
  readonly protocol: Protocol;
  /** Of the destination, where it arrives: behind every Service. */
  readonly port: number;
  readonly family: Family;
  /** The network that it runs in. */
  readonly provider: string;
}

export const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4);

/** Runs, and has a network of its own: what policies call a pod. */
export const isPolicyPod = (pod: Pod): boolean =>
  pod.hostNetwork !== true && pod.phase !== 'Succeeded' && pod.phase !== 'Failed';

/** Its address in the network of the traffic; undefined when it has none there. */
export function addressOf(
  endpoint: Endpoint,
  { family, provider }: Pick<Traffic, 'family' | 'provider'>,
): string | undefined {
  if ('address' in endpoint) return endpoint.address;
  const all =
    'node' in endpoint
      ? endpoint.node.addresses
      : (endpoint.pod.interfaces.find((nic) => nic.provider === provider)?.addresses ?? []);
  return all.find((address) => familyOf(address) === family);
}
