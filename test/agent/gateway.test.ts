// Routes, rules, ipsets and iptables of a node, from its state.
import { describe, expect, it } from 'vitest';
import type { Settings } from '../../agent/settings.ts';
import { ipsetWant, iptablesWant } from '../../agent/netfilter.ts';
import { egressLinks, routeWant, ruleWant } from '../../agent/routing.ts';
import type { NodeState } from '../../agent/state.ts';
import { link, links, port, settings, state, subnet } from './samples.ts';

const texts = (want: ReadonlyMap<string, { text: string }> | undefined): Record<string, string> =>
  Object.fromEntries([...(want ?? [])].map(([key, { text }]) => [key, text]));

describe('routeWant', () => {
  it('leads the join network and routed subnets into OVN', () => {
    expect(texts(routeWant(state()))).toEqual({
      '100.64.0.0/16': 'dev ovn0 src 100.64.0.2',
      '10.16.0.0/16': 'via 100.64.0.1 dev ovn0 src 192.0.2.11',
    });
  });

  it('leaves out what is not routed here, and what holds the node itself', () => {
    const subnets = [
      { key: 'a', item: subnet({ cidrs: ['10.1.0.0/16'], routedByNodes: false }) },
      { key: 'b', item: subnet({ cidrs: ['192.0.2.0/24'] }) },
      { key: 'c', item: subnet({ cidrs: ['fd00::/64'] }) },
    ];
    expect(Object.keys(texts(routeWant(state({ subnets }))))).toEqual(['100.64.0.0/16']);
  });
});

describe('nothing is pruned for want of knowledge', () => {
  it.each([
    ['no plan', { complete: false }],
    ['no node item', { node: undefined }],
  ])('%s', (_, changes) => {
    const unknown = state(changes);
    expect(routeWant(unknown)).toBeUndefined();
    expect(ruleWant(unknown)).toBeUndefined();
    expect(ipsetWant(unknown)).toBeUndefined();
    expect(iptablesWant(unknown)).toBeUndefined();
  });

  it('no ovn0', () => {
    expect(routeWant(state({ links: links() }))).toBeUndefined();
  });
});

it('has no iptables rules where another plugin makes the first interface of pods', () => {
  const settingsOfMode = (mode: string): Settings => settings({ 'non-primary-cni-mode': mode });
  expect(iptablesWant(state({ settings: settingsOfMode('true') }))).toEqual(new Map());
  expect(iptablesWant(state({ settings: settingsOfMode('false') }))?.size).toBeGreaterThan(0);
  expect(() => settingsOfMode('yes')).toThrow('non-primary-cni-mode: yes is not one of false, true');
});

describe('ipsetWant', () => {
  it('has the sets of one family when there is one', () => {
    const subnets = [
      { key: 'a', item: subnet() },
      { key: 'b', item: subnet({ cidrs: ['10.17.0.0/16'], natOutgoing: false, gatewayType: 'centralized' }) },
      { key: 'c', item: subnet({ cidrs: ['10.18.0.0/16'], routedByNodes: false }) },
    ];
    expect(texts(ipsetWant(state({ subnets })))).toEqual({
      ovn40services: 'hash:net inet\n10.96.0.0/12',
      ovn40subnets: 'hash:net inet\n10.16.0.0/16\n10.17.0.0/16\n100.64.0.0/16',
      'ovn40subnets-nat': 'hash:net inet\n10.16.0.0/16',
      'ovn40subnets-distributed-gw': 'hash:net inet\n10.16.0.0/16',
      'ovn40subnets-nat-policy': 'hash:net inet',
      'ovn40local-pod-ip-nat': 'hash:ip inet',
      'ovn40other-node': 'hash:net inet\n192.0.2.12',
    });
  });

  it('has the sets of NAT rules, each of its family, where there is NAT to except from', () => {
    const natRules = [
      { id: '0123456789ab', action: 'nat', sources: ['10.17.0.4/30'], targets: [] },
      { id: '0123456789ac', action: 'forward', sources: ['fd00:17::1'], targets: ['2001:db8::/64'] },
      { id: '0123456789ad', action: 'forward', sources: [], targets: [] },
    ] as const;
    const ruled = subnet({ cidrs: ['10.17.0.0/16', 'fd00:17::/64'], natRules });
    const subnets = [
      { key: 'a', item: ruled },
      { key: 'b', item: { ...ruled, cidrs: ['10.18.0.0/16'], natOutgoing: false } },
    ];
    const found = texts(ipsetWant(state({ subnets })));
    expect(found['ovn40subnets-nat-policy']).toBe('hash:net inet\n10.17.0.0/16');
    expect(found['ovn60subnets-nat-policy']).toBe('hash:net inet6\nfd00:17::/64');
    expect(Object.fromEntries(Object.entries(found).filter(([name]) => name.includes('natpr')))).toEqual({
      'ovn40natpr-0123456789ab-src': 'hash:net inet\n10.17.0.4/30',
      'ovn60natpr-0123456789ac-src': 'hash:net inet6\nfd00:17::1',
      'ovn60natpr-0123456789ac-dst': 'hash:net inet6\n2001:db8::/64',
    });
  });

  it('has nothing of a subnet whose traffic does not leave by nodes', () => {
    const subnets = [{ key: 'a', item: subnet({ routesOnly: true }) }];
    expect(texts(ipsetWant(state({ subnets })))['ovn40subnets']).toBe('hash:net inet\n100.64.0.0/16');
    expect(texts(iptablesWant(state({ subnets })))['4/filter']).not.toContain('ovn-subnet-gateway');
    expect(texts(routeWant(state({ subnets })))).toHaveProperty('10.16.0.0/16');
  });
});

describe('iptablesWant', () => {
  const lines = (one: NodeState, table: string, chain: string): string[] =>
    (texts(iptablesWant(one))[table] ?? '')
      .split('\n')
      .filter((line) => line.startsWith(`-A ${chain} `))
      .map((line) => line.slice(chain.length + 4));
  const gatewayNodes = [
    { name: 'n1', joinAddresses: ['100.64.0.2'], egressIps: ['172.18.0.9'] },
    { name: 'n2', joinAddresses: ['100.64.0.3'], egressIps: ['172.18.0.8'] },
  ];
  const central = (changes = {}): NodeState =>
    state({ subnets: [{ key: 'a', item: subnet({ gatewayType: 'centralized', gatewayNodes, ...changes }) }] });

  it('gives what leaves by this node the address that is named for it, before NAT', () => {
    const after = lines(central(), '4/nat', 'OVN-POSTROUTING').slice(-2);
    expect(after).toEqual([
      '-s 10.16.0.0/16 -m set ! --match-set ovn40subnets dst -j SNAT --to-source 172.18.0.9 --random-fully',
      '-m set --match-set ovn40subnets-nat src -m set ! --match-set ovn40subnets dst -j OVN-MASQUERADE',
    ]);
    expect(lines(central(), '4/mangle', 'OVN-POSTROUTING')[1]).toBe(
      '-s 10.16.0.0/16 -p tcp -m set ! --match-set ovn40subnets dst -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP',
    );
  });

  it.each<[string, object]>([
    ['without NAT', { natOutgoing: false }],
    ['where another node is the gateway', { gatewayNodes: gatewayNodes.slice(1) }],
    ['of another family', { gatewayNodes: [{ ...gatewayNodes[0], egressIps: ['fd00::9'] }] }],
  ])('has no such address %s', (_, changes) => {
    expect(lines(central(changes), '4/nat', 'OVN-POSTROUTING').join()).not.toContain('172.18.0');
    expect(lines(central(changes), '4/mangle', 'OVN-POSTROUTING')).toHaveLength(1);
  });

  it('marks by the first NAT rule that matches', () => {
    const natRules = [
      { id: '0123456789ab', action: 'nat', sources: ['10.16.0.4/30'], targets: ['203.0.113.0/24'] },
      { id: '0123456789ac', action: 'forward', sources: [], targets: ['198.51.100.1'] },
    ] as const;
    const ruled = state({
      subnets: [{ key: 'a', item: subnet({ name: 'a.b', uid: '1b9f3fda-5e5c-4b7b-a5ca-c01aa0ad61b8', natRules }) }],
    });
    expect(lines(ruled, '4/nat', 'OVN-NAT-POLICY')).toEqual([
      '-s 10.16.0.0/16 -m comment --comment "natPolicySubnet-a.b" -j OVN-NAT-PSUBNET-c01aa0ad61b8',
    ]);
    expect(lines(ruled, '4/nat', 'OVN-NAT-PSUBNET-c01aa0ad61b8')).toEqual([
      '-m set --match-set ovn40natpr-0123456789ab-src src -m set --match-set ovn40natpr-0123456789ab-dst dst -j MARK --set-xmark 0x90001/0x90001',
      '-m mark --mark 0x90000/0x90000 -j RETURN',
      '-m set --match-set ovn40natpr-0123456789ac-dst dst -j MARK --set-xmark 0x90002/0x90002',
    ]);
  });

  it('follows kube-proxy in its mode ipvs', () => {
    const ipvs = state({ proxySets: new Set(['KUBE-CLUSTER-IP', 'KUBE-NODE-PORT-LOCAL-TCP']) });
    expect(lines(ipvs, '4/nat', 'OVN-PREROUTING')).toEqual([
      '-i ovn0 -m set --match-set ovn40subnets src -m set --match-set KUBE-CLUSTER-IP dst,dst -j MARK --set-xmark 0x4000/0x4000',
      '-p tcp -m addrtype --dst-type LOCAL -m set --match-set KUBE-NODE-PORT-LOCAL-TCP dst -j MARK --set-xmark 0x80000/0x80000',
      '-p tcp -m addrtype --dst-type LOCAL -m set --match-set KUBE-NODE-PORT-LOCAL-TCP dst -m set --match-set ovn40other-node src -j MARK --set-xmark 0x4000/0x4000',
    ]);
    for (const chain of ['INPUT', 'OUTPUT'])
      expect(lines(ipvs, '4/filter', chain)[0]).toBe(
        '-p tcp -m mark ! --mark 0x4000/0x4000 -m set --match-set ovn40services dst -m conntrack --ctstate NEW -j REJECT --reject-with icmp-port-unreachable',
      );
  });

  it('counts what passes, before anything accepts it', () => {
    expect(lines(state(), '4/filter', 'FORWARD').slice(0, 3)).toEqual([
      '-s 10.16.0.0/16 -m comment --comment "ovn-subnet-gateway,ovn-default"',
      '-d 10.16.0.0/16 -m comment --comment "ovn-subnet-gateway,ovn-default"',
      '-m set --match-set ovn40subnets dst -j ACCEPT',
    ]);
  });
});

describe('an external egress gateway', () => {
  const externalEgress = { gateways: ['192.0.2.254', '2001:db8::fe'], table: 1000, priority: 100 };
  const both = subnet({ cidrs: ['10.16.0.0/16', 'fd00:10:16::/64'], natOutgoing: false, externalEgress });
  const pod = port({ addresses: ['10.16.0.5/16', 'fd00:10:16::5/64'] });
  const distributed = state({ subnets: [{ key: 'a', item: both }], passed: [{ key: 'p', item: pod }] });
  const gatewayNodes = [{ name: 'n1', joinAddresses: [], egressIps: [] }];
  const central = subnet({ ...both, gatewayType: 'centralized', gatewayNodes });
  const centralized = state({ subnets: [{ key: 'a', item: central }] });
  const table = { '0.0.0.0/0 table 1000': 'via 192.0.2.254', '::/0 table 1000': 'via 2001:db8::fe' };

  it('is where the pods of this node are sent, in a distributed subnet', () => {
    expect(Object.keys(texts(ruleWant(distributed)))).toEqual([
      'from 10.16.0.5/32 lookup 1000 pref 100',
      'from fd00:10:16::5/128 lookup 1000 pref 100',
    ]);
    expect(texts(routeWant(distributed))).toMatchObject(table);
  });

  it('is where all pods are sent by gateway nodes, in a centralized subnet', () => {
    expect(Object.keys(texts(ruleWant(centralized)))).toEqual([
      'from 10.16.0.0/16 lookup 1000 pref 100',
      'from fd00:10:16::/64 lookup 1000 pref 100',
    ]);
    expect(texts(routeWant(centralized))).toMatchObject(table);
  });

  it('is nothing to other nodes', () => {
    const others = { ...central, gatewayNodes: [{ ...gatewayNodes[0]!, name: 'n2' }] };
    for (const one of [state({ subnets: [{ key: 'a', item: others }] }), { ...distributed, passed: [] }]) {
      expect(texts(ruleWant(one))).toEqual({});
      expect(Object.keys(texts(routeWant(one))).join()).not.toContain('table');
    }
  });

  it('is reached by a link that matters', () => {
    const nics = links(link('eth0', { addresses: ['192.0.2.11/24'] }), link('eth1', { addresses: ['10.0.0.1/8'] }));
    expect(egressLinks({ ...centralized, links: nics })).toEqual(['eth0']);
    expect(egressLinks(state())).toEqual([]);
  });
});
