// OVN's match language as `why` reads it. What OVN itself refuses is asked of ovn-trace in agreement.server.test.ts.
import { describe, expect, it } from 'vitest';
import { ConstantSet } from '../../../cli/why/constant-set.ts';
import { parseMatch, type Names } from '../../../cli/why/expression.ts';
import { MatchError } from '../../../cli/why/match-error.ts';
import { changed, packetOf, type Packet, type Protocol } from '../../../cli/why/packet.ts';
import { elementOf } from '../../../cli/why/token.ts';
import { parseIp } from '../../../lib/net/index.ts';

const setOf = (...addresses: string[]): ConstantSet =>
  new ConstantSet(addresses.map(elementOf).filter((constant) => constant !== undefined));

const names: Names = {
  addressSet: (name) =>
    ({ four: setOf('10.0.0.1', '10.1.0.0/16'), none: setOf(), six: setOf('fd00::/64'), odd: setOf('x', '10.0.0.1') })[
      name
    ],
  portGroup: (name) => ({ web: new Set(['a', 'b']) })[name],
};

function packet(source: string, destination: string, protocol: Protocol, port: number): Packet {
  const ips = [parseIp(source)!, parseIp(destination)!] as const;
  const header = { source: ips[0], destination: ips[1], protocol, sourcePort: 4000, port, type: 8 };
  return { ...packetOf(header, 'a', { source: 0x020000000001n, destination: 0x020000000002n }), outport: 'b' };
}

const web = packet('10.0.0.1', '10.1.2.3', 'tcp', 80);
const six = packet('fd00::1', 'fd00::2', 'udp', 53);
const ping = packet('10.0.0.1', '10.1.2.3', 'icmp', 0);

const holds = (match: string, of: Packet): boolean => parseMatch(match, names)(of);

describe('a match', () => {
  it.each<[string, Packet, boolean]>([
    ['1', web, true],
    ['0', web, false],
    ['ip', web, true],
    ['ip4', six, false],
    ['ip6 && udp', six, true],
    ['tcp.dst == 80', web, true],
    ['tcp.dst == 80', packet('10.0.0.1', '10.1.2.3', 'udp', 80), false],
    ['80 == tcp.dst', web, true],
    ['tcp.dst == {79, 80, 81}', web, true],
    ['tcp.dst == {79 81}', web, false],
    ['80 <= tcp.dst <= 90', web, true],
    ['90 >= tcp.dst > 80', web, false],
    ['80 < tcp.dst < 90', web, false],
    ['tcp.dst[4..7] == 5', web, true],
    ['tcp.dst[4]', web, true],
    ['!tcp.dst[4]', web, false],
    ['tcp.dst == 0x50', web, true],
    ['tcp.dst == 0x50/0xf0', web, true],
    ['tcp.dst == 0/0x1', web, true],
    ['ip4.src == 10.0.0.0/8', web, true],
    ['ip4.src == 10.0.0.0/255.0.0.0', web, true],
    ['ip4.src != 10.0.0.0/8', web, false],
    ['ip4.src == $four && ip4.dst == $four', web, true],
    ['ip4.dst == {10.9.9.9, $four}', web, true],
    ['ip4.src != $four', packet('10.0.0.2', '10.1.2.3', 'tcp', 80), true],
    ['ip4.src != $four', packet('10.1.0.2', '10.1.2.3', 'tcp', 80), false],
    ['ip4.src == $odd', web, true],
    ['ip6.src == $six', six, true],
    ['inport == "a"', web, true],
    ['inport == @web && outport == "b"', web, true],
    ['outport == {"c", @web}', web, true],
    ['eth.src == 02:00:00:00:00:01', web, true],
    ['eth.src[40..47] == 2', web, true],
    ['eth.mcast', web, false],
    ['ip.proto == 6', web, true],
    ['ip.ttl == 64', web, true],
    ['icmp4.type == 8', ping, true],
    ['icmp && icmp4.code == 0', ping, true],
    ['icmp6.type == 8', ping, false],
    ['nd', changed(six, { 'ip.proto': 58n, 'icmp.type': 135n, 'ip.ttl': 255n }), true],
    ['nd_ns || nd_na', changed(six, { 'ip.proto': 58n, 'icmp.type': 133n, 'ip.ttl': 255n }), false],
    ['arp', web, false],
    ['// the web\nip4 /* and */ && tcp', web, true],
    ['(ip4 && (tcp || udp))', web, true],
    ['!(tcp.dst == 80 || tcp.dst == 81)', web, false],
    ['!(tcp.dst == 79)', web, true],
    ['!(ip4.src == 10.0.0.9 && tcp.dst == 80)', web, true],
  ])('%s', (match, of, expected) => {
    expect(holds(match, of)).toBe(expected);
  });

  it('wants the prerequisites of a field whatever the comparison, also a negated one', () => {
    expect(holds('tcp.dst != 80', six)).toBe(false);
    expect(holds('!(tcp.dst == 80)', six)).toBe(false);
    expect(holds('ip4.src != 10.0.0.1', six)).toBe(false);
  });

  it('compares with an empty set without any prerequisite', () => {
    expect(holds('ip4.src != $none', six)).toBe(true);
    expect(holds('ip4.src == $none', web)).toBe(false);
  });

  it.each([
    ['', 'syntax error at the end'],
    ['ip4 && tcp || udp', 'must be parenthesized'],
    ['!ip4', 'only be tested positively'],
    ['tcp == 0', 'only be tested positively'],
    ['!(tcp.dst == 80 && udp)', 'only be tested positively'],
    ['inport != "a"', 'only be tested for equality'],
    ['ip.proto != 6', 'only be tested for equality'],
    ['ip.ttl > 1', 'only == and !='],
    ['icmp4.type[0] == 1', 'has no subfields'],
    ['tcp.dst < {1, 2}', 'only == and !='],
    ['ip4.src < 10.0.0.0/8', 'only == and !='],
    ['ip4.src == fd00::1', '32 bits'],
    ['ip4.src == $six', '32 bits'],
    ['ip4.src == $gone', 'no address set $gone'],
    ['inport == @gone', '@gone has no port'],
    ['inport == 1', 'compared with numbers'],
    ['tcp.dst == "80"', 'compared with texts'],
    ['tcp.dst == {80, "81"}', 'not both'],
    ['tcp.dst == 65536', '16 bits'],
    ['tcp.dst', 'more than one bit'],
    ['tcp.dst = 80', 'syntax error'],
    ['ip4.src == 10.0.0.256', 'not a number'],
    ['ip4.src == 10.0.0.0/33', 'different formats'],
    ['tcp.dst == 080', 'leading zeros'],
    ['!tcp.dst == 80', 'missing parentheses'],
    ['1 < tcp.dst > 2', 'a range'],
    ['tcp.dst == {}', 'expecting a constant'],
    ['no.such == 1', 'a field name'],
    ['ip4.src[0..32] == 1', 'no bits 0 to 32'],
    ['inport == "a', 'syntax error'],
    ['ip4) || (ip6', 'expecting the end'],
  ])('is refused: %s', (match, why) => {
    expect(() => parseMatch(match, names)).toThrow(MatchError);
    expect(() => parseMatch(match, names)).toThrow(why);
  });

  it('nests no deeper than OVN takes it', () => {
    const nested = (depth: number): string => `${'('.repeat(depth)}ip4${')'.repeat(depth)}`;
    expect(holds(nested(100), web)).toBe(true);
    expect(() => parseMatch(nested(101), names)).toThrow('too deeply');
  });
});
