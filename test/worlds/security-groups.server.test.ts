// SecurityGroups in a real ovn-northd: which packets between pods of one switch arrive.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Change } from '../expand.ts';
import { installations, startOvn } from '../ovn-central.ts';
import type { OvnCentral } from '../ovn-central.ts';
import { enter, pod, put, rowsOf } from './northd.ts';

/** Number of each pod: its addresses end with it, and its MAC. */
const numbers = { plain: 2, web: 3, web2: 4, db: 5, shut: 6, bare: 7, passed: 8, tier1: 9, both: 10, np: 11 } as const;
type Name = keyof typeof numbers;

const groups: Partial<Record<Name, string>> = {
  web: 'web',
  web2: 'web',
  db: 'db',
  shut: 'shut',
  bare: 'missing',
  passed: 'passing,second',
  tier1: 'second',
  both: 'db',
};

const hex = (name: Name): string => numbers[name].toString(16).padStart(2, '0');
const macOf = (name: Name): string => `02:00:00:00:00:${hex(name)}`;
const v4 = (name: Name): string => `10.16.0.${numbers[name]}`;
const v6 = (name: Name): string => `fd00:10:16::${numbers[name].toString(16)}`;

const pods: Change[] = (Object.keys(numbers) as Name[]).flatMap((name) =>
  pod(
    name,
    { node: 'n1', subnet: 'ovn-default', ip: `${v4(name)},${v6(name)}`, mac: macOf(name) },
    groups[name] === undefined ? {} : { 'ovn.kubernetes.io/security_groups': groups[name] },
  ).map((change) => (change.kind === 'Pod' ? labelled(change, name) : change)),
);

/** NetworkPolicies select these pods. */
function labelled(change: Change, name: Name): Change {
  const { metadata } = change.object as { metadata: { annotations: Readonly<Record<string, string>> } };
  return put('Pod', change.key, { node: 'n1', annotations: metadata.annotations, labels: { pod: name } });
}

const rule = (fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> => ({
  ipVersion: 'ipv4',
  policy: 'allow',
  priority: 10,
  protocol: 'all',
  remoteType: 'address',
  remoteAddress: '0.0.0.0/0',
  ...fields,
});
const tcp80 = { protocol: 'tcp', portRangeMin: 80, portRangeMax: 80 };
const fromGroup = (remoteSecurityGroup: string): Readonly<Record<string, unknown>> => ({
  remoteType: 'securityGroup',
  remoteSecurityGroup,
});

const cluster: readonly Change[] = [
  put('Vpc', 'ovn-cluster', {}),
  put('Subnet', 'ovn-default', {
    cidrBlock: '10.16.0.0/16,fd00:10:16::/64',
    default: true,
    enableDHCP: true,
    // Nobody is in any of these, and the rule is to be one all the same.
    acls: [
      {
        direction: 'to-lport',
        priority: 30_000,
        match: 'ip4.src == {$pool, $ovn.sg.late.associated.v4} && ip4.dst != $ovn.sg.late_ip4',
        action: 'drop',
      },
    ],
  }),
  put('Subnet', 'join', { cidrBlock: '100.64.0.0/16' }),
  put('Namespace', 'a', {}),
  put('Node', 'n1', { ip: '172.18.0.2' }),
  put('IP', 'node-n1', { for: 'n1', subnet: 'join', ip: '100.64.0.2', mac: '02:00:00:00:01:01' }),
  put('SecurityGroup', 'web', {
    allowSameGroupTraffic: true,
    ingressRules: [rule(tcp80), rule({ ...tcp80, policy: 'drop', priority: 9, remoteAddress: v4('np') })],
    egressRules: [rule(fromGroup('db'))],
  }),
  put('SecurityGroup', 'db', {
    ingressRules: [rule(fromGroup('web')), rule({ ...fromGroup('nobody'), priority: 11 })],
    egressRules: [rule({})],
  }),
  put('SecurityGroup', 'shut', {}),
  put('SecurityGroup', 'passing', {
    ingressRules: [rule({ policy: 'pass', ...tcp80 }), rule({ policy: 'pass', protocol: 'icmp' })],
    egressRules: [rule({})],
  }),
  put('SecurityGroup', 'second', { tier: 1, ingressRules: [rule(tcp80)], egressRules: [rule({})] }),
  ...(['both', 'np'] as const).map((name) =>
    put('NetworkPolicy', `a/${name}`, {
      podSelector: { matchLabels: { pod: name } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [{ from: [{ ipBlock: { cidr: `${v4('plain')}/32` } }] }],
      egress: [{ to: [{ ipBlock: { cidr: `${v4('plain')}/32` } }] }],
    }),
  ),
  ...pods,
];

type Kind = 'tcp80' | 'tcp81' | 'icmp';
const kinds: Readonly<Record<Kind, string>> = {
  tcp80: 'tcp.src == 40000 && tcp.dst == 80',
  tcp81: 'tcp.src == 40000 && tcp.dst == 81',
  icmp: 'icmp4.type == 8',
};

const packet = (from: Name, to: Name, what: string, source = v4(from)): string =>
  [
    `inport == "${from}.a" && eth.src == ${macOf(from)} && eth.dst == ${macOf(to)}`,
    `ip4.src == ${source} && ip4.dst == ${v4(to)} && ip.ttl == 64 && ${what}`,
  ].join(' && ');

describe.each(installations())('OVN $name', (installation) => {
  let ovn: OvnCentral;

  beforeAll(async () => {
    ovn = await startOvn(installation);
    await ovn.chassis('first', 'n1');
    await enter(ovn, rowsOf(cluster));
  });
  afterAll(() => ovn.stop());

  const arrives = async (to: Name, text: string, tracked = 'new'): Promise<boolean> =>
    (await ovn.trace('ovn-default', text, tracked)).includes(`output("${to}.a")`);

  it.each<[what: string, from: Name, to: Name, kind: Kind, passes: boolean]>([
    ['a rule allows', 'plain', 'web', 'tcp80', true],
    ['no rule does: another port', 'plain', 'web', 'tcp81', false],
    ['no rule does: another protocol', 'plain', 'web', 'icmp', false],
    ['a stronger rule drops', 'np', 'web', 'tcp80', false],
    ['of the same group', 'web', 'web2', 'icmp', true],
    ['a rule allows the other group', 'web', 'db', 'tcp81', true],
    ['nobody else', 'plain', 'db', 'tcp81', false],
    ['the sender may not', 'web', 'plain', 'tcp80', false],
    ['the sender may', 'db', 'plain', 'tcp80', true],
    ['the sender may, the receiver lets nobody in', 'db', 'shut', 'tcp80', false],
    ['a group without rules: in', 'plain', 'shut', 'icmp', false],
    ['and out', 'shut', 'plain', 'icmp', false],
    ['a group that does not exist isolates nobody: in', 'plain', 'bare', 'icmp', true],
    ['and out', 'bare', 'plain', 'icmp', true],
    ['nobody is in any', 'plain', 'bare', 'tcp80', true],
    ['a rule of a group beats a policy that isolates: in', 'web', 'both', 'tcp80', true],
    ['the same policy without a group: in', 'web', 'np', 'tcp80', false],
    ['a rule of a group beats a policy that isolates: out', 'both', 'bare', 'tcp80', true],
    ['the same policy without a group: out', 'np', 'bare', 'tcp80', false],
    ['what a policy allows: out', 'np', 'plain', 'tcp80', true],
    ['what a policy allows: in', 'plain', 'np', 'tcp80', true],
    ['a policy allows what no rule of a group does', 'plain', 'both', 'tcp80', false],
  ])('%s: %s to %s, %s: %s', async (_, ...[from, to, kind, passes]) => {
    expect(await arrives(to, packet(from, to, kinds[kind]))).toBe(passes);
  });

  // The images' OVN has tiers; one without them judges all rules together, and drops what is to be passed on.
  describe.runIf(installation.root !== '')('in two tiers', () => {
    it.each<[what: string, from: Name, to: Name, kind: Kind, passes: boolean]>([
      ['passed on, and allowed there', 'plain', 'passed', 'tcp80', true],
      ['passed on, and not allowed there', 'plain', 'passed', 'icmp', false],
      ['not passed on, and so not asked', 'plain', 'passed', 'tcp81', false],
      ['the second is asked for what the first passes on alone', 'plain', 'tier1', 'tcp80', false],
    ])('%s: %s to %s, %s: %s', async (_, ...[from, to, kind, passes]) => {
      expect(await arrives(to, packet(from, to, kinds[kind]))).toBe(passes);
    });
  });

  it('lets replies through that no rule allows, in both directions', async () => {
    const reply = 'tcp.src == 80 && tcp.dst == 40000';
    expect(await arrives('plain', packet('web', 'plain', reply), 'est,rpl')).toBe(true);
    expect(await arrives('db', packet('plain', 'db', reply), 'est,rpl')).toBe(true);
    expect(await arrives('plain', packet('web', 'plain', reply), 'new')).toBe(false);
  });

  it('asks and answers for addresses', async () => {
    const arp = [
      `inport == "shut.a" && eth.src == ${macOf('shut')} && eth.dst == ff:ff:ff:ff:ff:ff`,
      `arp.op == 1 && arp.sha == ${macOf('shut')} && arp.spa == ${v4('shut')} && arp.tpa == 10.16.0.1`,
    ].join(' && ');
    expect(await ovn.trace('ovn-default', arp, 'new')).toContain('output("shut.a")');
    // Nobody has the address, so everybody on the switch is asked.
    const solicit = [
      `inport == "shut.a" && eth.src == ${macOf('shut')} && eth.dst == 33:33:ff:00:00:99`,
      `ip6.src == ${v6('shut')} && ip6.dst == ff02::1:ff00:99 && ip.ttl == 255`,
      `icmp6.type == 135 && icmp6.code == 0 && nd.target == fd00:10:16::99 && nd.sll == ${macOf('shut')}`,
    ].join(' && ');
    const asked = await ovn.trace('ovn-default', solicit, 'new');
    for (const name of ['web', 'db', 'plain']) expect(asked).toContain(`output("${name}.a")`);
    const echo = [
      `inport == "shut.a" && eth.src == ${macOf('shut')} && eth.dst == ${macOf('plain')}`,
      `ip6.src == ${v6('shut')} && ip6.dst == ${v6('plain')} && ip.ttl == 64 && icmp6.type == 128`,
    ].join(' && ');
    expect(await ovn.trace('ovn-default', echo, 'new')).not.toContain('output(');
  });

  it('is answered by DHCP', async () => {
    const discover = [
      `inport == "shut.a" && eth.src == ${macOf('shut')} && eth.dst == ff:ff:ff:ff:ff:ff`,
      'ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255 && ip.ttl == 64 && udp.src == 68 && udp.dst == 67',
    ].join(' && ');
    expect(await ovn.trace('ovn-default', discover, 'new')).toContain('output("shut.a")');
  });

  it.each([
    ['any in a group', 'db', false],
    ['nobody outside of one either', 'plain', false],
  ] as const)('takes nobody for the pod itself behind a Service: %s', async (_, from, passes) => {
    expect(await arrives('shut', packet(from, 'shut', kinds.tcp80, '169.254.0.5'))).toBe(passes);
  });

  it('reads all that it says', async () => {
    expect(await ovn.misread('ovn-default', packet('plain', 'web', kinds.tcp80))).toBe('');
    expect(await ovn.complaints()).toEqual([]);
  });
});
