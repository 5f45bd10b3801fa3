// The plan's items as the agent keeps them: the generated messages with their holes closed. A malformed item is refused
// here, once, so that drivers and the CNI server never meet an address that is not one.
import { canonicalCidr, canonicalMac, parseCidr, parseIp, parsePrefix } from '../lib/net/index.ts';
import type { ExternalEgress__Output } from '../proto/kubeloom/plan/v1/ExternalEgress.gen.ts';
import type { GatewayItem__Output } from '../proto/kubeloom/plan/v1/GatewayItem.gen.ts';
import type { Item__Output } from '../proto/kubeloom/plan/v1/Item.gen.ts';
import type { NatRule__Output } from '../proto/kubeloom/plan/v1/NatRule.gen.ts';
import type { NodeItem__Output } from '../proto/kubeloom/plan/v1/NodeItem.gen.ts';
import type { PeerItem__Output } from '../proto/kubeloom/plan/v1/PeerItem.gen.ts';
import type { PortItem__Output } from '../proto/kubeloom/plan/v1/PortItem.gen.ts';
import type { SubnetItem__Output } from '../proto/kubeloom/plan/v1/SubnetItem.gen.ts';

export interface RouteSpec {
  /** '' is the default route of the gateway's family. */
  readonly dst: string;
  readonly gateway: string;
}

export interface JoinSpec {
  readonly ifaceId: string;
  readonly mac: string;
  /** With prefix length, one per family, IPv4 first; empty until assigned. */
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  readonly cidrs: readonly string[];
}

export interface NodeSpec {
  readonly kind: 'node';
  readonly name: string;
  readonly uid: string;
  readonly internalIps: readonly string[];
  readonly join: JoinSpec;
  readonly southbound: readonly string[];
  readonly serviceCidrs: readonly string[];
  /** Further addresses for tunnels, by name. */
  readonly networks: readonly { readonly name: string; readonly address: string }[];
}

export interface PeerSpec {
  readonly kind: 'peer';
  readonly name: string;
  readonly internalIps: readonly string[];
}

export interface SubnetSpec {
  readonly kind: 'subnet';
  readonly name: string;
  readonly uid: string;
  readonly vpc: string;
  readonly cidrs: readonly string[];
  readonly gateways: readonly string[];
  readonly natOutgoing: boolean;
  readonly gatewayType: 'distributed' | 'centralized';
  readonly mtu: number;
  readonly provider: string;
  /** Nodes have routes to it. */
  readonly routedByNodes: boolean;
  /** And nothing else: its traffic leaves the cluster another way. */
  readonly routesOnly: boolean;
  /** Exceptions from natOutgoing; the first that matches decides. */
  readonly natRules: readonly NatRuleSpec[];
  /** Nodes by which a centralized subnet may leave. */
  readonly gatewayNodes: readonly GatewayNodeSpec[];
  /** Where gateway nodes pass on what leaves. */
  readonly externalEgress?: ExternalEgressSpec;
}

export interface NatRuleSpec {
  readonly id: string;
  readonly action: 'nat' | 'forward';
  /** Addresses and CIDRs of one family; empty is any. */
  readonly sources: readonly string[];
  readonly targets: readonly string[];
}

export interface GatewayNodeSpec {
  readonly name: string;
  readonly joinAddresses: readonly string[];
  /** With which address what leaves by it leaves. */
  readonly egressIps: readonly string[];
}

export interface ExternalEgressSpec {
  readonly gateways: readonly string[];
  readonly table: number;
  readonly priority: number;
}

/** What a subnet is that says nothing of its way out, as those of an agent before this one that are read from disk. */
export const PLAIN_WAY_OUT = { routesOnly: false, natRules: [], gatewayNodes: [] } as const;

export interface PortSpec {
  readonly kind: 'port';
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly provider: string;
  /** CNI_IFNAME where the pod has several interfaces of the provider; '' is any. */
  readonly ifname: string;
  readonly ifaceId: string;
  readonly subnet: string;
  /** '' where another plugin makes the interface, and has only its addresses from here. */
  readonly mac: string;
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  readonly routes: readonly RouteSpec[];
  readonly defaultRoute: boolean;
  readonly mtu: number;
  readonly nicType: string;
  /** The node's network for its tunnels; '' is the default one. */
  readonly nodeNetwork: string;
  /** About neighbours, each with what is before it: tell them, ask them for conflicts, for gateways. '' is silence. */
  readonly wire: '' | 'announce' | 'detect' | 'gateway';
  readonly announced: boolean;
  /** Ports that the kubelet probes and cannot reach by the node; `bare` where a connection alone is the probe. */
  readonly probes: readonly { readonly port: number; readonly bare: boolean }[];
}

/** A pod that passes on what comes to an interface outside. */
export interface GatewaySpec {
  readonly kind: 'gateway';
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  /** Of an interface of the pod in Open vSwitch. */
  readonly ifaceId: string;
  readonly ifname: string;
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  readonly innerIfname: string;
  readonly innerGateways: readonly string[];
  readonly forwards: readonly ForwardSpec[];
}

export interface ForwardSpec {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly address: string;
  readonly port: number;
  readonly target: string;
  /** CIDRs; empty is any. */
  readonly sources: readonly string[];
}

export type Item = NodeSpec | PeerSpec | SubnetSpec | PortSpec | GatewaySpec;

/** An item of this plan that cannot be used; reported as failed, and never applied. */
export class ItemError extends Error {
  override readonly name = 'ItemError';
}

type Parse = (text: string) => unknown;

function every(parse: Parse, what: string, texts: readonly string[]): readonly string[] {
  for (const text of texts) if (parse(text) === undefined) throw new ItemError(`${what}: not valid: ${text}`);
  return texts;
}

/** '' is none. */
function macOf(text: string): string {
  if (text === '') return '';
  const mac = canonicalMac(text);
  if (mac === undefined) throw new ItemError(`mac: not valid: ${text}`);
  return mac;
}

function joinSpec(join: NodeItem__Output['join']): JoinSpec {
  if (join === null || join.iface_id === '') return { ifaceId: '', mac: '', addresses: [], gateways: [], cidrs: [] };
  return {
    ifaceId: join.iface_id,
    mac: macOf(join.mac),
    addresses: every(parsePrefix, 'join address', join.addresses),
    gateways: every(parseIp, 'join gateway', join.gateways),
    cidrs: every(parseCidr, 'join cidr', join.cidrs),
  };
}

function nodeSpec(node: NodeItem__Output): NodeSpec {
  return {
    kind: 'node',
    name: node.name,
    uid: node.uid,
    internalIps: every(parseIp, 'internal IP', node.internal_ips),
    join: joinSpec(node.join),
    southbound: node.southbound,
    serviceCidrs: every(parseCidr, 'service cidr', node.service_cidrs),
    networks: node.networks.map(({ name, address }) => {
      every(parseIp, 'tunnel address', [address]);
      return { name, address };
    }),
  };
}

function peerSpec(peer: PeerItem__Output): PeerSpec {
  return { kind: 'peer', name: peer.name, internalIps: every(parseIp, 'internal IP', peer.internal_ips) };
}

function subnetSpec(subnet: SubnetItem__Output): SubnetSpec {
  return {
    kind: 'subnet',
    name: subnet.name,
    uid: subnet.uid,
    vpc: subnet.vpc,
    cidrs: every(parseCidr, 'cidr', subnet.cidrs),
    gateways: every(parseIp, 'gateway', subnet.gateways),
    natOutgoing: subnet.nat_outgoing,
    gatewayType: subnet.gateway_type === 'centralized' ? 'centralized' : 'distributed',
    mtu: subnet.mtu,
    provider: subnet.provider,
    routedByNodes: subnet.routed_by_nodes,
    routesOnly: subnet.routes_only,
    natRules: subnet.nat_rules.map(natRuleSpec),
    gatewayNodes: subnet.gateway_nodes.map((node) => ({
      name: node.name,
      joinAddresses: every(parseIp, 'join address', node.join_addresses),
      egressIps: every(parseIp, 'egress address', node.egress_ips),
    })),
    ...(subnet.external_egress && { externalEgress: externalEgressSpec(subnet.external_egress) }),
  };
}

const addressOrCidr = (text: string): unknown => parseIp(text) ?? parseCidr(text);

/** The id becomes a part of names on the node. */
function natRuleSpec({ id, action, sources, targets }: NatRule__Output): NatRuleSpec {
  if (!/^[0-9a-f]{12}$/.test(id)) throw new ItemError(`NAT rule: not an id: ${id}`);
  if (action !== 'nat' && action !== 'forward') throw new ItemError(`NAT rule: not an action: ${action}`);
  return {
    id,
    action,
    sources: every(addressOrCidr, 'NAT rule', sources),
    targets: every(addressOrCidr, 'NAT rule', targets),
  };
}

function externalEgressSpec({ gateways, table, priority }: ExternalEgress__Output): ExternalEgressSpec {
  return { gateways: every(parseIp, 'egress gateway', gateways), table, priority };
}

function routeSpec({ dst, gateway }: { dst: string; gateway: string }): RouteSpec {
  if (dst !== '') every(parseCidr, 'route destination', [dst]);
  every(parseIp, 'route gateway', [gateway]);
  return { dst, gateway };
}

const WIRES = ['announce', 'detect', 'gateway'] as const;

function portSpec(port: PortItem__Output): PortSpec {
  if (port.pod === null || port.pod.name === '' || port.iface_id === '') throw new ItemError('port without pod or id');
  return {
    kind: 'port',
    pod: { namespace: port.pod.namespace, name: port.pod.name, uid: port.pod.uid },
    provider: port.provider,
    ifname: port.ifname,
    ifaceId: port.iface_id,
    subnet: port.subnet,
    mac: macOf(port.mac),
    addresses: every(parsePrefix, 'address', port.addresses),
    gateways: every(parseIp, 'gateway', port.gateways),
    routes: port.routes.map(routeSpec),
    defaultRoute: port.default_route,
    mtu: port.mtu,
    nicType: port.nic_type,
    nodeNetwork: port.node_network,
    wire: WIRES.find((known) => known === port.wire) ?? '',
    announced: port.announced,
    probes: port.probes.map(({ port: number, bare }) => ({ port: number, bare })),
  };
}

/** Names of interfaces become words of commands. */
function interfaceOf(name: string): string {
  if (!/^[A-Za-z0-9][\w.-]{0,14}$/.test(name)) throw new ItemError(`interface: not valid: ${name}`);
  return name;
}

const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

function protocolOf(text: string): ForwardSpec['protocol'] {
  const found = PROTOCOLS.find((known) => known === text);
  if (found === undefined) throw new ItemError(`protocol: not valid: ${text}`);
  return found;
}

function gatewaySpec(gateway: GatewayItem__Output): GatewaySpec {
  if (gateway.pod === null) throw new ItemError('gateway without pod');
  return {
    kind: 'gateway',
    pod: { namespace: gateway.pod.namespace, name: gateway.pod.name, uid: gateway.pod.uid },
    ifaceId: gateway.iface_id,
    ifname: interfaceOf(gateway.ifname),
    addresses: every(parsePrefix, 'address', gateway.addresses),
    gateways: every(parseIp, 'gateway', gateway.gateways),
    innerIfname: interfaceOf(gateway.inner_ifname),
    innerGateways: every(parseIp, 'gateway', gateway.inner_gateways),
    forwards: gateway.forwards.map(({ protocol, address, port, target, sources }) => ({
      protocol: protocolOf(protocol),
      address: every(parseIp, 'address', [address])[0] ?? '',
      port,
      target: every(parseIp, 'target', [target])[0] ?? '',
      sources: every(parseCidr, 'source', sources).map((source) => canonicalCidr(source) ?? source),
    })),
  };
}

/** The item of a message; undefined for a kind that this version does not know, which is ignored. */
export function itemOf(message: Item__Output | null): Item | undefined {
  const { node, peer, subnet, port, gateway } = message ?? {};
  if (node) return nodeSpec(node);
  if (peer) return peerSpec(peer);
  if (subnet) return subnetSpec(subnet);
  if (port) return portSpec(port);
  return gateway ? gatewaySpec(gateway) : undefined;
}
