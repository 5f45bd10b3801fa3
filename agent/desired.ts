// What the node should be, computed from the plan, the settings and what the node has: one function per driver, pure.
// Undefined means "not known yet": the driver is left alone, so nothing is pruned for want of knowledge.
import { containsIp, familyOf, parseCidr, parseIp } from '../lib/net/index.ts';
import type { Want, Wanted } from './drivers/driver.ts';
import { IPSET_NAMES, ipsetName, ipsetText } from './drivers/ipset.ts';
import type { IpsetName } from './drivers/ipset.ts';
import { rules } from './drivers/iptables-rules.ts';
import { tableKey, tableText } from './drivers/iptables.ts';
import type { Link } from './drivers/link.ts';
import { linkKey } from './drivers/link.ts';
import { bridgeText, portText } from './drivers/ovs.ts';
import { routeText } from './drivers/route.ts';
import type { NodeSpec, PeerSpec, SubnetSpec } from './items.ts';
import type { Settings } from './settings.ts';

export const NODE_PORT = 'ovn0';
export const TUNNEL_BRIDGE = 'br-phy';
/** Key of br-phy's external_ids: the addresses that it took from the tunnel interface, while they are nowhere else. */
export const TAKEN = 'kubeloom-addresses';

export interface NodeState {
  readonly settings: Settings;
  /** Whether the plan is whole: from an InitDone, of this process or of the file. */
  readonly complete: boolean;
  readonly node: { readonly key: string; readonly item: NodeSpec } | undefined;
  readonly subnets: readonly { readonly key: string; readonly item: SubnetSpec }[];
  readonly peers: readonly PeerSpec[];
  readonly links: ReadonlyMap<string, Link>;
  /** Addresses recorded at br-phy. */
  readonly taken: readonly string[];
  readonly randomFully: boolean;
  /** The tunnel interface leads elsewhere too (a default route): taken into a bridge it would cut the node off. */
  readonly nicBusy: boolean;
}

const host = (prefix: string): string => prefix.replace(/\/.*/, '');
const family = (text: string): 4 | 6 => familyOf(host(text)) ?? 4;
const ofFamily = (texts: readonly string[], wanted: 4 | 6): string | undefined =>
  texts.find((text) => family(text) === wanted);

/** Bytes that a tunnel adds to a packet on the wire, as Kube-OVN counts them. */
const ENCAPSULATION = { geneve: 100, vxlan: 50, stt: 72 } as const;

/** The NIC that carries the tunnels; with `iface` set the first link that a name or expression of it means. */
export function tunnelLink({ settings, links, node }: NodeState): Link | undefined {
  for (const pattern of settings.iface.split(',').filter((part) => part !== '')) {
    const exact = links.get(pattern.trim());
    if (exact !== undefined) return exact;
    const expression = new RegExp(`^(?:${pattern.trim()})$`);
    for (const link of links.values()) if (expression.test(link.name) && link.name !== TUNNEL_BRIDGE) return link;
  }
  if (settings.iface !== '') return undefined;
  const own = new Set(node?.item.internalIps ?? [settings.podIp]);
  return [...links.values()].find(({ addresses }) => addresses.some((address) => own.has(host(address))));
}

/** Whether the tunnel interface belongs into a bridge: userspace tunnels start on a port of theirs. */
const takes = ({ settings, nicBusy }: NodeState): boolean =>
  settings.datapathType === 'netdev' && settings.iface !== '' && !nicBusy;

/** The addresses that br-phy shall have; what the interface has by itself (after a boot) counts more than the record. */
export function takenAddresses(state: NodeState): readonly string[] {
  const nic = tunnelLink(state);
  const fresh = nic?.addresses ?? [];
  if (fresh.length === 0) return state.taken;
  const moved = state.links.get(TUNNEL_BRIDGE)?.addresses ?? [];
  return moved.length === 0 ? fresh : [...new Set([...state.taken, ...fresh])];
}

export function encapIp(state: NodeState): string | undefined {
  const addresses = takes(state) ? takenAddresses(state) : (tunnelLink(state)?.addresses ?? []);
  if (state.settings.iface !== '') return addresses[0] === undefined ? undefined : host(addresses[0]);
  return state.node?.item.internalIps[0] ?? (state.settings.podIp || undefined);
}

/** All addresses that other nodes may send to: the default one, and those of the networks that subnets choose from. */
export function tunnelAddresses(state: NodeState): readonly string[] {
  const first = encapIp(state);
  if (first === undefined) return [];
  return [...new Set([first, ...networksOf(state.node?.item).map(({ address }) => address)])];
}

/** None in a plan that was kept by an agent before this one. */
export const networksOf = (node: NodeSpec | undefined): NodeSpec['networks'] =>
  (node as Partial<NodeSpec> | undefined)?.networks ?? [];

/** MTU of pods and of ovn0 unless their subnet states one. */
export function defaultMtu(state: NodeState): number | undefined {
  if (state.settings.mtu > 0) return state.settings.mtu;
  const [nic, ip] = [tunnelLink(state), encapIp(state)];
  if (nic === undefined || ip === undefined) return undefined;
  return nic.mtu - ENCAPSULATION[state.settings.encapType] - (family(ip) === 6 ? 20 : 0);
}

export function ovsWant(state: NodeState): Want {
  const { settings, node } = state;
  const from = node?.key ?? '';
  const want = new Map<string, Wanted>();
  const id = (key: string, text: string | undefined): void => {
    if (text !== undefined && text !== '') want.set(`external_ids ${key}`, { text, from });
  };
  id('hostname', settings.nodeName);
  id('ovn-encap-type', settings.encapType);
  id('ovn-encap-ip', tunnelAddresses(state).join(','));
  id('ovn-encap-ip-default', encapIp(state));
  id('ovn-remote', node?.item.southbound.join(','));
  id('ovn-remote-probe-interval', '10000');
  id('ovn-openflow-probe-interval', '180');
  id('ovn-bridge-datapath-type', settings.datapathType === 'netdev' ? 'netdev' : undefined);
  for (const [key, text] of tunnelBridge(state)) want.set(key, { text, from });
  const join = node?.item.join;
  const mtu = defaultMtu(state);
  if (join === undefined || join.addresses.length === 0 || mtu === undefined) return want;
  const ids = { 'iface-id': join.ifaceId, ip: join.addresses.map(host).join(',') };
  want.set(`port br-int ${NODE_PORT}`, { text: portText({ type: 'internal', mac: join.mac, mtu, ids }), from });
  return want;
}

function* tunnelBridge(state: NodeState): Iterable<[string, string]> {
  const nic = tunnelLink(state);
  const addresses = takenAddresses(state);
  if (!takes(state) || nic === undefined || addresses.length === 0) return;
  const ids = { [TAKEN]: addresses.join(' ') };
  yield [`bridge ${TUNNEL_BRIDGE}`, bridgeText({ datapath: 'netdev', mtu: nic.mtu, mac: nic.mac, ids })];
  yield [`port ${TUNNEL_BRIDGE} ${nic.name}`, portText({ type: 'system', mac: '', mtu: 0, ids: {} })];
}

export function linkWant(state: NodeState): Want {
  const from = state.node?.key ?? '';
  const pairs = [...tunnelLinks(state), ...nodeLink(state)];
  return new Map(pairs.map(([key, text]) => [key, { text, from }]));
}

function* tunnelLinks(state: NodeState): Iterable<[string, string]> {
  if (!takes(state) || !state.links.has(TUNNEL_BRIDGE)) return;
  yield [linkKey(TUNNEL_BRIDGE, 'up'), 'true'];
  yield [linkKey(TUNNEL_BRIDGE, 'offload'), 'off'];
  for (const address of state.taken) yield [linkKey(TUNNEL_BRIDGE, `address ${address}`), 'present'];
  const nic = tunnelLink(state);
  if (nic === undefined) return;
  yield [linkKey(nic.name, 'up'), 'true'];
  // Not before br-phy has the record: an address must not leave its link for nowhere.
  if (state.taken.length > 0) yield [linkKey(nic.name, 'exclusive'), 'true'];
}

function* nodeLink(state: NodeState): Iterable<[string, string]> {
  const addresses = state.node?.item.join.addresses ?? [];
  if (addresses.length === 0 || !state.links.has(NODE_PORT)) return;
  yield [linkKey(NODE_PORT, 'up'), 'true'];
  yield [linkKey(NODE_PORT, 'txqueuelen'), '1000'];
  // The userspace datapath computes no checksums for what the kernel leaves to the card.
  if (state.settings.datapathType === 'netdev') yield [linkKey(NODE_PORT, 'offload'), 'off'];
  for (const address of addresses) yield [linkKey(NODE_PORT, `address ${address}`), 'present'];
  yield [linkKey(NODE_PORT, 'exclusive'), 'true'];
}

export function routeWant(state: NodeState): Want | undefined {
  const node = state.node;
  if (!state.complete || node === undefined || !state.links.has(NODE_PORT)) return undefined;
  const { join } = node.item;
  const want = new Map<string, Wanted>();
  for (const cidr of join.cidrs) {
    const address = ofFamily(join.addresses, family(cidr));
    if (address === undefined) continue;
    const text = routeText({ dev: NODE_PORT, gateway: '', source: host(address) });
    want.set(cidr, { text, from: node.key });
  }
  for (const { key, item } of state.subnets.filter(({ item }) => item.routedByNodes))
    for (const cidr of item.cidrs) {
      const text = want.has(cidr) ? undefined : subnetRoute(cidr, node.item);
      if (text !== undefined) want.set(cidr, { text, from: key });
    }
  return want;
}

function subnetRoute(cidr: string, { join, internalIps }: NodeSpec): string | undefined {
  const gateway = ofFamily(join.gateways, family(cidr));
  if (gateway === undefined || holdsAny(cidr, internalIps)) return undefined;
  return routeText({ dev: NODE_PORT, gateway, source: ofFamily(internalIps, family(cidr)) ?? '' });
}

/** A subnet that holds the node's own address must not take the node's traffic away from its NIC. */
function holdsAny(cidr: string, ips: readonly string[]): boolean {
  const net = parseCidr(cidr);
  return ips.some((text) => {
    const ip = parseIp(text);
    return net !== undefined && ip !== undefined && net.family === ip.family && containsIp(net, ip);
  });
}

function setMembers(state: NodeState, node: NodeSpec): Record<IpsetName, readonly string[]> {
  const routed = state.subnets.map(({ item }) => item).filter(({ routedByNodes }) => routedByNodes);
  return {
    services: node.serviceCidrs,
    subnets: [...node.join.cidrs, ...routed.flatMap(({ cidrs }) => cidrs)],
    'subnets-nat': routed.filter(({ natOutgoing }) => natOutgoing).flatMap(({ cidrs }) => cidrs),
    'subnets-distributed-gw': routed
      .filter(({ gatewayType }) => gatewayType === 'distributed')
      .flatMap(({ cidrs }) => cidrs),
    'other-node': state.peers.filter(({ name }) => name !== node.name).flatMap(({ internalIps }) => internalIps),
  };
}

/** Families that the cluster's networks have; a node may run without IPv6 altogether. */
function families(state: NodeState, node: NodeSpec): readonly (4 | 6)[] {
  const cidrs = [...node.join.cidrs, ...node.serviceCidrs, ...state.subnets.flatMap(({ item }) => item.cidrs)];
  return ([4, 6] as const).filter((wanted) => ofFamily(cidrs, wanted) !== undefined);
}

export function ipsetWant(state: NodeState): Want | undefined {
  const node = state.node;
  if (!state.complete || node === undefined) return undefined;
  const members = setMembers(state, node.item);
  return new Map(
    families(state, node.item).flatMap((family) =>
      IPSET_NAMES.map((name) => [ipsetName(family, name), { text: ipsetText(members[name], family), from: node.key }]),
    ),
  );
}

export function iptablesWant(state: NodeState): Want | undefined {
  const node = state.node;
  if (!state.complete || node === undefined) return undefined;
  // What leaves pods by their first interface is another plugin's, and so are its rules.
  if (state.settings.nonPrimary) return new Map();
  return new Map(
    families(state, node.item).flatMap((family) => {
      const nodeIp = ofFamily(node.item.internalIps, family) ?? '';
      const tables = rules({ family, nodeIp, randomFully: state.randomFully });
      return [...tables].map(([name, table]) => [tableKey(family, name), { text: tableText(table), from: node.key }]);
    }),
  );
}
