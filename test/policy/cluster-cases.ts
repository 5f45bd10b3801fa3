// The same for AdminNetworkPolicy, BaselineAdminNetworkPolicy and ClusterNetworkPolicy: a sentence of their API
// references each.
import type { ClusterPeer, ClusterRule } from './api.ts';
import { aClient, aWeb, bOther, inA, notIn } from './cases.ts';
import type { Case, CaseProbe } from './cases.ts';
import { address, base, node1, node2 } from './short.ts';
import type { World } from './world.ts';

const all: ClusterPeer = { namespaces: {} };
const toWeb = { pods: { namespaceSelector: {}, podSelector: { matchLabels: { app: 'web' } } } };

const anp = (priority: number, spec: { ingress?: ClusterRule[]; egress?: ClusterRule[] }) => ({
  metadata: { name: `p${priority}` },
  spec: { priority, subject: toWeb, ...spec },
});

const cnp = (tier: 'Admin' | 'Baseline', priority: number, ...ingress: ClusterRule[]) => ({
  metadata: { name: `${tier}${priority}` },
  spec: { tier, priority, subject: toWeb, ingress },
});

const deny: ClusterRule = { action: 'Deny', from: [all] };
const isolated = inA({}).networkPolicies;
const open = inA({ ingress: [{}] }).networkPolicies;

const clusterCases: readonly (readonly [string, Partial<World>, CaseProbe[]])[] = [
  [
    'the lower priority value first, then the order of rules',
    {
      adminNetworkPolicies: [
        anp(7, { ingress: [{ action: 'Deny', from: [all] }] }),
        anp(6, {
          ingress: [
            { action: 'Allow', from: [all], ports: [{ portRange: { start: 80, end: 90 } }] },
            { action: 'Deny', from: [all], ports: [{ portNumber: { protocol: 'TCP', port: 85 } }] },
          ],
        }),
      ],
    },
    [
      [aClient, aWeb, 'tcp/85', 'pass'],
      [aClient, aWeb, 'tcp/79', 'no ingress'],
      [aClient, aWeb, 'udp/85', 'no ingress'],
      [address('8.8.8.8'), aWeb, 'tcp/79', 'pass'],
      [aClient, bOther, 'tcp/79', 'pass'],
    ],
  ],
  [
    'Allow and Deny end it, before any NetworkPolicy',
    {
      networkPolicies: isolated,
      adminNetworkPolicies: [anp(1, { ingress: [{ action: 'Allow', from: [{ namespaces: notIn('team', 'red') }] }] })],
    },
    [
      [bOther, aWeb, 'tcp/80', 'pass'],
      [aClient, aWeb, 'tcp/80', 'no ingress'],
    ],
  ],
  [
    'Pass skips the rest of the tier, NetworkPolicies decide',
    {
      networkPolicies: open,
      adminNetworkPolicies: [anp(2, { ingress: [deny] }), anp(1, { ingress: [{ action: 'Pass', from: [all] }] })],
      baselineAdminNetworkPolicies: [{ metadata: { name: 'default' }, spec: { subject: all, ingress: [deny] } }],
    },
    [
      [bOther, aWeb, 'tcp/80', 'pass'],
      [bOther, aClient, 'tcp/80', 'no ingress'],
    ],
  ],
  [
    'a NetworkPolicy is final: the baseline is asked only for pods that none selects',
    {
      networkPolicies: isolated,
      baselineAdminNetworkPolicies: [
        { metadata: { name: 'default' }, spec: { subject: all, ingress: [{ action: 'Allow', from: [all] }] } },
      ],
    },
    [
      [bOther, aWeb, 'tcp/80', 'no ingress'],
      [bOther, aClient, 'tcp/80', 'pass'],
    ],
  ],
  [
    'nodes, networks and domain names',
    {
      domains: { 'example.org': ['192.0.2.7'] },
      adminNetworkPolicies: [
        anp(1, {
          egress: [
            { action: 'Allow', to: [{ domainNames: ['example.org'] }] },
            { action: 'Deny', to: [{ nodes: { matchLabels: { zone: 'z1' } } }, { networks: ['192.0.2.0/24'] }] },
            { action: 'Deny', to: [{ networks: ['10.16.0.4/32', 'fd00:172::2/128'] }] },
          ],
        }),
      ],
    },
    [
      [aWeb, address('192.0.2.7'), 'tcp/80', 'pass'],
      [aWeb, address('192.0.2.8'), 'tcp/80', 'no egress'],
      [aWeb, { node: node1 }, 'tcp/80/6', 'no egress'],
      [aWeb, { node: node2 }, 'tcp/80', 'pass'],
      [aWeb, { node: node2 }, 'tcp/80/6', 'no egress'],
      [aWeb, bOther, 'tcp/80', 'no egress'],
      [aWeb, bOther, 'tcp/80/6', 'pass'],
    ],
  ],
  [
    'a peer that nobody knows fails closed',
    {
      adminNetworkPolicies: [
        anp(1, { ingress: [{ action: 'Allow', from: [{}] }], egress: [{ action: 'Pass', to: [{}] }] }),
      ],
    },
    [
      [aClient, aWeb, 'tcp/80', 'pass'],
      [aWeb, aClient, 'tcp/80', 'no egress'],
    ],
  ],
  [
    'named ports have the protocol of the container',
    {
      adminNetworkPolicies: [
        anp(1, {
          ingress: [{ action: 'Deny', from: [all], ports: [{ namedPort: 'dns' }] }],
          egress: [{ action: 'Deny', to: [all], ports: [{ namedPort: 'http' }] }],
        }),
      ],
    },
    [
      [aClient, aWeb, 'udp/53', 'no ingress'],
      [aClient, aWeb, 'tcp/53', 'pass'],
      [aWeb, bOther, 'tcp/80', 'no egress'],
      [aWeb, bOther, 'tcp/8080', 'pass'],
    ],
  ],
  [
    'tiers of ClusterNetworkPolicy, and its protocols',
    {
      networkPolicies: open.map((one) => ({ ...one, spec: { ...one.spec, ingress: [{ ports: [{ port: 1 }] }] } })),
      clusterNetworkPolicies: [
        cnp('Baseline', 0, deny),
        cnp('Admin', 5, {
          action: 'Accept',
          from: [all],
          protocols: [{ udp: {} }, { destinationNamedPort: 'm3ua' }],
        }),
        cnp('Admin', 1, { action: 'Deny', from: [all], protocols: [{ udp: { destinationPort: { number: 9 } } }] }),
        cnp('Admin', 2, {
          action: 'Pass',
          from: [all],
          protocols: [{ tcp: { destinationPort: { range: { start: 1, end: 2 } } } }],
        }),
        cnp('Admin', 3, { action: 'Accept', from: [all], protocols: [{ tcp: {} }] }),
      ],
    },
    [
      [aClient, aWeb, 'udp/8', 'pass'],
      [aClient, aWeb, 'udp/9', 'no ingress'],
      [aClient, aWeb, 'sctp/2905', 'pass'],
      [aClient, aWeb, 'sctp/2906', 'no ingress'],
      [aClient, aWeb, 'tcp/1', 'pass'],
      [aClient, aWeb, 'tcp/2', 'no ingress'],
      [aClient, aWeb, 'tcp/3', 'pass'],
    ],
  ],
];

export const clusterPolicyCases: readonly Case[] = clusterCases.map(([sentence, part, probes]) => [
  sentence,
  { ...base, ...part },
  probes,
]);
