// A packet as the logical pipeline sees it: values by the names of OVN's fields. What a packet has not is 0, and the
// prerequisites of a field keep matches from reading it.
import type { Ip } from '../../lib/net/index.ts';

export type Protocol = 'tcp' | 'udp' | 'sctp' | 'icmp';

const none = {
  'eth.src': 0n,
  'eth.dst': 0n,
  'eth.type': 0n,
  'vlan.tci': 0n,
  'ip.proto': 0n,
  'ip.dscp': 0n,
  'ip.ecn': 0n,
  'ip.ttl': 0n,
  'ip.frag': 0n,
  'ip4.src': 0n,
  'ip4.dst': 0n,
  'ip6.src': 0n,
  'ip6.dst': 0n,
  'ip6.label': 0n,
  'icmp.type': 0n,
  'icmp.code': 0n,
  'arp.op': 0n,
  'arp.spa': 0n,
  'arp.sha': 0n,
  'arp.tpa': 0n,
  'arp.tha': 0n,
  'nd.target': 0n,
  'nd.sll': 0n,
  'nd.tll': 0n,
  'tp.src': 0n,
  'tp.dst': 0n,
  'tcp.flags': 0n,
  'pkt.mark': 0n,
  ct_state: 0n,
  ct_mark: 0n,
  ct_label: 0n,
};

export type Slot = keyof typeof none;

export interface Packet {
  readonly inport: string;
  /** '' until the switch has decided. */
  readonly outport: string;
  readonly slots: Readonly<Record<Slot, bigint>>;
}

export const ethernetType = { ip4: 0x800n, ip6: 0x86ddn, arp: 0x806n, rarp: 0x8035n } as const;
export const protocolNumber = { tcp: 6n, udp: 17n, sctp: 132n, icmp4: 1n, icmp6: 58n } as const;

/** What a connection's packet carries. Ports are those of TCP, UDP and SCTP; `type` is that of ICMP. */
export interface Header {
  readonly source: Ip;
  readonly destination: Ip;
  readonly protocol: Protocol;
  readonly sourcePort: number;
  readonly port: number;
  readonly type: number;
}

/** A packet of a connection, as its sender makes it. */
export function packetOf(header: Header, inport: string, ethernet: { source: bigint; destination: bigint }): Packet {
  const slots = {
    ...none,
    'eth.src': ethernet.source,
    'eth.dst': ethernet.destination,
    'ip.ttl': 64n,
    ...transport(header),
    ...addresses(header),
  };
  return { inport, outport: '', slots };
}

function transport({ protocol, source, sourcePort, port, type }: Header): Partial<Record<Slot, bigint>> {
  if (protocol !== 'icmp')
    return { 'ip.proto': protocolNumber[protocol], 'tp.src': BigInt(sourcePort), 'tp.dst': BigInt(port) };
  return { 'ip.proto': source.family === 4 ? protocolNumber.icmp4 : protocolNumber.icmp6, 'icmp.type': BigInt(type) };
}

const addresses = ({ source, destination }: Header): Partial<Record<Slot, bigint>> =>
  source.family === 4
    ? { 'eth.type': ethernetType.ip4, 'ip4.src': source.value, 'ip4.dst': destination.value }
    : { 'eth.type': ethernetType.ip6, 'ip6.src': source.value, 'ip6.dst': destination.value };

/** Types of ICMP that ask, and that answer. */
export const echo = { request: { 4: 8, 6: 128 }, reply: { 4: 0, 6: 129 } } as const;

/** The same packet with what a header says. */
export const readdressed = (packet: Packet, header: Header): Packet =>
  changed(packet, { ...transport(header), ...addresses(header) });

/** The same packet with some values changed. */
export const changed = (packet: Packet, slots: Partial<Record<Slot, bigint>>): Packet => ({
  ...packet,
  slots: { ...packet.slots, ...slots },
});
