// What network-policy-api's conformance suite asks of ClusterNetworkPolicy, as rows: four houses with two pods each, a
// policy, and who reaches whom. Judged from the rows; the suite itself needs a cluster.
import { expect, it } from 'vitest';
import type { ClusterNetworkPolicy, ClusterRule } from './api.ts';
import { evaluationOf } from './judge.ts';
import { freshRows } from './product.ts';
import { emptyWorld } from './world.ts';
import type { Pod, World } from './world.ts';

const houses = ['gryffindor', 'slytherin', 'hufflepuff', 'ravenclaw'] as const;

const podsOf = (house: string, index: number): Pod[] =>
  [0, 1].map((at) => ({
    namespace: house,
    name: `${house}-${at}`,
    labels: { 'conformance-house': house, 'statefulset.kubernetes.io/pod-name': `${house}-${at}` },
    node: `n${at + 1}`,
    containers: [
      {
        ports: [
          { name: 'web', containerPort: 80 },
          { name: 'dns', protocol: 'UDP', containerPort: 53 },
        ],
      },
    ],
    interfaces: [{ provider: 'ovn', subnet: 'ovn-default', addresses: [`10.16.${index}.${at + 2}`] }],
  }));

const school: World = {
  ...emptyWorld,
  subnets: [{ name: 'ovn-default', cidrs: ['10.16.0.0/16'], provider: 'ovn', enableLb: true }],
  namespaces: houses.map((name) => ({
    name,
    labels: { 'conformance-house': name, 'kubernetes.io/metadata.name': name },
  })),
  nodes: [1, 2].map((at) => ({
    name: `n${at}`,
    labels: { 'kubernetes.io/os': 'linux' },
    addresses: [`172.31.0.${at}`],
  })),
  pods: houses.flatMap(podsOf),
};

const of = (house: string) => ({ namespaces: { matchLabels: { 'conformance-house': house } } });
const pods = (label: string, value: string) => ({ pods: { podSelector: { matchLabels: { [label]: value } } } });
const port = (protocol: 'tcp' | 'udp' | 'sctp', number: number) => ({ [protocol]: { destinationPort: { number } } });

type Action = ClusterRule['action'];
type Policy = Pick<ClusterNetworkPolicy['spec'], 'ingress' | 'egress'> &
  Partial<Pick<ClusterNetworkPolicy['spec'], 'subject' | 'tier' | 'priority'>>;

const policy = (name: string, spec: Policy): ClusterNetworkPolicy => ({
  metadata: { name },
  spec: { tier: 'Admin', priority: 15, subject: of('gryffindor'), ...spec },
});

/** From a pod, to a pod or a node, `protocol/port`; whether it comes through. */
type Probe = readonly [from: string, to: string, traffic: string, passes: boolean];

const ordered = (first: Action, second: Action): ClusterRule[] => [
  { action: first, to: [of('ravenclaw')] },
  { action: second, to: [of('ravenclaw')] },
];
const some = [port('tcp', 80), port('udp', 53), port('sctp', 9003)];
const np = {
  metadata: { namespace: 'gryffindor', name: 'allow' },
  spec: {
    podSelector: {},
    policyTypes: ['Ingress', 'Egress'] as const,
    ingress: [{ from: [{ namespaceSelector: of('slytherin').namespaces }] }],
    egress: [{ to: [{ namespaceSelector: of('slytherin').namespaces }] }],
  },
};
const both = (action: Action): Policy => ({
  ingress: [{ action, from: [of('slytherin')] }],
  egress: [{ action, to: [of('slytherin')] }],
});
const baseline = policy('default', { tier: 'Baseline', ...both('Deny') });
const g = 'gryffindor-0';
const s = 'slytherin-0';
const h = 'hufflepuff-1';
const r = 'ravenclaw-0';

const cases: readonly (readonly [string, Partial<World>, readonly Probe[]])[] = [
  [
    'AdminTierEgress: Accept before Deny',
    { clusterNetworkPolicies: [policy('p', { egress: ordered('Accept', 'Deny') })] },
    [[g, r, 'tcp/80', true]],
  ],
  [
    'AdminTierEgress: Deny before Accept',
    { clusterNetworkPolicies: [policy('p', { egress: ordered('Deny', 'Accept') })] },
    [[g, r, 'tcp/80', false]],
  ],
  [
    'AdminTierEgress: Pass before Deny',
    { clusterNetworkPolicies: [policy('p', { egress: ordered('Pass', 'Deny') })] },
    [[g, r, 'tcp/80', true]],
  ],
  [
    'AdminTierGress: ports of three protocols',
    {
      clusterNetworkPolicies: [
        policy('p', {
          egress: [
            { action: 'Deny', to: [of('slytherin')], protocols: some },
            { action: 'Accept', to: [of('hufflepuff')], protocols: some },
            { action: 'Deny', to: [of('hufflepuff')] },
          ],
          ingress: [
            { action: 'Accept', from: [of('hufflepuff')], protocols: some },
            { action: 'Deny', from: [of('hufflepuff')] },
          ],
        }),
      ],
    },
    [
      [g, s, 'tcp/80', false],
      [g, s, 'tcp/8080', true],
      [g, s, 'udp/53', false],
      [g, s, 'sctp/9005', true],
      [g, h, 'sctp/9003', true],
      [g, h, 'sctp/9005', false],
      [h, g, 'udp/53', true],
      [h, g, 'udp/5353', false],
    ],
  ],
  [
    'AdminTierNamedPort',
    {
      clusterNetworkPolicies: [
        policy('p', {
          egress: [
            { action: 'Accept', to: [of('hufflepuff')], protocols: [{ destinationNamedPort: 'web' }] },
            { action: 'Deny', to: [of('hufflepuff')] },
          ],
          ingress: [
            { action: 'Accept', from: [of('slytherin')], protocols: [{ destinationNamedPort: 'dns' }] },
            { action: 'Deny', from: [of('slytherin')] },
          ],
        }),
      ],
    },
    [
      [g, h, 'tcp/80', true],
      [g, h, 'tcp/8080', false],
      [s, g, 'udp/53', true],
      [s, g, 'udp/5353', false],
    ],
  ],
  [
    'AdminTierSamePriority: all are applied, each to its own subject',
    {
      clusterNetworkPolicies: [
        policy('a', { ingress: [{ action: 'Deny', from: [of('slytherin')], protocols: [port('tcp', 80)] }] }),
        policy('b', { ingress: [{ action: 'Deny', from: [of('hufflepuff')], protocols: [port('tcp', 80)] }] }),
        policy('c', {
          subject: of('hufflepuff'),
          ingress: [{ action: 'Deny', from: [of('slytherin')], protocols: [port('tcp', 8080)] }],
        }),
      ],
    },
    [
      [s, g, 'tcp/80', false],
      [h, g, 'tcp/80', false],
      [s, h, 'tcp/8080', false],
      [s, g, 'tcp/8080', true],
      [s, h, 'tcp/80', true],
      [r, g, 'tcp/80', true],
    ],
  ],
  [
    'AdminTierPriorityField',
    {
      clusterNetworkPolicies: [
        policy('fifty', { priority: 50, ...both('Deny') }),
        policy('forty', { priority: 40, ...both('Pass') }),
        policy('default', { tier: 'Baseline', ...both('Accept') }),
      ],
    },
    [
      [s, g, 'tcp/80', true],
      [g, s, 'tcp/8080', true],
    ],
  ],
  [
    'AdminTierIntegration: Deny beats NetworkPolicy',
    { networkPolicies: [np], clusterNetworkPolicies: [policy('p', both('Deny')), baseline] },
    [
      [s, g, 'tcp/80', false],
      [g, s, 'tcp/80', false],
    ],
  ],
  [
    'AdminTierIntegration: Pass to NetworkPolicy',
    { networkPolicies: [np], clusterNetworkPolicies: [policy('p', both('Pass')), baseline] },
    [
      [s, g, 'tcp/80', true],
      [g, s, 'tcp/80', true],
    ],
  ],
  [
    'AdminTierIntegration: Pass to tier Baseline',
    { clusterNetworkPolicies: [policy('p', both('Pass')), baseline] },
    [
      [s, g, 'tcp/80', false],
      [g, s, 'tcp/80', false],
    ],
  ],
  [
    'AdminTierIngressRulesEgressUnaffected',
    { clusterNetworkPolicies: [policy('p', { ingress: [{ action: 'Deny', from: [of('slytherin')] }] })] },
    [
      [s, g, 'tcp/80', false],
      [g, s, 'tcp/80', true],
    ],
  ],
  [
    'AdminTierPodSelector: by labels of pods alone',
    {
      clusterNetworkPolicies: [
        policy('p', {
          subject: pods('conformance-house', 'gryffindor'),
          egress: [
            { action: 'Deny', to: [pods('conformance-house', 'ravenclaw')] },
            { action: 'Deny', to: [pods('statefulset.kubernetes.io/pod-name', 'hufflepuff-0')] },
          ],
        }),
      ],
    },
    [
      [g, r, 'tcp/80', false],
      [g, 'hufflepuff-0', 'tcp/80', false],
      [g, h, 'tcp/80', true],
      [s, 'hufflepuff-0', 'tcp/80', true],
    ],
  ],
  [
    'AdminTierEgressInlineCIDRPeers',
    {
      clusterNetworkPolicies: [
        policy('p', {
          egress: [
            { action: 'Accept', to: [{ networks: ['10.16.3.2/32'] }] },
            { action: 'Accept', to: [of('slytherin')] },
            { action: 'Deny', to: [{ networks: ['0.0.0.0/0', '::/0'] }] },
          ],
        }),
      ],
    },
    [
      [g, r, 'tcp/80', true],
      [g, 'ravenclaw-1', 'tcp/80', false],
      [g, s, 'sctp/9003', true],
      [g, h, 'udp/53', false],
      [s, g, 'tcp/80', true],
    ],
  ],
  ...(['Admin', 'Baseline'] as const).map((tier): readonly [string, Partial<World>, readonly Probe[]] => [
    `${tier}TierEgressNodePeers: also the own node`,
    {
      clusterNetworkPolicies: [
        policy('p', {
          tier,
          egress: [
            {
              action: 'Accept',
              to: [{ nodes: {} }],
              protocols: [{ tcp: { destinationPort: { range: { start: 34_345, end: 34_346 } } } }],
            },
            {
              action: 'Deny',
              to: [{ nodes: { matchLabels: { 'kubernetes.io/os': 'linux' } } }, { networks: ['0.0.0.0/0'] }],
            },
          ],
        }),
      ],
    },
    [
      [g, 'n1', 'tcp/34345', true],
      [g, 'n2', 'tcp/34346', true],
      [g, 'n1', 'tcp/34347', false],
      [g, 'n2', 'udp/34345', false],
    ],
  ]),
];

it.each(cases)('%s', (_, part, probes) => {
  const evaluation = evaluationOf(freshRows({ ...school, ...part }));
  const addressOf = (name: string): string =>
    school.pods.find((pod) => pod.name === name)?.interfaces[0]?.addresses[0] ??
    school.nodes.find((node) => node.name === name)?.addresses[0] ??
    '';
  const found = probes.map(([from, to, traffic]) => {
    const [protocol, number] = traffic.split('/') as ['tcp' | 'udp' | 'sctp', string];
    const [namespace = ''] = from.split('-');
    const ends = { from: `${from}.${namespace}`, source: addressOf(from), to: addressOf(to) };
    const { passes, unreadable } = evaluation.verdict({ ...ends, protocol, port: Number(number) });
    expect(unreadable).toEqual([]);
    return [from, to, traffic, passes];
  });
  expect(found).toEqual(probes);
});
