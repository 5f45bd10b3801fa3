import { describe, expect, it } from 'vitest';
import * as desired from '../../agent/desired.ts';
import type { NodeState } from '../../agent/state.ts';
import { link, links, node, settings, state } from './samples.ts';

const texts = (want: ReadonlyMap<string, { text: string }> | undefined): Record<string, string> =>
  Object.fromEntries([...(want ?? [])].map(([key, { text }]) => [key, text]));

describe('defaultMtu', () => {
  const six = link('eth0', { addresses: ['2001:db8::11/64'] });
  it.each([
    ['geneve', {}, 1500, 1400],
    ['vxlan', { 'network-type': 'vxlan' }, 1500, 1450],
    ['stt', { 'network-type': 'stt' }, 9000, 8928],
    ['a setting', { mtu: '1300' }, 1500, 1300],
  ])('%s', (_, flags, mtu, expected) => {
    const nic = link('eth0', { mtu, addresses: ['192.0.2.11/24'] });
    expect(desired.defaultMtu(state({ settings: settings(flags), links: links(nic) }))).toBe(expected);
  });

  it('is 20 less over IPv6, and unknown without the interface', () => {
    const item = node({ internalIps: ['2001:db8::11'] });
    expect(desired.defaultMtu(state({ node: { key: 'n', item }, links: links(six) }))).toBe(1380);
    expect(desired.defaultMtu(state({ links: links() }))).toBeUndefined();
  });
});

describe('tunnelLink', () => {
  const found = (iface: string): string | undefined =>
    desired.tunnelLink(
      state({
        settings: settings({ iface }),
        links: links(link('br-phy'), link('eth0', { addresses: ['192.0.2.11/24'] }), link('eth10'), link('eth1')),
      }),
    )?.name;
  it.each([
    ['eth1', 'eth1'],
    ['bond0,eth1', 'eth1'],
    ['eth1[0-9]', 'eth10'],
    ['.*phy', undefined],
    ['', 'eth0'],
    ['none', undefined],
  ])('%s: %s', (iface, name) => {
    expect(found(iface)).toBe(name);
  });
});

describe('the tunnel interface and br-phy', () => {
  const netdev = settings({ iface: 'eth2', 'datapath-type': 'netdev' });
  const eth2 = (...addresses: string[]): ReturnType<typeof link> => link('eth2', { addresses });
  const phy = (...addresses: string[]): ReturnType<typeof link> => link('br-phy', { addresses });
  it.each([
    ['before', [], links(eth2('198.51.100.1/24')), ['198.51.100.1/24']],
    ['recorded, not moved', ['198.51.100.1/24'], links(eth2('198.51.100.1/24'), phy()), ['198.51.100.1/24']],
    ['moved', ['198.51.100.1/24'], links(eth2(), phy('198.51.100.1/24')), ['198.51.100.1/24']],
    ['killed between', ['198.51.100.1/24'], links(eth2(), phy()), ['198.51.100.1/24']],
    [
      'half moved',
      ['198.51.100.1/24', '2001:db8::1/64'],
      links(eth2('2001:db8::1/64'), phy('198.51.100.1/24')),
      ['198.51.100.1/24', '2001:db8::1/64'],
    ],
    [
      'given another of the same network',
      ['198.51.100.1/24', '2001:db8::1/64'],
      links(eth2('2001:db8::9/64'), phy('198.51.100.1/24', '2001:db8::1/64')),
      ['198.51.100.1/24', '2001:db8::9/64'],
    ],
    [
      'given one more, of another network',
      ['198.51.100.1/24'],
      links(eth2('203.0.113.1/24'), phy('198.51.100.1/24')),
      ['198.51.100.1/24', '203.0.113.1/24'],
    ],
    ['booted with another address', ['198.51.100.1/24'], links(eth2('198.51.100.9/24'), phy()), ['198.51.100.9/24']],
  ])('%s', (_, taken, present, expected) => {
    expect(desired.takenAddresses(state({ settings: netdev, links: present, taken }))).toEqual(expected);
  });

  it('takes no address away before there is a bridge with the record', () => {
    const takes = (one: NodeState): boolean => desired.linkWant(one).has('eth2 without 198.51.100.1/24');
    const before = state({ settings: netdev, links: links(eth2('198.51.100.1/24')) });
    expect(takes(before)).toBe(false);
    expect(takes({ ...before, links: links(eth2('198.51.100.1/24'), phy()) })).toBe(false);
    const after = { ...before, links: links(eth2('198.51.100.1/24'), phy()), taken: ['198.51.100.1/24'] };
    expect(takes(after)).toBe(true);
    expect(takes({ ...after, nicBusy: true })).toBe(false);
  });

  it('puts an address in the place of another step by step: the old one is off br-phy before its record goes', () => {
    const [old, next] = ['198.51.100.1/24', '198.51.100.9/24'];
    const recorded = (one: NodeState): string | undefined =>
      /kubeloom-addresses[^}]*/.exec(desired.ovsWant(one).get('bridge br-phy')?.text ?? '')?.[0];
    const addresses = (one: NodeState): string[] =>
      [...desired.linkWant(one).keys()].filter((key) => /address|without/.test(key));
    const given = state({ settings: netdev, links: links(eth2(next), phy(old)), taken: [old] });
    expect(addresses(given)).toEqual([`br-phy without ${old}`, `eth2 without ${old}`]);
    expect(recorded(given)).toContain(old);
    expect(texts(desired.ovsWant(given))['external_ids ovn-encap-ip']).toBe('198.51.100.9');
    const off = { ...given, links: links(eth2(next), phy()) };
    expect(addresses(off)).toEqual(addresses(given));
    expect(recorded(off)).toContain(next);
    expect(recorded(off)).not.toContain(old);
    expect(addresses({ ...off, taken: [next] })).toEqual([`br-phy address ${next}`, `eth2 without ${next}`]);
  });

  it('leaves an interface alone that the node needs', () => {
    const want = desired.ovsWant(state({ settings: netdev, links: links(eth2('198.51.100.1/24')), nicBusy: true }));
    expect([...want.keys()].filter((key) => key.includes('br-phy'))).toEqual([]);
  });
});

describe('ovsWant', () => {
  it('has what ovn-controller reads, and ovn0', () => {
    expect(texts(desired.ovsWant(state()))).toEqual({
      'external_ids hostname': 'n1',
      'external_ids ovn-encap-type': 'geneve',
      'external_ids ovn-encap-ip': '192.0.2.11',
      'external_ids ovn-encap-ip-default': '192.0.2.11',
      'external_ids ovn-remote': 'tcp:192.0.2.11:6642',
      'external_ids ovn-remote-probe-interval': '10000',
      'external_ids ovn-openflow-probe-interval': '180',
      'port br-int ovn0':
        '{"type":"internal","mac":"00:00:00:00:00:11","mtu":1400,"ids":{"iface-id":"node-n1","ip":"100.64.0.2"}}',
    });
  });

  it('names no remote and no port before the plan does', () => {
    const keys = [...desired.ovsWant(state({ node: undefined, complete: false })).keys()];
    expect(keys).not.toContain('external_ids ovn-remote');
    expect(keys).not.toContain('port br-int ovn0');
    expect(keys).toContain('external_ids ovn-encap-ip');
  });
});

describe('linkWant', () => {
  it('says nothing of ovn0, least of all that its addresses should go, while it is not known to be there', () => {
    expect(texts(desired.linkWant(state({ links: links() })))).toEqual({});
    expect(texts(desired.linkWant(state()))).toEqual({
      'ovn0 up': 'true',
      'ovn0 txqueuelen': '1000',
      'ovn0 address 100.64.0.2/16': 'present',
      'ovn0 exclusive': 'true',
    });
  });
});
