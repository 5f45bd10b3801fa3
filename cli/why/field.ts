// The fields that a match may name (OVN's symbol table): where their value is in a packet, what must hold for them to be
// there at all, and what may be done with them. Checked against OVN 25.03.
import { ethernetType, protocolNumber, type Packet, type Slot } from './packet.ts';

export type Test = (packet: Packet) => boolean;

/** Nominal fields take == alone, boolean ones == and != too, ordinal ones are also compared by size and cut into bits. */
export type Level = 'nominal' | 'boolean' | 'ordinal';

interface Common {
  readonly name: string;
  /** Holds too wherever the field is compared, whatever the comparison says. */
  readonly prerequisite?: Test;
}

export type Field = Common &
  (
    | { readonly kind: 'text'; readonly read: (packet: Packet) => string }
    | {
        readonly kind: 'number';
        readonly width: number;
        readonly level: Level;
        readonly read: (packet: Packet) => bigint;
      }
    | { readonly kind: 'predicate'; readonly level: Level; readonly test: Test }
  );

const slot =
  (name: Slot) =>
  (packet: Packet): bigint =>
    packet.slots[name];

const is =
  (name: Slot, ...values: readonly bigint[]): Test =>
  (packet) =>
    values.includes(packet.slots[name]);

const bits =
  (name: Slot, low: number, width: number) =>
  (packet: Packet): bigint =>
    BigInt.asUintN(width, packet.slots[name] >> BigInt(low));

const all =
  (...tests: readonly Test[]): Test =>
  (packet) =>
    tests.every((test) => test(packet));

const ip4 = is('eth.type', ethernetType.ip4);
const ip6 = is('eth.type', ethernetType.ip6);
const ip = is('eth.type', ethernetType.ip4, ethernetType.ip6);
const arp = is('eth.type', ethernetType.arp);
const rarp = is('eth.type', ethernetType.rarp);
const protocol = (value: bigint): Test => all(ip, is('ip.proto', value));
const tcp = protocol(protocolNumber.tcp);
const udp = protocol(protocolNumber.udp);
const sctp = protocol(protocolNumber.sctp);
const icmp4 = all(ip4, is('ip.proto', protocolNumber.icmp4));
const icmp6 = all(ip6, is('ip.proto', protocolNumber.icmp6));

const multicast: Test = (packet) => bits('eth.dst', 40, 1)(packet) === 1n;
const multicast6: Test = (packet) => bits('eth.dst', 32, 16)(packet) === 0x3333n;
const group4: Test = all(ip4, (packet) => bits('ip4.dst', 28, 4)(packet) === 0xen);
const group6: Test = all(ip6, (packet) => bits('ip6.dst', 120, 8)(packet) === 0xffn);

const allNodes = [0xff01n, 0xff02n].map((scope) => (scope << 112n) | 1n);
const allRouters = [0xff01n, 0xff02n, 0xff05n].map((scope) => (scope << 112n) | 2n);
const solicited = ((0xff02n << 112n) | 0x1ff000000n) >> 24n;
const reserved6: Test = all(
  ip6,
  (packet) => bits('ip6.dst', 116, 12)(packet) === 0xff0n && bits('ip6.dst', 0, 112)(packet) === 0n,
);
const allNodes6 = all(ip6, is('ip6.dst', ...allNodes));
const allRouters6 = all(ip6, is('ip6.dst', ...allRouters));
const solicited6: Test = all(ip6, (packet) => packet.slots['ip6.dst'] >> 24n === solicited);
const flooded6: Test = all(multicast6, (packet) =>
  [reserved6, allNodes6, allRouters6, solicited6].some((test) => test(packet)),
);

const discovery = (...types: readonly bigint[]): Test =>
  all(icmp6, is('icmp.type', ...types), is('icmp.code', 0n), is('ip.ttl', 255n));
const nd = discovery(135n, 136n);
const linkLocal: Test = all(ip6, (packet) => packet.slots['ip6.src'] >> 118n === 0xfe80n >> 6n);
const mldv1 = all(multicast6, linkLocal, icmp6, is('icmp.type', 130n, 131n, 132n));
const mldv2 = all(multicast6, is('ip6.dst', (0xff02n << 112n) | 0x16n), icmp6, is('icmp.type', 143n));

const fragmented: Test = all(ip, (packet) => bits('ip.frag', 0, 1)(packet) === 1n);
const laterFragment: Test = all(ip, (packet) => bits('ip.frag', 1, 1)(packet) === 1n);

const numberField = (name: string, width: number, read: Slot, more: Partial<Field> = {}): Field =>
  ({ name, kind: 'number', width, level: 'ordinal', read: slot(read), ...more }) as Field;

/** One that OVS cannot mask: OVN does not order, negate or cut it. */
const nominalField = (name: string, width: number, read: Slot, prerequisite?: Test): Field =>
  numberField(name, width, read, { level: 'nominal', ...(prerequisite && { prerequisite }) });

const partField = (name: string, part: readonly [Slot, number, number], prerequisite?: Test): Field => ({
  name,
  kind: 'number',
  width: part[2],
  level: 'ordinal',
  read: bits(...part),
  ...(prerequisite && { prerequisite }),
});

const predicate = (name: string, level: Level, test: Test): Field => ({ name, kind: 'predicate', level, test });

const ports = (name: string, prerequisite: Test): Field[] => [
  numberField(`${name}.src`, 16, 'tp.src', { prerequisite }),
  numberField(`${name}.dst`, 16, 'tp.dst', { prerequisite }),
];

const resolution = (name: 'arp' | 'rarp', prerequisite: Test): Field[] => [
  nominalField(`${name}.op`, 16, 'arp.op', prerequisite),
  numberField(`${name}.spa`, 32, 'arp.spa', { prerequisite }),
  numberField(`${name}.sha`, 48, 'arp.sha', { prerequisite }),
  numberField(`${name}.tpa`, 32, 'arp.tpa', { prerequisite }),
  numberField(`${name}.tha`, 48, 'arp.tha', { prerequisite }),
];

/** Bits of ct_state, as Open vSwitch numbers them. */
export const trackingBit = { new: 0, est: 1, rel: 2, rpl: 3, inv: 4, trk: 5, snat: 6, dnat: 7 } as const;
const tracked: Test = (packet) => bits('ct_state', trackingBit.trk, 1)(packet) === 1n;

const list: readonly Field[] = [
  { name: 'inport', kind: 'text', read: ({ inport }) => inport },
  { name: 'outport', kind: 'text', read: ({ outport }) => outport },
  numberField('eth.src', 48, 'eth.src'),
  numberField('eth.dst', 48, 'eth.dst'),
  nominalField('eth.type', 16, 'eth.type'),
  predicate('eth.bcast', 'boolean', is('eth.dst', 0xffffffffffffn)),
  partField('eth.mcast', ['eth.dst', 40, 1]),
  predicate('eth.mcastv6', 'boolean', multicast6),
  numberField('vlan.tci', 16, 'vlan.tci'),
  predicate('vlan.present', 'boolean', (packet) => bits('vlan.tci', 12, 1)(packet) === 1n),
  partField('vlan.pcp', ['vlan.tci', 13, 3], (packet) => bits('vlan.tci', 12, 1)(packet) === 1n),
  partField('vlan.vid', ['vlan.tci', 0, 12], (packet) => bits('vlan.tci', 12, 1)(packet) === 1n),
  predicate('ip4', 'nominal', ip4),
  predicate('ip6', 'nominal', ip6),
  predicate('ip', 'nominal', ip),
  nominalField('ip.proto', 8, 'ip.proto', ip),
  nominalField('ip.dscp', 6, 'ip.dscp', ip),
  nominalField('ip.ecn', 2, 'ip.ecn', ip),
  nominalField('ip.ttl', 8, 'ip.ttl', ip),
  numberField('ip.frag', 2, 'ip.frag', { prerequisite: ip }),
  predicate('ip.is_frag', 'boolean', fragmented),
  predicate('ip.later_frag', 'boolean', laterFragment),
  predicate('ip.first_frag', 'boolean', (packet) => fragmented(packet) && !laterFragment(packet)),
  numberField('ip4.src', 32, 'ip4.src', { prerequisite: ip4 }),
  numberField('ip4.dst', 32, 'ip4.dst', { prerequisite: ip4 }),
  predicate(
    'ip4.src_mcast',
    'boolean',
    all(ip4, (packet) => bits('ip4.src', 28, 4)(packet) === 0xen),
  ),
  predicate('ip4.mcast', 'boolean', all(multicast, group4)),
  predicate('icmp4', 'nominal', icmp4),
  nominalField('icmp4.type', 8, 'icmp.type', icmp4),
  nominalField('icmp4.code', 8, 'icmp.code', icmp4),
  predicate('igmp', 'nominal', all(multicast, group4, is('ip.proto', 2n))),
  numberField('ip6.src', 128, 'ip6.src', { prerequisite: ip6 }),
  numberField('ip6.dst', 128, 'ip6.dst', { prerequisite: ip6 }),
  numberField('ip6.label', 20, 'ip6.label', { prerequisite: ip6 }),
  predicate('ip6.mcast_rsvd', 'boolean', reserved6),
  predicate('ip6.mcast_all_nodes', 'boolean', allNodes6),
  predicate('ip6.mcast_all_rtrs', 'boolean', allRouters6),
  predicate('ip6.mcast_sol_node', 'boolean', solicited6),
  predicate('ip6.mcast_flood', 'boolean', flooded6),
  predicate('ip6.mcast', 'boolean', all(multicast6, group6)),
  predicate('icmp6', 'nominal', icmp6),
  nominalField('icmp6.type', 8, 'icmp.type', icmp6),
  nominalField('icmp6.code', 8, 'icmp.code', icmp6),
  predicate('icmp', 'nominal', (packet) => icmp4(packet) || icmp6(packet)),
  predicate('arp', 'nominal', arp),
  ...resolution('arp', arp),
  predicate('rarp', 'nominal', rarp),
  ...resolution('rarp', rarp),
  predicate('nd', 'nominal', nd),
  predicate('nd_ns', 'nominal', discovery(135n)),
  predicate('nd_ns_mcast', 'nominal', all(multicast6, group6, discovery(135n))),
  predicate('nd_na', 'nominal', discovery(136n)),
  predicate('nd_rs', 'nominal', discovery(133n)),
  predicate('nd_ra', 'nominal', discovery(134n)),
  numberField('nd.target', 128, 'nd.target', { prerequisite: nd }),
  numberField('nd.sll', 48, 'nd.sll', { prerequisite: discovery(135n) }),
  numberField('nd.tll', 48, 'nd.tll', { prerequisite: discovery(136n) }),
  predicate('mldv1', 'nominal', mldv1),
  predicate('mldv2', 'nominal', mldv2),
  predicate('tcp', 'nominal', tcp),
  ...ports('tcp', tcp),
  numberField('tcp.flags', 12, 'tcp.flags', { prerequisite: tcp }),
  predicate('udp', 'nominal', udp),
  ...ports('udp', udp),
  predicate('sctp', 'nominal', sctp),
  ...ports('sctp', sctp),
  numberField('pkt.mark', 32, 'pkt.mark'),
  numberField('ct_state', 32, 'ct_state'),
  numberField('ct_mark', 32, 'ct_mark'),
  numberField('ct_label', 128, 'ct_label'),
  ...Object.entries(trackingBit).map(([name, bit]) =>
    partField(`ct.${name}`, ['ct_state', bit, 1], name === 'trk' ? undefined : tracked),
  ),
];

export const fields: ReadonlyMap<string, Field> = new Map(list.map((field) => [field.name, field]));

/** Packets of IPv6 that keep neighbours and routers known: no ACL ever stops them, and no connection tracks them. */
export const isDiscovery: Test = (packet) =>
  discovery(133n, 134n, 135n, 136n)(packet) || mldv1(packet) || mldv2(packet);

export const isMulticast: Test = multicast;
