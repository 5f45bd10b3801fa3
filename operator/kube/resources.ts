// Where the API server keeps each kind that we touch: paths are built here and nowhere else. A kind that is missing
// here is a mistake of ours and fails loudly.
import type { Ref } from '../api/fact.ts';
import { isLater, type LaterKind, laterKinds, laterOf } from '../api/later.ts';
import { kubeOvn } from '../api/refs.ts';

export interface Resource {
  /** `v1`, `apps/v1`, `kubeovn.io/v1`. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

const namespaced = (apiVersion: string, kind: string, plural: string): Resource => ({
  apiVersion,
  kind,
  plural,
  namespaced: true,
});
const clusterScoped = (apiVersion: string, kind: string, plural: string): Resource => ({
  apiVersion,
  kind,
  plural,
  namespaced: false,
});

const adminPolicy = (version: string, kind: string, plural: string): Resource =>
  clusterScoped(`policy.networking.k8s.io/${version}`, kind, plural);

export const resources = {
  Pod: namespaced('v1', 'Pod', 'pods'),
  Node: clusterScoped('v1', 'Node', 'nodes'),
  Namespace: clusterScoped('v1', 'Namespace', 'namespaces'),
  Service: namespaced('v1', 'Service', 'services'),
  Secret: namespaced('v1', 'Secret', 'secrets'),
  ConfigMap: namespaced('v1', 'ConfigMap', 'configmaps'),
  Event: namespaced('v1', 'Event', 'events'),
  Endpoints: namespaced('v1', 'Endpoints', 'endpoints'),
  EndpointSlice: namespaced('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices'),
  Deployment: namespaced('apps/v1', 'Deployment', 'deployments'),
  DaemonSet: namespaced('apps/v1', 'DaemonSet', 'daemonsets'),
  StatefulSet: namespaced('apps/v1', 'StatefulSet', 'statefulsets'),
  NetworkPolicy: namespaced('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies'),
  // MetalLB's.
  ServiceL2Status: namespaced('metallb.io/v1beta1', 'ServiceL2Status', 'servicel2statuses'),
  ServiceCIDR: clusterScoped('networking.k8s.io/v1', 'ServiceCIDR', 'servicecidrs'),
  Lease: namespaced('coordination.k8s.io/v1', 'Lease', 'leases'),
  TokenReview: clusterScoped('authentication.k8s.io/v1', 'TokenReview', 'tokenreviews'),
  ValidatingWebhookConfiguration: clusterScoped(
    'admissionregistration.k8s.io/v1',
    'ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations',
  ),
  CustomResourceDefinition: clusterScoped(
    'apiextensions.k8s.io/v1',
    'CustomResourceDefinition',
    'customresourcedefinitions',
  ),
  VirtualMachine: namespaced('kubevirt.io/v1', 'VirtualMachine', 'virtualmachines'),
  VirtualMachineInstance: namespaced('kubevirt.io/v1', 'VirtualMachineInstance', 'virtualmachineinstances'),
  NetworkAttachmentDefinition: namespaced(
    'k8s.cni.cncf.io/v1',
    'NetworkAttachmentDefinition',
    'network-attachment-definitions',
  ),
  Subnet: clusterScoped('kubeovn.io/v1', 'Subnet', 'subnets'),
  Vpc: clusterScoped('kubeovn.io/v1', 'Vpc', 'vpcs'),
  Vip: clusterScoped('kubeovn.io/v1', 'Vip', 'vips'),
  IP: clusterScoped('kubeovn.io/v1', 'IP', 'ips'),
  OvnEip: clusterScoped('kubeovn.io/v1', 'OvnEip', 'ovn-eips'),
  SwitchLBRule: clusterScoped('kubeovn.io/v1', 'SwitchLBRule', 'switch-lb-rules'),
  RouterLBRule: clusterScoped('kubeovn.io/v1', 'RouterLBRule', 'router-lb-rules'),
  IPPool: clusterScoped('kubeovn.io/v1', 'IPPool', 'ippools'),
  PolicyModule: clusterScoped('kubeloom.io/v1alpha1', 'PolicyModule', 'policymodules'),
  DNSNameResolver: clusterScoped('kubeovn.io/v1', 'DNSNameResolver', 'dnsnameresolvers'),
  AdminNetworkPolicy: adminPolicy('v1alpha1', 'AdminNetworkPolicy', 'adminnetworkpolicies'),
  BaselineAdminNetworkPolicy: adminPolicy('v1alpha1', 'BaselineAdminNetworkPolicy', 'baselineadminnetworkpolicies'),
  ClusterNetworkPolicy: adminPolicy('v1alpha2', 'ClusterNetworkPolicy', 'clusternetworkpolicies'),
  Vlan: clusterScoped('kubeovn.io/v1', 'Vlan', 'vlans'),
  SecurityGroup: clusterScoped('kubeovn.io/v1', 'SecurityGroup', 'security-groups'),
} as const satisfies Record<string, Resource>;

/** Where the API server keeps objects of a kind that nothing acts on yet. */
export function laterResource(kind: LaterKind): Resource {
  const { plural, namespaced: isNamespaced } = laterOf(kind);
  return (isNamespaced === true ? namespaced : clusterScoped)(kubeOvn, kind, plural);
}

/** Every resource that we touch. */
export const allResources: readonly Resource[] = [
  ...Object.values(resources),
  ...Object.keys(laterKinds).filter(isLater).map(laterResource),
];

const byType: ReadonlyMap<string, Resource> = new Map(
  allResources.map((resource) => [`${resource.apiVersion}/${resource.kind}`, resource]),
);

/** The resource of an object's type. Throws for a type that is not listed above. */
export function resourceOf(type: { readonly apiVersion: string; readonly kind: string }): Resource {
  const resource = byType.get(`${type.apiVersion}/${type.kind}`);
  if (resource === undefined) throw new Error(`no resource is known for ${type.apiVersion} ${type.kind}`);
  return resource;
}

export interface Place {
  /** '' or absent: cluster-scoped, or all namespaces. */
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
}

/** The URL path of a collection, an object or a subresource. */
export function pathOf(resource: Resource, { namespace, name, subresource }: Place): string {
  const root = resource.apiVersion.includes('/') ? '/apis' : '/api';
  const parts = [root, resource.apiVersion];
  if (resource.namespaced && namespace !== undefined && namespace !== '') parts.push('namespaces', namespace);
  parts.push(resource.plural);
  if (name !== undefined) parts.push(encodeURIComponent(name));
  if (subresource !== undefined) parts.push(subresource);
  return parts.join('/');
}

/** The key of an object in its kind's table: `namespace/name`, or `name` for cluster-scoped kinds. */
export function keyOf({ namespace, name }: { readonly namespace?: string; readonly name: string }): string {
  return namespace === undefined || namespace === '' ? name : `${namespace}/${name}`;
}

/** One text per object over all kinds, for maps inside this folder. */
export function refKey(ref: Ref): string {
  return `${ref.apiVersion}/${ref.kind}/${ref.namespace}/${ref.name}`;
}
