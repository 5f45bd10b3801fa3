// Policies of administrators through what a real ovn-northd makes of their rows: tiers, the order of rules, peers that are
// no pods, Services, and that kubelets reach their pods whatever is denied.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Change } from '../expand.ts';
import { installations, startOvn } from '../ovn-central.ts';
import type { OvnCentral } from '../ovn-central.ts';
import { enter, put, rowsOf } from './northd.ts';

const mac = (last: string): string => `02:00:00:00:00:0${last}`;

/** Pod `<name>` of namespace `a` or `b`, 10.16.0.<last>. */
const pod = (key: string, last: string, node = 'n1'): Change[] => {
  const [namespace = '', name = ''] = key.split('/');
  return [
    put('Pod', key, { node, labels: { app: name } }),
    put('IP', `${name}.${namespace}`, { for: key, subnet: 'ovn-default', ip: `10.16.0.${last}`, mac: mac(last) }),
  ];
};

const base: readonly Change[] = [
  put('Vpc', 'ovn-cluster', {}),
  put('Subnet', 'ovn-default', { cidrBlock: '10.16.0.0/16', default: true }),
  put('Subnet', 'join', { cidrBlock: '100.64.0.0/16' }),
  put('Namespace', 'a', { labels: { 'kubernetes.io/metadata.name': 'a' } }),
  put('Namespace', 'b', { labels: { 'kubernetes.io/metadata.name': 'b' } }),
  put('Node', 'n1', { ip: '172.18.0.2', labels: { role: 'edge' } }),
  put('IP', 'node-n1', { for: 'n1', subnet: 'join', ip: '100.64.0.2', mac: '02:00:00:00:01:01' }),
  ...pod('a/web', '2'),
  ...pod('a/api', '3'),
  ...pod('b/one', '4'),
  ...pod('b/two', '5'),
];

const inNamespace = (name: string) => ({ namespaces: { matchLabels: { 'kubernetes.io/metadata.name': name } } });
const app = (name: string) => ({ pods: { podSelector: { matchLabels: { app: name } } } });
const tcp = (number: number) => [{ tcp: { destinationPort: { number } } }];
const cnp = (name: string, tier: string, priority: number, rules: object): Change =>
  put('ClusterNetworkPolicy', name, { tier, priority, ...rules });

const openToAll = put('NetworkPolicy', 'a/np', {
  podSelector: {},
  ingress: [{}],
  egress: [{}],
  policyTypes: ['Ingress', 'Egress'],
});
const closed = put('NetworkPolicy', 'a/np', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] });

const web = { subject: app('web') };
const denyFromB = { action: 'Deny', from: [inNamespace('b')] };

/** From a pod, or from a node to a pod, to an address and TCP port; whether it arrives there. */
type Probe = readonly [from: string, to: string, port: number, arrives: boolean];
const node = '172.18.0.2';

const cases: readonly (readonly [string, readonly Change[], readonly Probe[]])[] = [
  [
    'an administrator denies what a NetworkPolicy allows',
    [openToAll, cnp('p', 'Admin', 1, { ...web, ingress: [denyFromB] })],
    [
      ['b/one', 'a/web', 80, false],
      ['b/one', 'a/api', 80, true],
      ['a/api', 'a/web', 80, true],
      [node, 'a/web', 80, true],
    ],
  ],
  [
    'and accepts what one denies',
    [closed, cnp('p', 'Admin', 1, { ...web, ingress: [{ action: 'Accept', from: [app('one')], protocols: tcp(80) }] })],
    [
      ['b/one', 'a/web', 80, true],
      ['b/one', 'a/web', 81, false],
      ['b/two', 'a/web', 80, false],
      [node, 'a/web', 81, true],
    ],
  ],
  [
    'Pass hands on to the NetworkPolicy, over all that the tier says after it',
    [
      openToAll,
      cnp('p', 'Admin', 1, { ...web, ingress: [{ action: 'Pass', from: [app('one')] }, denyFromB] }),
      cnp('baseline', 'Baseline', 1, { ...web, ingress: [denyFromB] }),
    ],
    [
      ['b/one', 'a/web', 80, true],
      ['b/two', 'a/web', 80, false],
    ],
  ],
  [
    'and where there is none, to tier Baseline',
    [
      cnp('p', 'Admin', 1, { ...web, ingress: [{ action: 'Pass', from: [inNamespace('b')] }] }),
      cnp('baseline', 'Baseline', 1, { ...web, ingress: [{ action: 'Deny', from: [app('one')] }] }),
    ],
    [
      ['b/one', 'a/web', 80, false],
      ['b/two', 'a/web', 80, true],
    ],
  ],
  [
    'tier Baseline has no say where a NetworkPolicy selects the pod',
    [
      closed,
      put('BaselineAdminNetworkPolicy', 'default', {
        subject: { namespaces: {} },
        ingress: [
          { action: 'Allow', from: [app('one')] },
          { action: 'Deny', from: [{ namespaces: {} }] },
        ],
      }),
    ],
    [
      ['b/one', 'a/web', 80, false],
      ['b/one', 'b/two', 80, true],
      ['a/web', 'b/two', 80, false],
    ],
  ],
  [
    'lower priorities go first, and then the order of rules',
    [
      cnp('late', 'Admin', 9, { ...web, ingress: [denyFromB] }),
      cnp('early', 'Admin', 8, {
        ...web,
        ingress: [
          { action: 'Accept', from: [app('one')], protocols: tcp(80) },
          {
            action: 'Deny',
            from: [app('one')],
            protocols: [{ tcp: { destinationPort: { range: { start: 79, end: 81 } } } }],
          },
          { action: 'Accept', from: [app('one')] },
        ],
      }),
    ],
    [
      ['b/one', 'a/web', 79, false],
      ['b/one', 'a/web', 80, true],
      ['b/one', 'a/web', 82, true],
      ['b/two', 'a/web', 80, false],
    ],
  ],
  [
    'AdminNetworkPolicies likewise',
    [
      put('AdminNetworkPolicy', 'late', { priority: 9, ...web, ingress: [denyFromB] }),
      put('AdminNetworkPolicy', 'early', {
        priority: 8,
        ...web,
        ingress: [{ action: 'Allow', from: [app('one')], ports: [{ portNumber: { protocol: 'TCP', port: 80 } }] }],
      }),
    ],
    [
      ['b/one', 'a/web', 80, true],
      ['b/one', 'a/web', 81, false],
      ['b/two', 'a/web', 80, false],
    ],
  ],
  [
    'nodes and networks as peers, also the own node',
    [
      cnp('p', 'Admin', 1, {
        ...web,
        egress: [
          { action: 'Accept', to: [{ nodes: { matchLabels: { role: 'edge' } } }], protocols: tcp(6443) },
          { action: 'Deny', to: [{ nodes: {} }, { networks: ['10.16.0.4/31', '198.51.100.0/24'] }] },
        ],
      }),
    ],
    [
      ['a/web', node, 6443, true],
      ['a/web', node, 22, false],
      ['a/web', '198.51.100.7', 443, false],
      ['a/web', '203.0.113.7', 443, true],
      ['a/web', 'b/one', 80, false],
      ['a/web', 'a/api', 80, true],
      [node, 'a/web', 80, true],
    ],
  ],
  [
    'tier Baseline judges the way to the own node, unless a NetworkPolicy isolates the pod',
    [
      put('NetworkPolicy', 'a/np', { podSelector: { matchLabels: { app: 'api' } }, policyTypes: ['Egress'] }),
      cnp('p', 'Baseline', 1, { subject: inNamespace('a'), egress: [{ action: 'Deny', to: [{ nodes: {} }] }] }),
    ],
    [
      ['a/web', node, 22, false],
      ['a/api', node, 22, true],
      ['b/one', node, 22, true],
      [node, 'a/web', 80, true],
    ],
  ],
  [
    'a rule that nobody understands denies, and kubelets probe all the same',
    [cnp('p', 'Admin', 1, { ...web, ingress: [{ action: 'Pass', from: [{ planets: {} }] }] })],
    [
      ['a/api', 'a/web', 80, false],
      [node, 'a/web', 80, true],
    ],
  ],
];

describe.each(installations().filter(({ root }) => root !== ''))('OVN $name', (installation) => {
  it.each(cases)('%s', async (_, changes, probes) => {
    const wanted = rowsOf([...base, ...changes]);
    const ovn = await startOvn(installation);
    try {
      await ovn.chassis('first', 'n1');
      await enter(ovn, wanted);
      const found: Probe[] = [];
      for (const probe of probes) found.push([probe[0], probe[1], probe[2], await arrives(ovn, wanted.macOf, probe)]);
      expect(found).toEqual(probes);
      expect(await ovn.complaints()).toEqual([]);
    } finally {
      await ovn.stop();
    }
  });

  describe('a Service', () => {
    let ovn: OvnCentral;
    const peers = [inNamespace('a')];
    const wanted = rowsOf([
      ...base,
      cnp('p', 'Admin', 1, {
        subject: inNamespace('a'),
        ingress: [{ action: 'Deny', from: peers, protocols: tcp(80) }],
        egress: [{ action: 'Deny', to: [app('one')] }],
      }),
    ]);

    beforeAll(async () => {
      ovn = await startOvn(installation);
      await ovn.chassis('first', 'n1');
      await enter(ovn, wanted);
      for (const [name, vip, backend] of [
        ['own', '10.96.0.1:80', '10.16.0.2:80'],
        ['other', '10.96.0.2:80', '10.16.0.4:80'],
        ['third', '10.96.0.3:80', '10.16.0.5:80'],
        ['free', '10.96.0.4:81', '10.16.0.2:81'],
      ] as const) {
        await ovn.nbctl('lb-add', name, vip, backend, 'tcp');
        await ovn.nbctl('set', 'load_balancer', name, 'options:hairpin_snat_ip=169.254.0.5 fd69::5');
        await ovn.nbctl('ls-lb-add', 'ovn-default', name);
      }
      await ovn.settled();
    });
    afterAll(() => ovn.stop());

    it.each<[string, string, number, string]>([
      ['is judged by the pod that it has chosen: one that is denied', '10.96.0.2', 80, ''],
      ['and one that is not', '10.96.0.3', 80, 'two.b'],
      ['does not lead a pod to itself that may not be reached by its like', '10.96.0.1', 80, ''],
      ['does so at another port', '10.96.0.4', 81, 'web.a'],
    ])('%s', async (_, to, port, out) => {
      const text = await ovn.trace(
        'ovn-default',
        packet({ from: 'web.a', last: '2', to, port, router: wanted.macOf(router) }),
        'new',
      );
      expect(outputOf(text)).toBe(out);
    });
  });
});

const router = 'ovn-cluster-ovn-default';
const lastOf: Readonly<Record<string, string>> = { 'a/web': '2', 'a/api': '3', 'b/one': '4', 'b/two': '5' };
const portOf = (key: string): string => key.split('/').toReversed().join('.');

interface Packet {
  readonly from: string;
  readonly last: string;
  readonly to: string;
  readonly port: number;
  readonly router: string;
}

const packet = ({ from, last, to, port, router: next }: Packet): string =>
  `inport == "${from}" && eth.src == ${mac(last)} && eth.dst == ${next} && ip4.src == 10.16.0.${last} && ip4.dst == ${to} && ip.ttl == 64 && tcp && tcp.src == 40000 && tcp.dst == ${port}`;

const outputOf = (text: string): string => [...text.matchAll(/output\("(.*?)"\)/g)].at(-1)?.[1] ?? '';

async function arrives(ovn: OvnCentral, macOf: (port: string) => string, [from, to, port]: Probe): Promise<boolean> {
  const last = lastOf[to];
  const address = last === undefined ? to : `10.16.0.${last}`;
  if (from === node) {
    const fields = `inport == "node-n1" && eth.src == 02:00:00:00:01:01 && eth.dst == ${macOf('ovn-cluster-join')} && ip4.src == ${node} && ip4.dst == ${address}`;
    const text = await ovn.trace(
      'join',
      `${fields} && ip.ttl == 64 && tcp && tcp.src == 40000 && tcp.dst == ${port}`,
      'new',
    );
    return outputOf(text) === portOf(to);
  }
  const sent = { from: portOf(from), last: lastOf[from] ?? '', to: address, port, router: macOf(router) };
  const text = await ovn.trace(
    'ovn-default',
    last === undefined ? packet(sent) : packet({ ...sent, router: mac(last) }),
    'new',
  );
  return outputOf(text) === (last === undefined ? 'node-n1' : portOf(to));
}
