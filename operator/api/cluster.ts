// Settings and facts of the cluster, as rows depend on them.
import type { PortItem } from '../plan/item.ts';

export interface Cluster {
  /** UID of namespace kube-system: the salt of MACs. */
  readonly salt: string;
  readonly defaultVpc: string;
  readonly defaultSubnet: string;
  readonly joinSubnet: string;
  /** To which a VPC with `enableExternal` is attached. */
  readonly externalSubnet: string;
  readonly serviceCidrs: readonly string[];
  readonly apiServer: readonly string[];
  readonly enableLb: boolean;
  /** Where the addresses of Services stand: in a row for each, or in Kube-OVN's six of the VPC. */
  readonly serviceLbLayout: 'own' | 'shared';
  /** Clients in the cluster prefer backends of their own node where those from outside reach no others. */
  readonly preferLocal: boolean;
  /** Services that name a network outside get a pod there. */
  readonly enableLbSvc: boolean;
  /** NetworkPolicies are followed. */
  readonly enableNp: boolean;
  /** What a NetworkPolicy drops that does not say so itself: everything of IP, or what has ports alone. */
  readonly npEnforcement: 'standard' | 'lax';
  /** AdminNetworkPolicies and their kin are followed. */
  readonly enableAnp: boolean;
  /** Something in the cluster resolves the domain names that policies speak of. */
  readonly enableDnsNameResolver: boolean;
  /** Pods of a virtual machine share its name, and its address is kept while there is none. */
  readonly keepVmIp: boolean;
  /** Another plugin makes the first interface of pods; ours are attached ones. */
  readonly nonPrimary: boolean;
  /** MTU of overlay subnets that name none, as DHCP tells it. */
  readonly overlayMtu: number;
  /** Of pods that do not ask for another. */
  readonly podNicType: PortItem['nicType'];
  /** CIDRs, gateways and excludeIps with which the default subnet and the join subnet are made when absent. */
  readonly defaultRange: RangeSetting;
  readonly joinRange: RangeSetting;
  /** `tcp` or `ssl`, and port of the southbound database on each member of ovn-central. */
  readonly southbound: { readonly scheme: 'tcp' | 'ssl'; readonly port: number };
}

/** As the settings have it: comma lists, '' where spec's own default is meant. */
export interface RangeSetting {
  readonly cidrBlock: string;
  readonly gateway: string;
  readonly excludeIps: string;
}

/** A member of ovn-central: the address of its node. */
export interface CentralRow {
  readonly pod: string;
  readonly hostIp: string;
  readonly ready: boolean;
}
