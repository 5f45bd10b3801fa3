// An agent with gateways of every kind on a node of its own, and somebody who breaks what it has made: each piece is back
// within seconds, and nothing is done when nothing is broken.
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { TestNode, sh } from './node.ts';
import * as samples from './samples.ts';
import { buildShim } from './shim.ts';

let node: TestNode;
let shim: string;
let whole: string;

const inside = (...argv: readonly string[]): Promise<string> =>
  sh('nsenter', `--net=/run/netns/${node.netns}`, ...argv);

/** Without comments, and without the kernel's own chains, which come into being when somebody looks. */
const lines = (text: string): string[] => text.split('\n').filter((line) => !/^(#|\*|COMMIT|:(?!OVN-)|$)/.test(line));

/** All that the agent has made on the node, as the node's own programs tell it. */
async function made(): Promise<string> {
  const parts = await Promise.all([
    inside('iptables-nft-save'),
    inside('ip6tables-nft-save'),
    inside('ipset', 'save').then((text) => text.replaceAll(/ (hashsize|initval) \S+/g, '')),
    inside('ip', '-N', 'rule'),
    inside('ip', '-N', '-6', 'rule'),
    inside('ip', '-N', 'route', 'show', 'table', 'all', 'proto', '177'),
    inside('ip', '-N', '-6', 'route', 'show', 'table', 'all', 'proto', '177'),
    inside('ip', '-o', 'address', 'show', 'ovn0', 'scope', 'global').then((text) => text.replaceAll(/\\.*/g, '')),
  ]);
  // Rules have an order; sets, routes and chains have none.
  return parts
    .flatMap((part) => lines(part.replaceAll(/\[\d+:\d+\]/g, '')))
    .sort()
    .join('\n');
}

const rulesOf = (table: string): Promise<string> => inside('iptables-nft', '-t', table, '-S');

beforeAll(async () => {
  shim = await buildShim();
  node = await TestNode.create(shim);
  await node.createIntegrationBridge();
  await inside('ip', 'address', 'add', '2001:db8:2::11/64', 'dev', 'eth0', 'nodad');
  const item = samples.node();
  const join = {
    ...item.join,
    addresses: ['100.64.0.2/16', 'fd00:100:64::2/64'],
    gateways: ['100.64.0.1', 'fd00:100:64::1'],
    cidrs: ['100.64.0.0/16', 'fd00:100:64::/64'],
  };
  const gatewayNodes = [
    { name: 'n1', joinAddresses: ['100.64.0.2', 'fd00:100:64::2'], egressIps: ['192.0.2.99', '2001:db8::99'] },
  ];
  const natRules = [
    { id: '0123456789ab', action: 'forward', sources: ['10.17.0.4/30'], targets: ['203.0.113.0/24'] },
    { id: '0123456789ac', action: 'nat', sources: [], targets: ['198.51.100.9'] },
    { id: '0123456789ad', action: 'forward', sources: ['fd00:17::4/126'], targets: [] },
  ] as const;
  const externalEgress = { gateways: ['192.0.2.254', '2001:db8:2::254'], table: 1000, priority: 100 };
  const outside = samples.subnet({
    name: 'outside',
    uid: 'o',
    natOutgoing: false,
    cidrs: ['10.19.0.0/16', 'fd00:19::/64'],
    externalEgress,
  });
  await node.writePlan({
    'node/n1': samples.node({ internalIps: ['192.0.2.11'], join }),
    'peer/n2': { kind: 'peer', name: 'n2', internalIps: ['192.0.2.12'] },
    'subnet/ovn-default': samples.subnet({ cidrs: ['10.16.0.0/16', 'fd00:10:16::/64'] }),
    'subnet/ruled': samples.subnet({
      name: 'ruled',
      uid: 'u-c01aa0ad61b8',
      cidrs: ['10.17.0.0/16', 'fd00:17::/64'],
      natRules,
    }),
    'subnet/own': samples.subnet({
      name: 'own',
      uid: 'x',
      cidrs: ['10.18.0.0/16', 'fd00:18::/64'],
      gatewayType: 'centralized',
      gatewayNodes,
    }),
    'subnet/outside': outside,
    'port/ns/p/ovn': samples.port({ subnet: 'outside', addresses: ['10.19.0.5/16', 'fd00:19::5/64'] }),
  });
  await node.startAgent(['--iface=eth2']);
  for (const [option, ip] of [
    ['-4', '10.19.0.5'],
    ['-6', 'fd00:19::5'],
  ] as const)
    await eventually(async () => (await inside('ip', option, 'rule')).includes(ip), { what: `the rule of ${ip}` });
  await eventually(async () => (await inside('iptables-nft-save')).includes('ovn-subnet-gateway,own'));
  await eventually(async () => (await inside('ip', '-6', 'route')).includes('fd00:10:16::/64'));
  whole = await made();
}, 60_000);
afterAll(async () => {
  await node?.dispose();
  await rm(dirname(shim), { recursive: true });
});

describe('what is broken is whole again', () => {
  it.each<[string, string]>([
    [
      'a rule of a chain of ours',
      'iptables-nft -t nat -D OVN-POSTROUTING -m mark --mark 0x4000/0x4000 -j OVN-MASQUERADE',
    ],
    ['a foreign rule in a chain of ours', 'iptables-nft -t nat -A OVN-MASQUERADE -j ACCEPT'],
    ['all rules of a chain of ours', 'iptables-nft -t nat -F OVN-NAT-PSUBNET-c01aa0ad61b8'],
    [
      'a source address of a gateway node',
      'iptables-nft -t nat -D OVN-POSTROUTING -s 10.18.0.0/16 -m set ! --match-set ovn40subnets dst -j SNAT --to-source 192.0.2.99 --random-fully',
    ],
    ['all rules of the table nat', 'iptables-nft -t nat -F'],
    [
      'the jump to our chain',
      'iptables-nft -t nat -D PREROUTING -m comment --comment kube-ovn prerouting rules -j OVN-PREROUTING',
    ],
    ['a rule of mangle', 'iptables-nft -t mangle -F OVN-POSTROUTING'],
    ['what accepts', 'iptables-nft -D FORWARD -m set --match-set ovn40services src -j ACCEPT'],
    ['what counts', 'iptables-nft -D FORWARD -s 10.17.0.0/16 -m comment --comment ovn-subnet-gateway,ruled'],
    ['what unmarks', 'iptables-nft -F OUTPUT'],
    ['rules of IPv6', 'ip6tables-nft -t nat -F OVN-POSTROUTING'],
    ['all rules of a chain of ours in IPv6', 'ip6tables-nft -t nat -F OVN-NAT-PSUBNET-c01aa0ad61b8'],
    [
      'a source address of a gateway node in IPv6',
      'ip6tables-nft -t nat -D OVN-POSTROUTING -s fd00:18::/64 -m set ! --match-set ovn60subnets dst -j SNAT --to-source 2001:db8::99 --random-fully',
    ],
    ['all of nf_tables', 'nft flush ruleset'],
    ['an element of a set', 'ipset del ovn40subnets 10.17.0.0/16'],
    ['an element of the set of a NAT rule', 'ipset del ovn40natpr-0123456789ab-src 10.17.0.4/30'],
    ['an element of the set of a NAT rule of IPv6', 'ipset del ovn60natpr-0123456789ad-src fd00:17::4/126'],
    ['a foreign element', 'ipset add ovn60subnets-nat fd00:99::/64'],
    ['all elements of a set', 'ipset flush ovn40subnets-nat'],
    ['a rule of policy routing', 'ip rule del from 10.19.0.5 lookup 1000'],
    ['a rule of policy routing in IPv6', 'ip -6 rule del from fd00:19::5 lookup 1000'],
    ['a route of a table', 'ip route flush table 1000'],
    ['a route of a table in IPv6', 'ip -6 route flush table 1000'],
    ['the route of the join network', 'ip route del 100.64.0.0/16'],
    ['a route to a subnet', 'ip route del 10.16.0.0/16'],
    ['a route of IPv6', 'ip -6 route del fd00:10:16::/64'],
    ['the address of ovn0', 'ip address del 100.64.0.2/16 dev ovn0'],
    ['the IPv6 address of ovn0', 'ip address del fd00:100:64::2/64 dev ovn0'],
    ['ovn0 itself', 'ip link set ovn0 down'],
    ['the link to the gateway outside', 'ip link set eth0 down'],
  ])('%s', async (_, command) => {
    const argv = command.replace('kube-ovn prerouting rules', 'kube-ovn_prerouting_rules').split(' ');
    await inside(...argv.map((word) => word.replaceAll('_prerouting_rules', ' prerouting rules')));
    // A link that is set down keeps its addresses of IPv4 alone.
    if (command.endsWith('eth0 down')) {
      await inside('ip', 'link', 'set', 'eth0', 'up');
      await inside('ip', 'address', 'replace', '2001:db8:2::11/64', 'dev', 'eth0', 'nodad');
    }
    const isWhole = async (): Promise<boolean> => (await made()) === whole;
    await eventually(isWhole, { within: 5000 }).catch(() => undefined);
    expect(await made()).toBe(whole);
  });

  it('when kube-proxy comes first', async () => {
    await inside('iptables-nft', '-t', 'nat', '-N', 'KUBE-SERVICES');
    await inside('iptables-nft', '-t', 'nat', '-I', 'PREROUTING', '-j', 'KUBE-SERVICES');
    const first = /-A PREROUTING .*OVN-PREROUTING\n-A PREROUTING -j KUBE-SERVICES/;
    await eventually(async () => first.test(await rulesOf('nat')), { within: 5000 }).catch(() => undefined);
    expect(await rulesOf('nat')).toMatch(first);
    await inside('iptables-nft', '-t', 'nat', '-D', 'PREROUTING', '-j', 'KUBE-SERVICES');
    await inside('iptables-nft', '-t', 'nat', '-X', 'KUBE-SERVICES');
  });

  it('and what counts goes on counting where another rule is mended', async () => {
    const rules = (await inside('iptables-nft', '-S', 'FORWARD')).split('\n');
    const place = String(rules.findIndex((rule) => rule.startsWith('-A FORWARD -s 10.16.0.0/16')));
    const counter = ['-s', '10.16.0.0/16', '-m', 'comment', '--comment', 'ovn-subnet-gateway,ovn-default'];
    await inside('iptables-nft', '-R', 'FORWARD', place, ...counter, '-c', '7', '588');
    const counted = async (): Promise<boolean> =>
      (await inside('iptables-nft-save', '-c', '-t', 'filter')).includes('[7:588] -A FORWARD');
    expect(await counted()).toBe(true);
    await inside('iptables-nft', '-D', 'FORWARD', '-m', 'set', '--match-set', 'ovn40subnets', 'src', '-j', 'ACCEPT');
    await eventually(async () =>
      (await inside('iptables-nft', '-S', 'FORWARD')).includes('ovn40subnets src -j ACCEPT'),
    );
    expect(await counted()).toBe(true);
    const metrics = await inside('curl', '-s', 'http://127.0.0.1:10665/metrics');
    expect(metrics).toMatch(
      /ovn_subnet_gateway_packets\{hostname="n1",subnet_name="\S+",cidr="\S+",direction="egress",protocol="IPv4"\} 7/,
    );
  });
});
