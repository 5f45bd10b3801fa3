// The items of the node plan, as the operator computes them and the agent consumes them (proto/plan.proto has the
// same fields). Addresses are text; a list has one entry per family, IPv4 first, so nothing here is IPv4 only.
import type { ProbedPort } from '../api/probed-ports.ts';

/** An address with its prefix length, e.g. 10.16.0.5/16 or fd00:10:16::5/64. */
export type Prefix = string;

export interface Route {
  /** Destination prefix; '' is the default route of the gateway's family. */
  readonly dst: string;
  readonly gateway: string;
}

/** What a node needs to know of itself; one per node, span = that node. */
export interface NodeItem {
  readonly kind: 'node';
  readonly name: string;
  readonly uid: string;
  /** InternalIPs by family, IPv4 first. */
  readonly internalIps: readonly string[];
  /** ovn0: address on the join subnet, empty until it is assigned. */
  readonly join: {
    readonly ifaceId: string;
    readonly mac: string;
    readonly addresses: readonly Prefix[];
    readonly gateways: readonly string[];
    readonly cidrs: readonly Prefix[];
  };
  /** OVN southbound remotes for `external_ids:ovn-remote`, e.g. tcp:192.0.2.1:6642. */
  readonly southbound: readonly string[];
  readonly serviceCidrs: readonly Prefix[];
  /** Further addresses for tunnels, by name. */
  readonly networks: readonly { readonly name: string; readonly address: string }[];
}

/** Addresses of every node, for the ipset `other-node`; span = all. */
export interface PeerItem {
  readonly kind: 'peer';
  readonly name: string;
  readonly internalIps: readonly string[];
}

/** A subnet as nodes see it: routes by ovn0, ipsets and masquerade; span = all. */
export interface SubnetItem {
  readonly kind: 'subnet';
  readonly name: string;
  readonly uid: string;
  readonly vpc: string;
  readonly cidrs: readonly Prefix[];
  readonly gateways: readonly string[];
  readonly natOutgoing: boolean;
  readonly gatewayType: 'distributed' | 'centralized';
  /** 0: the node's default. */
  readonly mtu: number;
  readonly provider: string;
  /** Whether nodes route to its pods, by the default VPC's router. */
  readonly routedByNodes: boolean;
  /** Its traffic leaves the cluster another way: no sets, NAT and counters for it. */
  readonly routesOnly: boolean;
  /** Exceptions from natOutgoing; the first that matches decides. */
  readonly natRules: readonly NatRuleItem[];
  /** Nodes by which a centralized subnet may leave. */
  readonly gatewayNodes: readonly GatewayNodeItem[];
  /** Where gateway nodes pass on what leaves. */
  readonly externalEgress?: ExternalEgressItem;
}

export interface NatRuleItem {
  /** Names its sets. */
  readonly id: string;
  readonly action: 'nat' | 'forward';
  /** Addresses and CIDRs; empty is any. */
  readonly sources: readonly string[];
  readonly targets: readonly string[];
}

export interface GatewayNodeItem {
  readonly name: string;
  readonly joinAddresses: readonly string[];
  /** With which address what leaves by it leaves, one per family at most; else with the node's. */
  readonly egressIps: readonly string[];
}

export interface ExternalEgressItem {
  readonly gateways: readonly string[];
  /** Route table, and priority of the rules that lead there. */
  readonly table: number;
  readonly priority: number;
}

/** One interface of a pod; span = the pod's node. */
export interface PortItem {
  readonly kind: 'port';
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  /** `ovn` for the default network. */
  readonly provider: string;
  /** Name in the pod (CNI_IFNAME) where the pod has several interfaces on the network; '' is any. */
  readonly ifname: string;
  /** Logical_Switch_Port.name, the Interface's `iface-id`. */
  readonly ifaceId: string;
  readonly subnet: string;
  readonly mac: string;
  readonly addresses: readonly Prefix[];
  readonly gateways: readonly string[];
  readonly routes: readonly Route[];
  readonly defaultRoute: boolean;
  /** 0: the node's default. */
  readonly mtu: number;
  readonly nicType: 'veth-pair' | 'offload-port' | 'dpdk-port';
  /** The node's network for its tunnels; '' is the default one. */
  readonly nodeNetwork: string;
  /** About neighbours, each with what is before it: tell them, ask them for conflicts, for gateways. '' is silence. */
  readonly wire: '' | 'announce' | 'detect' | 'gateway';
  /** The API server has accepted the pod's annotations: ADD may answer. */
  readonly announced: boolean;
  /** Ports that the node's kubelet probes and cannot reach: the pod is in a VPC of its own. */
  readonly probes: readonly ProbedPort[];
}

/** A pod that passes on what comes to an interface outside; what does so is made in its namespace. Span = the pod's node. */
export interface GatewayItem {
  readonly kind: 'gateway';
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  /** `iface-id` of an interface of the pod in Open vSwitch, by which its namespace is known. */
  readonly ifaceId: string;
  /** The interface outside, its addresses, and the gateways there. */
  readonly ifname: string;
  readonly addresses: readonly Prefix[];
  readonly gateways: readonly string[];
  /** The interface by which the cluster is reached. */
  readonly innerIfname: string;
  readonly innerGateways: readonly string[];
  readonly forwards: readonly ForwardItem[];
}

/** What comes to an address and a port goes on to a target's port of the same number. */
export interface ForwardItem {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly address: string;
  readonly port: number;
  readonly target: string;
  /** CIDRs from which it is taken; empty is any. */
  readonly sources: readonly Prefix[];
}

export type PlanItem = NodeItem | PeerItem | SubnetItem | PortItem | GatewayItem;
