// References to API objects, and the keys of the tables that hold them: built here and nowhere else.
import type { Ref } from './fact.ts';

export const kubeOvn = 'kubeovn.io/v1';

const core = (kind: string, namespace: string, name: string): Ref => ({ apiVersion: 'v1', kind, namespace, name });
const crd = (kind: string, name: string): Ref => ({ apiVersion: kubeOvn, kind, namespace: '', name });

export const podRef = (namespace: string, name: string): Ref => core('Pod', namespace, name);
export const serviceRef = (namespace: string, name: string): Ref => core('Service', namespace, name);
export const deploymentRef = (namespace: string, name: string): Ref => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  namespace,
  name,
});
/** Of backends that are listed by hand. */
export const endpointsRef = (namespace: string, name: string): Ref => core('Endpoints', namespace, name);
export const nodeRef = (name: string): Ref => core('Node', '', name);
export const namespaceRef = (name: string): Ref => core('Namespace', '', name);
export const networkPolicyRef = (namespace: string, name: string): Ref => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  namespace,
  name,
});
/** Keys of table `adminPolicy` are the kind, a slash and the name. */
export const adminPolicyRef = (kind: string, name: string): Ref => ({
  apiVersion: `policy.networking.k8s.io/${kind === 'ClusterNetworkPolicy' ? 'v1alpha2' : 'v1alpha1'}`,
  kind,
  namespace: '',
  name,
});
export const dnsNameResolverRef = (name: string): Ref => crd('DNSNameResolver', name);
export const subnetRef = (name: string): Ref => crd('Subnet', name);
export const vpcRef = (name: string): Ref => crd('Vpc', name);
export const ipPoolRef = (name: string): Ref => crd('IPPool', name);
export const vlanRef = (name: string): Ref => crd('Vlan', name);
export const vipRef = (name: string): Ref => crd('Vip', name);
export const eipRef = (name: string): Ref => crd('OvnEip', name);
export const switchLbRuleRef = (name: string): Ref => crd('SwitchLBRule', name);
export const routerLbRuleRef = (name: string): Ref => crd('RouterLBRule', name);
export const securityGroupRef = (name: string): Ref => crd('SecurityGroup', name);
export const ipRef = (name: string): Ref => crd('IP', name);

export const policyModuleRef = (name: string): Ref => ({
  apiVersion: 'kubeloom.io/v1alpha1',
  kind: 'PolicyModule',
  namespace: '',
  name,
});

/** Owner of a group or a set that all share who select the same; no object of the API. */
export const selectionRef = (name: string): Ref => core('Selection', '', name);

/** Owner of a group whose members are isolated; no object of the API. */
export const isolationRef = (name: string): Ref => core('Isolation', '', name);

/** Owner of a group or a set that is known by its name, whoever fills it; no object of the API. */
export const namedRef = (name: string): Ref => core('Named', '', name);

/** Key of an object in its table: `namespace/name`, or the name alone for cluster-scoped kinds. */
export const objectKey = (namespace: string, name: string): string =>
  namespace === '' ? name : `${namespace}/${name}`;

/** Name of the IP object of a pod's interface on the default network, and of its logical switch port. */
export const podIpName = (namespace: string, name: string): string => `${name}.${namespace}`;

/** Name of the IP object of a node's join port, and of its logical switch port. */
export const nodeIpName = (node: string): string => `node-${node}`;

/** Name of the IP object of the address by which a subnet asks its ports for multicast, and of its port. */
export const querierIpName = (subnet: string): string => `mcast-querier.${subnet}`;

/** Name of the IP object of a router's address in an underlay subnet. */
export const interconnectionIpName = (vpc: string, subnet: string): string => `u2o-interconnection.${vpc}.${subnet}`;

/** Name of the IP object of an OvnEip's address. */
export const eipIpName = (eip: string): string => `ovn-eip-${eip}`;

/** Name of the IP object of a VPC's address on an external subnet. */
export const externalIpName = (vpc: string, subnet: string): string => `${externalIps}.${vpc}.${subnet}`;
const externalIps = 'vpc-external';

/** The VPC whose address on the subnet an IP object of this name keeps; undefined for any other. */
export const vpcOfExternalIp = (name: string, subnet: string): string | undefined =>
  name.startsWith(`${externalIps}.`) && name.endsWith(`.${subnet}`)
    ? name.slice(externalIps.length + 1, -subnet.length - 1)
    : undefined;

/** The part of a VPC that its attachment to an external subnet is. */
export const externalPart = (subnet: string): string => `external/${subnet}`;

/** The part of a Service that is about node ports. */
export const nodePortPart = 'node-port';

/** What a Vip is called among demands and holdings of addresses; no IP object has a name with a slash. */
export const vipKey = (name: string): string => `vip/${name}`;

/** The Vip that a name among demands and holdings stands for; undefined for an IP object. */
export const vipOfKey = (key: string): string | undefined =>
  key.startsWith('vip/') ? key.slice('vip/'.length) : undefined;

/** The key of the one row of table `cluster`, and of the index `centrals`. */
export const only = 'cluster';

/** Owner of what there is once per cluster; no object of the API. */
export const clusterRef: Ref = core('Cluster', '', only);

const builders: Readonly<Record<string, (namespace: string, name: string) => Ref>> = {
  Pod: podRef,
  Node: (_, name) => nodeRef(name),
  Namespace: (_, name) => namespaceRef(name),
  Subnet: (_, name) => subnetRef(name),
  Vpc: (_, name) => vpcRef(name),
  Vlan: (_, name) => vlanRef(name),
  IP: (_, name) => ipRef(name),
  Vip: (_, name) => vipRef(name),
  IPPool: (_, name) => ipPoolRef(name),
  OvnEip: (_, name) => eipRef(name),
  SwitchLBRule: (_, name) => switchLbRuleRef(name),
  RouterLBRule: (_, name) => routerLbRuleRef(name),
  SecurityGroup: (_, name) => securityGroupRef(name),
  NetworkPolicy: networkPolicyRef,
  Service: serviceRef,
  PolicyModule: (_, name) => policyModuleRef(name),
  AdminNetworkPolicy: (_, name) => adminPolicyRef('AdminNetworkPolicy', name),
  BaselineAdminNetworkPolicy: (_, name) => adminPolicyRef('BaselineAdminNetworkPolicy', name),
  ClusterNetworkPolicy: (_, name) => adminPolicyRef('ClusterNetworkPolicy', name),
  DNSNameResolver: (_, name) => dnsNameResolverRef(name),
};

/** The object that an owner's text names, undefined for a kind that owns no rows. */
export function refOfOwner(owner: string): Ref | undefined {
  const [kind = '', namespace = '', name = ''] = owner.split('/');
  return builders[kind]?.(namespace, name);
}
