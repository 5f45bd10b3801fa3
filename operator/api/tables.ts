// The tables of the graph and what their rows hold: the API's objects, projected to the fields in use, and the few
// tables that are computed. A field that is not here does not exist for the reconcilers.
import type { RowId } from '../../lib/delta/fact.ts';
import type { Demand, Kept, PoolUsage, Space, Unassigned, Usage } from './addresses.ts';
import type { CentralRow, Cluster, RangeSetting } from './cluster.ts';
import type { Egress } from './egress.ts';
import type { JsonObject, Ref } from './fact.ts';
import type { Isolation, SwitchRule } from './isolation.ts';
import type { Options } from './option-list.ts';
import type { AttachmentRow } from './networks.ts';
import type { ModuleIndexes, ModuleTables } from './policy-module.ts';
import type { PolicyIndexes, PolicyTables } from './policy-tables.ts';
import type { ProbedPort } from './probed-ports.ts';
import type { Reason } from './reasons.ts';
import type { ServiceIndexes, ServiceTables } from './service-tables.ts';
import type { EipRow, Uplink } from './eip-row.ts';
import type { VipRow } from './vip-row.ts';
import type { GatewayNode, LostRow, ServiceCidrRow, WayOut } from './way-out.ts';

export type { AttachmentRow, CentralRow, Cluster, EipRow, Isolation, RangeSetting, SwitchRule, Uplink, VipRow };
export type { GatewayNode, LostRow, ServiceCidrRow, WayOut };
export type { Demand, Kept, PoolUsage, Space, Unassigned, Usage, Wish } from './addresses.ts';

export interface Meta {
  readonly name: string;
  /** '' for cluster-scoped kinds. */
  readonly namespace: string;
  readonly uid: string;
  readonly generation: number;
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface PodRow {
  readonly meta: Meta;
  readonly node: string;
  readonly hostNetwork: boolean;
  /** Succeeded or Failed and not to be restarted, or deleted and its containers gone: its address is free. */
  readonly completed: boolean;
  /** As IP.spec.podType has it: '', StatefulSet or VirtualMachine. */
  readonly podType: string;
  /** Where podType is set: the StatefulSet or the instance of a virtual machine that the pod is of. */
  readonly controller: { readonly name: string; readonly uid: string };
  /** Creation time in ms since the epoch: of two pods of a virtual machine the older is where it runs. */
  readonly created: number;
  /** Annotations of addresses that nobody but we wrote: they tell what is, and ask for nothing. */
  readonly announced: readonly string[];
  /** Where the kubelet opens connections to it. */
  readonly probes: readonly ProbedPort[];
}

export interface NodeRow {
  readonly meta: Meta;
  /** Creation time in ms since the epoch: of a node and a subnet that cover one address, the older is right. */
  readonly created: number;
  /** By family, IPv4 first, canonical. */
  readonly internalIps: readonly string[];
  /** Likewise: other addresses that its status names. */
  readonly externalIps: readonly string[];
  /** Traffic can leave by it: Ready, and not NetworkUnavailable. */
  readonly ready: boolean;
}

export interface NamespaceRow {
  readonly meta: Meta;
}

/** An IP object that the API server holds: an assignment. */
export interface IpRow {
  readonly meta: Meta;
  /** Creation time in ms since the epoch: of two objects with one address the older keeps it. */
  readonly created: number;
  readonly subnet: string;
  readonly podName: string;
  readonly namespace: string;
  readonly podType: string;
  readonly node: string;
  /** IPv4 first; '' never appears. */
  readonly addresses: readonly string[];
  readonly mac: string;
  /**
   * UID of the pod, node or instance of a virtual machine that the address was assigned for, '' for objects made by
   * others.
   */
  readonly ownerUid: string;
  /** UID of the StatefulSet whose pod it was assigned for, '' otherwise. */
  readonly controllerUid: string;
}

export interface SubnetRow {
  readonly meta: Meta;
  /** Creation time in ms since the epoch: of two overlapping subnets the older is right. */
  readonly created: number;
  /** As written by the user, validated and typed by `SubnetSpec` of subnet.gen.ts at the place of use. */
  readonly spec: JsonObject;
  /** Fields of spec that the manager `kube-ovn-defaults` holds: to leave one out of the next apply would remove it. */
  readonly ownDefaults: readonly string[];
  /** status.activateGateway as the API has it: the choice of a gateway node is sticky. */
  readonly activeGateway: string;
}

export interface VpcRow {
  readonly meta: Meta;
  /** As written by the user; parsed at the place of use. */
  readonly spec: JsonObject;
}

/** What others go by of a VPC: its routes and policies change more often than that. Computed. */
export interface Realm {
  readonly namespaces: readonly string[];
  /** Of the user's default routes: see `defaultKey` (operator/reconcilers/vpc-routes.ts). */
  readonly defaults: readonly string[];
  /** VPCs to which it has a router of its own. */
  readonly peers: readonly string[];
}

export interface IpPoolRow {
  readonly meta: Meta;
  /** Creation time in ms since the epoch: of two pools with one address the older is right. */
  readonly created: number;
  readonly subnet: string;
  /** As written: addresses, CIDRs and ranges `a..b`. */
  readonly ips: readonly string[];
  readonly namespaces: readonly string[];
  readonly addressSet: boolean;
}

/** A workload whose pods come back under their names: StatefulSet, VirtualMachine, VirtualMachineInstance. */
export interface KeeperRow {
  readonly uid: string;
  readonly deleting: boolean;
  /** Of a StatefulSet: the numbers of its pods. */
  readonly first: number;
  readonly count: number;
}

export interface VlanRow {
  readonly meta: Meta;
  /** Creation time in ms since the epoch: of two Vlans with one provider and id the older is right. */
  readonly created: number;
  /** Name of its ProviderNetwork. */
  readonly provider: string;
  /** 0 is untagged. */
  readonly id: number;
}

/** An object of a kind that nothing acts on yet. */
export interface LaterRow {
  readonly meta: Meta;
  readonly about: Ref;
}

/** What is wrong with an object, before it is known whom to tell. */
export interface Finding {
  readonly reason: Reason;
  readonly message: string;
}

/** A subnet after defaulting, with what its own spec has wrong. Computed from `subnet`. */
export interface CheckedSubnet {
  readonly name: string;
  readonly created: number;
  readonly uid: string;
  /** Absent when the spec cannot be used. */
  readonly network?: Network;
  /** Fields of spec that defaulting adds or rewrites; empty when there is nothing to write. */
  readonly defaults: JsonObject;
  readonly findings: readonly Finding[];
  /** What the spec asks for in vain; none of it keeps the subnet from being used. */
  readonly notices: readonly Finding[];
}

/** A subnet that its own spec allows; what it may not overlap is still to be seen. Computed from `checked`. */
export interface Candidate {
  readonly name: string;
  readonly created: number;
  readonly uid: string;
  readonly network: Network;
}

/** A label selector as the API has it, without the fields that say nothing. */
export interface Selector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values: readonly string[];
  }[];
}

/** A node as pods see it: changes only when it comes, goes, or its chassis or zone does. Computed from `node`. */
export interface Host {
  readonly name: string;
  /** By its label `topology.kubernetes.io/zone`; '' without one. */
  readonly zone: string;
  /** Name of the chassis in the southbound database, '' until the agent has told it. */
  readonly chassis: string;
  /** Ids of the node's port groups, which every pod of it is a member of: computed once. */
  readonly groups: { readonly all: RowId; readonly distributed: RowId; readonly interconnected: RowId };
}

/** The subnets that a namespace's pods take their addresses from, in order. Computed; never empty. */
export interface Binding {
  readonly namespace: string;
  readonly subnets: readonly string[];
  /** IPPools that they have to take them from, if there are any; by name. */
  readonly pools: readonly string[];
}

/** An IPPool that is in force. Computed from `ippool`. */
export interface Pool {
  readonly name: string;
  readonly subnet: string;
  /** `a` or `a..b`, one for each entry of the spec. */
  readonly ranges: readonly string[];
  readonly namespaces: readonly string[];
  /** Of two pools the lower in text order is right. */
  readonly precedence: string;
}

/** A subnet after defaulting and validation, present only when it can be used. Computed from `candidate`. */
export interface Network extends Egress {
  readonly name: string;
  readonly uid: string;
  readonly vpc: string;
  readonly provider: string;
  /** Normalised, IPv4 first. */
  readonly cidrs: readonly string[];
  readonly gateways: readonly string[];
  /** `a` or `a..b`, merged and sorted, gateways included. */
  readonly excludeIps: readonly string[];
  /** A logical switch of OVN; false where addresses alone are managed for another plugin. */
  readonly switched: boolean;
  /** Vlan by which the switch meets a physical network, '' for an overlay. */
  readonly vlan: string;
  /**
   * How the switch hangs on the router of its VPC: `gateway`, the router is the gateway of its pods; `interconnection`,
   * a physical gateway is, and the router has an address of its own beside it; or not at all.
   */
  readonly link: 'gateway' | 'interconnection' | 'none';
  /** Services are balanced on its switch; otherwise only nodes know their addresses. */
  readonly balanced: boolean;
  readonly interconnection: Interconnection;
  readonly gatewayType: 'distributed' | 'centralized';
  /** Nodes of a centralized gateway, in order of preference. */
  readonly gatewayNodes: readonly string[];
  /** By label, when none is named. */
  readonly gatewayNodeSelectors: readonly Selector[];
  /** A centralized gateway uses all ready nodes at once. */
  readonly ecmp: boolean;
  /** Namespaces of the VPC without a subnet of their own use this one. */
  readonly isDefault: boolean;
  readonly natOutgoing: boolean;
  readonly isolation: Isolation;
  /** Options of DHCP that the user gives, by family; absent without DHCP. */
  readonly dhcp?: { readonly v4: Options; readonly v6: Options };
  /** Options of the router's advertisements; absent when it makes none. */
  readonly advertised?: Options;
  /** Multicast goes to those alone who have asked for it. */
  readonly multicastSnoop: boolean;
  /** Addresses that pods take over from each other; canonical. */
  readonly vips: readonly string[];
  /** 0: the node's default. */
  readonly mtu: number;
  /** Whether pods may start while the physical gateway does not answer; absent when they may not. */
  readonly unaskedGateway?: true;
  /** Its addresses may be those of load balancers outside. */
  readonly externalLb?: true;
  /** Name of the nodes' network for its tunnels; absent for the default one. */
  readonly nodeNetwork?: string;
  /** OVN route table of the router port, '' is the main one. */
  readonly routeTable: string;
  readonly namespaces: readonly string[];
  readonly namespaceSelectors: readonly Selector[];
  readonly deleting: boolean;
}

/** Of a subnet with link `interconnection`. */
export interface Interconnection {
  /** Addresses that the router must have; empty when any do. */
  readonly addresses: readonly string[];
  /** Only what goes to overlay subnets takes the router. */
  readonly overlayOnly: boolean;
}

export interface Tables extends PolicyTables, ModuleTables, ServiceTables {
  pod: PodRow;
  node: NodeRow;
  namespace: NamespaceRow;
  ip: IpRow;
  subnet: SubnetRow;
  vpc: VpcRow;
  vlan: VlanRow;
  vip: VipRow;
  eip: EipRow;
  /** By `uplinkKey`. */
  uplink: Uplink;
  /** What Vips hold, in the form of IP objects, by `vipKey`: the allocator and the reconcilers ask both alike. */
  holding: IpRow;
  checked: CheckedSubnet;
  candidate: Candidate;
  network: Network;
  space: Space;
  /** By subnet. */
  wayOut: WayOut;
  /** By node. */
  lost: LostRow;
  serviceCidr: ServiceCidrRow;
  realm: Realm;
  host: Host;
  binding: Binding;
  demand: Demand;
  unassigned: Unassigned;
  usage: Usage;
  ippool: IpPoolRow;
  pool: Pool;
  poolUsage: PoolUsage;
  /** By `Kind/namespace/name`. */
  keeper: KeeperRow;
  kept: Kept;
  attachment: AttachmentRow;
  central: CentralRow;
  /** By `Kind/name` or `Kind/namespace/name`. */
  later: LaterRow;
  /** Settings and facts of the cluster that rows depend on, one row, key 'cluster'. */
  cluster: Cluster;
}

/** Values of a table by a computed key; the keys are built in operator/api/keys.ts only. */
export interface Indexes extends PolicyIndexes, ModuleIndexes, ServiceIndexes {
  /** By VPC. */
  networksByVpc: Network;
  /** By provider. */
  networksByProvider: Network;
  /** By namespace in spec.namespaces. */
  networksByNamespace: Network;
  /** By the label that a namespace selector cannot do without, or by '' when there is none such. */
  networksBySelector: Network;
  /** By the names of its rows that are made of two names, or of one with other characters. */
  networksByPort: Network;
  /** By Vlan. */
  networksByVlan: Network;
  /** All of link `interconnection`, under one key. */
  interconnections: Network;
  /** By the blocks of addresses that the subnet's CIDRs touch. */
  candidatesByBlock: Candidate;
  /** By VPC, Vlan and route table, those with an external egress gateway. */
  candidatesByTable: Candidate;
  /** By the blocks of addresses that the node's InternalIPs lie in. */
  nodesByBlock: NodeRow;
  /** By each label, and all by ''. */
  nodesByLabel: NodeRow;
  /** By the name of the node's port group. */
  hostsByGroup: Host;
  /** By subnet and address. */
  ipsByAddress: IpRow;
  /** By subnet. */
  ipsBySubnet: IpRow;
  /** Those of further interfaces of a pod, by the name that its first one's has. */
  ipsByFirst: IpRow;
  /** By address in the annotation `port_vips`. */
  podsByVipAddress: PodRow;
  /** By provider network and id. */
  vlansByTag: VlanRow;
  /** Addresses that Vips hold, by subnet and address. */
  holdingsByAddress: IpRow;
  /** By subnet. */
  holdingsBySubnet: IpRow;
  /** Vips of type switch_lb_vip, by subnet. */
  proxiesBySubnet: VipRow;
  /** Pods that need an address, by the Vip that they ask it of. */
  podsByVip: PodRow;
  /** Pods that need an address, by the Vips that they may hold beside it (`aaps`). */
  podsByPair: PodRow;
  /** By namespace in spec.namespaces. */
  vpcsByNamespace: VpcRow;
  /** By subnet, those that are not being deleted. */
  ippoolsBySubnet: IpPoolRow;
  /** By the name of the address set that is asked for. */
  ippoolsBySet: IpPoolRow;
  /** By namespace in spec.namespaces. */
  poolsByNamespace: Pool;
  /** By subnet. */
  poolsBySubnet: Pool;
  /** By virtual machine, those that need an address. */
  podsByMachine: PodRow;
  /** By the plain names of its router's ports towards other routers. */
  vpcsByPeering: VpcRow;
  /** All under one key: there are three at most. */
  centrals: CentralRow;
  /** All under one key: there are few. */
  serviceCidrs: ServiceCidrRow;
}
