// Names of rows as Kube-OVN gives them, where people and tests look for them. Different objects can come to one name;
// the loser's gets a suffix (`suffixed`), so that no transaction fails on a unique index.
import { rowId } from '../../lib/delta/ids.ts';
import type { Owner } from '../../lib/delta/fact.ts';

/** Logical_Router_Port of a VPC towards a subnet. */
export const routerPortName = (vpc: string, subnet: string): string => `${vpc}-${subnet}`;

/** Logical_Router_Port of a VPC towards the router of another. */
export const peerPortName = (vpc: string, remote: string): string => `${vpc}-${remote}`;

/** Logical_Router_Port for BFD alone, and its HA_Chassis_Group. No other port has a name with "@". */
export const bfdPortName = (vpc: string): string => `bfd@${vpc}`;

/** Logical_Switch_Port of a subnet towards its VPC's router. */
export const switchPortName = (subnet: string, vpc: string): string => `${subnet}-${vpc}`;

/** Logical_Switch_Port of a Vip that pods may hold: Kube-OVN's name, and another for the second address. */
export const virtualPortName = (vip: string, at: number): string => (at === 0 ? vip : `${vip}.ip6`);

/**
 * A word that match expressions take for a name: letters, digits, `.` and `_`, not beginning with a digit. Kubernetes
 * names have no other character than these and `-`.
 */
export function identifier(text: string): string {
  const legal = text.replaceAll(/[^A-Za-z0-9_.]/g, '.');
  return /^[0-9]/.test(legal) ? `n${legal}` : legal;
}

/** Port_Group of all pods on a node. */
export const nodeGroupName = (node: string): string => identifier(`node.${node}`);

/** Port_Group of the pods on a node whose subnets have a distributed gateway. */
export const distributedGroupName = (node: string): string => identifier(`distributed.${node}`);

/** Port_Group of the pods on a node that reach Services by it, from underlay subnets. */
export const interconnectedGroupName = (node: string): string => identifier(`interconnected.${node}`);

/** Port_Group of the pods that are isolated in a direction by policies that need no group of their own. */
export const denyGroupName = (direction: string, enforcement: string): string =>
  enforcement === 'standard' ? `kubeloom.deny.${direction}` : `kubeloom.deny.${direction}.${enforcement}`;

/** Port_Group of the pods that OVN answers as a DHCP server although they are isolated. */
export const dhcpGroupName = 'kubeloom.dhcp';

/** Port_Group of the ports that name a SecurityGroup. */
export const securityGroupName = (group: string): string => identifier(`ovn.sg.${group}`);

/** Port_Group of the ports that are in any SecurityGroup; no object has a name with "_". */
export const securityDenyName = 'ovn.sg.kubeovn_deny_all';

/** Address_Set of the addresses of such a group's ports, by family. */
export const associatedName = (group: string, family: 4 | 6): string => `${group}.associated.v${family}`;
/** Port_Group of the pods on a node that only policies of tier Baseline judge as they send. */
export const baselineGroupName = (node: string): string => identifier(`baseline.${node}`);

/** Address_Set of the InternalIPs of all nodes, by family. */
export const nodesSetName = (family: 4 | 6): string => `kubeloom.nodes.ip${family}`;

/** Address_Set of an IPPool: users name it in matches, so it is this name or none. */
export const poolSetName = (pool: string): string => pool.replaceAll('-', '.');

/** Whether a match can name the set: ovn-nb(5) wants it so. */
export const isSetName = (name: string): boolean => /^[A-Za-z_.][A-Za-z0-9_.]*$/.test(name);

/** Whether a set would have a name that rows of ours are called by. */
export const isOwnSetName = (name: string): boolean => /^(?:sel|kubeloom|ovn\.sg)\./.test(name);

/** Whether a group would. */
export const isOwnGroupName = (name: string): boolean =>
  isOwnSetName(name) || /^(?:node|distributed|interconnected|baseline)\./.test(name);

/** Address_Set of the InternalIPs of all nodes, for an interconnected underlay subnet. */
export const excludedSetName = (subnet: string, family: 4 | 6): string =>
  identifier(`${subnet}.u2o_exclude_ip.ip${family}`);
/** Address_Set of the CIDRs of a VPC's overlay subnets. */
export const overlaySetName = (vpc: string, family: 4 | 6): string =>
  identifier(`${vpc}.u2o_overlay_cidrs.ip${family}`);
/** Logical_Switch_Port by which an underlay subnet meets its physical network. */
export const localnetPortName = (subnet: string): string => `localnet.${subnet}`;
/** Logical_Switch_Port of an address of spec.vips. */
export const subnetVipPortName = (subnet: string, address: string): string => `${subnet}-vip-${address}`;

/** Protocols of Services, as table Load_Balancer names them. */
export const protocols = ['tcp', 'udp', 'sctp'] as const;
export type Protocol = (typeof protocols)[number];

/** Load_Balancer_Group of a VPC: of all its Services. Groups have no external_ids, so the name says whose they are. */
export const balancerGroupName = (vpc: string): string => `kubeloom.${vpc}`;
export const isBalancerGroupName = (name: string): boolean => name.startsWith(balancerGroupName(''));

/** Load_Balancer of a VPC that carries the addresses of rules; with `session`, of those with affinity. */
export function vpcBalancerName(
  vpc: string,
  isDefault: boolean,
  { protocol, session }: { readonly protocol: Protocol; readonly session: boolean },
): string {
  if (isDefault) return `cluster-${protocol}-${session ? 'session-' : ''}loadbalancer`;
  return `vpc-${vpc}-${protocol}-${session ? 'sess-' : ''}load`;
}

/** Load_Balancer of a Service; `part` tells several of one protocol apart. */
export const serviceBalancerName = (service: string, protocol: Protocol, part = ''): string =>
  `${service}/${protocol}${part === '' ? '' : `/${part}`}`;

/** A variable of Chassis_Template_Var: flows name it, so it is a word. */
export const variableName = (owner: Owner, name: string): string =>
  `kl${rowId(owner, 'Chassis_Template_Var', name).replaceAll('-', '').slice(0, 20)}`;

/** The name of the loser of a collision: the same for the same owner, ever. */
export const suffixed = (name: string, owner: Owner): string => `${name}.${rowId(owner, 'name', name).slice(0, 8)}`;
