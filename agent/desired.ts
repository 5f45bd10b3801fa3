// What Open vSwitch and the links of the node should be, computed from its state (state.ts): one function per driver, pure.
// Routes and rules are in routing.ts, ipsets and iptables in netfilter.ts.
import { formatCidr, parseCidr } from '../lib/net/index.ts';
import type { Want, Wanted } from './drivers/driver.ts';
import type { Link } from './drivers/link.ts';
import { linkKey } from './drivers/link.ts';
import { bridgeText, portText } from './drivers/ovs.ts';
import type { NodeSpec } from './items.ts';
import { family, host } from './state.ts';
import type { NodeState } from './state.ts';

export const NODE_PORT = 'ovn0';
export const TUNNEL_BRIDGE = 'br-phy';
/** Key of br-phy's external_ids: the addresses that it took from the tunnel interface, while they are nowhere else. */
export const TAKEN = 'kubeloom-addresses';

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

const ofBridge = ({ links }: NodeState): readonly string[] => links.get(TUNNEL_BRIDGE)?.addresses ?? [];

/** `192.0.2.11/24` and `192.0.2.12/24`. */
function areNeighbours(one: string, other: string): boolean {
  const [a, b] = [parseCidr(one), parseCidr(other)];
  return a !== undefined && b !== undefined && formatCidr(a) === formatCidr(b);
}

/**
 * Recorded addresses that the interface was given another one for, of the same network, and which: whoever changes the address
 * of a running node can take the old one off the interface no more.
 */
function successors(state: NodeState): ReadonlyMap<string, string> {
  const fresh = (tunnelLink(state)?.addresses ?? []).filter((address) => !state.taken.includes(address));
  const pairs = state.taken.flatMap((before) => {
    const after = fresh.find((address) => areNeighbours(address, before));
    return after === undefined ? [] : [[before, after] as const];
  });
  return new Map(pairs);
}

/** The addresses that br-phy shall have; what the interface has by itself (after a boot) counts more than the record. */
export function takenAddresses(state: NodeState): readonly string[] {
  const fresh = tunnelLink(state)?.addresses ?? [];
  if (fresh.length === 0) return state.taken;
  if (ofBridge(state).length === 0) return fresh;
  const after = successors(state);
  return [...new Set([...state.taken.map((address) => after.get(address) ?? address), ...fresh])];
}

/** What to note at br-phy: an address that gives way until it is off it, so that a process that starts then takes it off. */
function recorded(state: NodeState): readonly string[] {
  const leaving = [...successors(state).keys()].some((address) => ofBridge(state).includes(address));
  return leaving ? state.taken : takenAddresses(state);
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
  const addresses = recorded(state);
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
  const replaced = successors(state);
  for (const address of state.taken)
    if (replaced.has(address)) yield [linkKey(TUNNEL_BRIDGE, `without ${address}`), 'true'];
    else yield [linkKey(TUNNEL_BRIDGE, `address ${address}`), 'present'];
  const nic = tunnelLink(state);
  if (nic === undefined) return;
  yield [linkKey(nic.name, 'up'), 'true'];
  // Only what br-phy has the record of: an address must not leave its link for nowhere.
  for (const address of state.taken) yield [linkKey(nic.name, `without ${address}`), 'true'];
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
