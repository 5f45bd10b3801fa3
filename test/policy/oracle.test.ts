import { describe, expect, it } from 'vitest';
import type { ClusterPeer, ClusterRule, NetworkPolicySpec, Protocol } from './api.ts';
import { corpusVariants, networkOf, varied } from './corpus-variants.ts';
import { cyclonus, keyOf } from './cyclonus.ts';
import { allowed } from './oracle.ts';
import { address, at, base, client, completed, node1, node2, onHost, other, web } from './short.ts';
import type { Endpoint, World } from './world.ts';

describe('the oracle', () => {
  it.each([...corpusVariants.values()])('gives every verdict of the Cyclonus corpus $name', (variant) => {
    let judged = 0;
    for (const { name, steps } of cyclonus()) {
      for (const { world: written, expected } of steps) {
        const world = varied(written, variant);
        const pods = new Map(world.pods.map((pod) => [keyOf(pod), pod]));
        const wrong = expected.filter((one) => {
          const from = pods.get(one.from)!;
          const to = pods.get(one.to)!;
          const { protocol, port } = one;
          const traffic = { protocol, port, ...networkOf(variant) };
          const { ingress, egress, combined } = allowed(world, { pod: from }, { pod: to }, traffic);
          return ingress !== one.ingress || egress !== one.egress || combined !== one.combined;
        });
        expect({ name, wrong }).toEqual({ name, wrong: [] });
        judged += expected.length;
      }
    }
    expect(judged).toBe(73_376);
  });
});

/** Who, to whom, `tcp/80` or `udp/53/6` with the family, and what comes of it. */
type Probe = readonly [Endpoint, Endpoint, string, 'pass' | 'no ingress' | 'no egress'];

/** The probes with what the oracle says of them. */
const judged = (world: World, probes: readonly Probe[]): Probe[] =>
  probes.map(([from, to, what]) => [from, to, what, outcome(world, from, to, what)]);

function outcome(world: World, from: Endpoint, to: Endpoint, what: string): Probe[3] {
  const [protocol = '', port, family = '4'] = what.split('/');
  const { ingress, egress } = allowed(world, from, to, {
    protocol: protocol.toUpperCase() as Protocol,
    port: Number(port),
    family: family === '4' ? 4 : 6,
    provider: 'ovn',
  });
  if (!ingress) return 'no ingress';
  return egress ? 'pass' : 'no egress';
}

/** In namespace a, for the pod web. */
const inA = (spec: NetworkPolicySpec): World => ({
  ...base,
  networkPolicies: [
    { metadata: { namespace: 'a', name: 'p' }, spec: { podSelector: { matchLabels: { app: 'web' } }, ...spec } },
  ],
});

const from = (...peers: NonNullable<NonNullable<NetworkPolicySpec['ingress']>[number]['from']>): World =>
  inA({ ingress: [{ from: peers }] });

const notIn = (key: string, ...values: string[]) => ({ matchExpressions: [{ key, operator: 'NotIn', values }] });
const absent = (key: string) => ({ matchExpressions: [{ key, operator: 'DoesNotExist' }] });

const admin = { name: 'admin', containerPort: 15_000 };
const [aClient, aWeb, bOther, host] = [client, web, other, onHost].map(at) as [Endpoint, Endpoint, Endpoint, Endpoint];

describe('NetworkPolicy, where the corpus says nothing', () => {
  it.each<[string, World, Probe[]]>([
    ['nobody is isolated without a policy', base, [[bOther, aWeb, 'tcp/1', 'pass']]],
    [
      'without policyTypes and without egress rules egress stays open',
      inA({ ingress: [], egress: [] }),
      [
        [aClient, aWeb, 'tcp/80', 'no ingress'],
        [aWeb, aClient, 'tcp/80', 'pass'],
      ],
    ],
    [
      'without policyTypes an egress rule isolates both ways',
      inA({ egress: [{ to: [{ podSelector: {} }] }] }),
      [
        [aClient, aWeb, 'tcp/80', 'no ingress'],
        [aWeb, aClient, 'tcp/80', 'pass'],
        [aWeb, bOther, 'tcp/80', 'no egress'],
      ],
    ],
    [
      'rules of a direction that policyTypes leaves out mean nothing',
      inA({ policyTypes: ['Egress'], ingress: [], egress: [{}] }),
      [
        [aClient, aWeb, 'tcp/80', 'pass'],
        [aWeb, bOther, 'udp/9', 'pass'],
      ],
    ],
    [
      'NotIn holds for what has no such label',
      from({ namespaceSelector: {}, podSelector: notIn('app', 'client') }),
      [
        [bOther, aWeb, 'tcp/80', 'pass'],
        [aClient, aWeb, 'tcp/80', 'no ingress'],
      ],
    ],
    [
      'NotIn and DoesNotExist of namespaces',
      from({ namespaceSelector: notIn('team', 'red') }),
      [
        [bOther, aWeb, 'tcp/80', 'pass'],
        [aClient, aWeb, 'tcp/80', 'no ingress'],
      ],
    ],
    ['DoesNotExist', from({ namespaceSelector: absent('team') }), [[bOther, aWeb, 'tcp/80', 'pass']]],
    [
      'Exists',
      from({ namespaceSelector: {}, podSelector: { matchExpressions: [{ key: 'app', operator: 'Exists' }] } }),
      [
        [aClient, aWeb, 'tcp/80', 'pass'],
        [bOther, aWeb, 'tcp/80', 'no ingress'],
      ],
    ],
    [
      'an operator that does not exist selects nothing',
      from({ podSelector: { matchExpressions: [{ key: 'app', operator: 'Gt', values: ['1'] }] } }),
      [[aClient, aWeb, 'tcp/80', 'no ingress']],
    ],
    [
      'an empty namespaceSelector is all namespaces, an absent one the own',
      from({ namespaceSelector: {} }),
      [
        [bOther, aWeb, 'tcp/80', 'pass'],
        [address('8.8.8.8'), aWeb, 'tcp/80', 'no ingress'],
      ],
    ],
    [
      'an empty podSelector is all pods of the own namespace',
      from({ podSelector: {} }),
      [
        [aClient, aWeb, 'tcp/80', 'pass'],
        [bOther, aWeb, 'tcp/80', 'no ingress'],
      ],
    ],
    [
      'a rule without peers takes everybody, also from outside',
      inA({ ingress: [{ ports: [{ port: 80 }] }] }),
      [
        [address('8.8.8.8'), aWeb, 'tcp/80', 'pass'],
        [address('2001:db8::1'), aWeb, 'tcp/80/6', 'pass'],
        [aClient, aWeb, 'udp/80', 'no ingress'],
        [aClient, aWeb, 'tcp/81', 'no ingress'],
      ],
    ],
    [
      'excepts of a block, at its edges',
      from({ ipBlock: { cidr: '10.16.0.0/28', except: ['10.16.0.4/32', '10.16.0.8/30'] } }),
      [
        [aClient, aWeb, 'tcp/80', 'pass'],
        [bOther, aWeb, 'tcp/80', 'no ingress'],
        [address('10.16.0.7'), aWeb, 'tcp/80', 'pass'],
        [address('10.16.0.8'), aWeb, 'tcp/80', 'no ingress'],
        [address('10.16.0.11'), aWeb, 'tcp/80', 'no ingress'],
        [address('10.16.0.12'), aWeb, 'tcp/80', 'pass'],
        [address('10.16.0.16'), aWeb, 'tcp/80', 'no ingress'],
        [aClient, aWeb, 'tcp/80/6', 'no ingress'],
        [address('::ffff:10.16.0.2'), aWeb, 'tcp/80/6', 'no ingress'],
      ],
    ],
    [
      'an except of one block is not one of another',
      from({ ipBlock: { cidr: '10.16.0.0/16', except: ['10.16.0.4/32'] } }, { ipBlock: { cidr: '10.16.0.4/31' } }),
      [[bOther, aWeb, 'tcp/80', 'pass']],
    ],
    [
      'blocks of IPv6',
      from({ ipBlock: { cidr: 'fd00:10::/64', except: ['fd00:10::4/128'] } }),
      [
        [aClient, aWeb, 'tcp/80/6', 'pass'],
        [bOther, aWeb, 'tcp/80/6', 'no ingress'],
        [aClient, aWeb, 'tcp/80', 'no ingress'],
      ],
    ],
    [
      'a range of ports, at its edges',
      inA({ ingress: [{ ports: [{ protocol: 'SCTP', port: 32_000, endPort: 32_768 }] }] }),
      [
        [aClient, aWeb, 'sctp/31999', 'no ingress'],
        [aClient, aWeb, 'sctp/32000', 'pass'],
        [aClient, aWeb, 'sctp/32768', 'pass'],
        [aClient, aWeb, 'sctp/32769', 'no ingress'],
        [aClient, aWeb, 'tcp/32000', 'no ingress'],
      ],
    ],
    [
      'a port without a number is all ports of its protocol',
      inA({ ingress: [{ ports: [{ protocol: 'UDP' }] }] }),
      [
        [aClient, aWeb, 'udp/7', 'pass'],
        [aClient, aWeb, 'tcp/7', 'no ingress'],
      ],
    ],
    [
      'a named port of the subject in ingress, with its protocol',
      inA({ ingress: [{ ports: [{ port: 'http' }, { port: 'dns' }] }] }),
      [
        [bOther, aWeb, 'tcp/8080', 'pass'],
        [bOther, aWeb, 'tcp/80', 'no ingress'],
        [bOther, aWeb, 'udp/53', 'no ingress'],
        [bOther, aWeb, 'tcp/53', 'no ingress'],
      ],
    ],
    [
      'a named port of the destination in egress',
      inA({ policyTypes: ['Egress'], egress: [{ ports: [{ port: 'http' }] }] }),
      [
        [aWeb, bOther, 'tcp/80', 'pass'],
        [aWeb, bOther, 'tcp/8080', 'no egress'],
        [aWeb, aClient, 'tcp/8080', 'pass'],
        [aWeb, address('8.8.8.8'), 'tcp/8080', 'no egress'],
      ],
    ],
    [
      'ports of containers that run, sidecars among them, and of no init container',
      inA({ policyTypes: ['Egress'], egress: [{ ports: [{ port: 'admin' }] }] }),
      [
        [aWeb, at({ ...other, containers: [{ role: 'sidecar', ports: [admin] }] }), 'tcp/15000', 'pass'],
        [aWeb, at({ ...other, containers: [{ role: 'init', ports: [admin] }] }), 'tcp/15000', 'no egress'],
      ],
    ],
    [
      'the own node always, no other; pods of a host are its node',
      inA({ policyTypes: ['Ingress', 'Egress'] }),
      [
        [{ node: node1 }, aWeb, 'tcp/80', 'pass'],
        [host, aWeb, 'udp/9/6', 'pass'],
        [aWeb, { node: node1 }, 'tcp/10250', 'pass'],
        [aWeb, host, 'tcp/10250', 'pass'],
        [{ node: node2 }, aWeb, 'tcp/80', 'no ingress'],
        [aWeb, address('172.31.0.2'), 'tcp/80', 'no egress'],
        [aWeb, aWeb, 'tcp/80', 'pass'],
      ],
    ],
    [
      'pods of a host are neither peers nor subjects',
      {
        ...from({ namespaceSelector: {} }),
        nodes: [{ ...node1, name: 'elsewhere' }, node2],
      },
      [
        [{ pod: { ...onHost, node: 'elsewhere' } }, aWeb, 'tcp/80', 'no ingress'],
        [bOther, { pod: { ...onHost, labels: { app: 'web' } } }, 'tcp/80', 'pass'],
      ],
    ],
    [
      'a completed pod is no peer',
      from({ podSelector: { matchLabels: { app: 'client' } } }),
      [
        [at(completed), aWeb, 'tcp/80', 'no ingress'],
        [aClient, aWeb, 'tcp/80', 'pass'],
      ],
    ],
    [
      'a policy for another network means nothing in this one',
      {
        ...base,
        networkPolicies: [
          {
            metadata: { namespace: 'a', name: 'p', annotations: { 'ovn.kubernetes.io/network_policy_for': 'a/net' } },
            spec: { podSelector: {} },
          },
        ],
      },
      [[bOther, aWeb, 'tcp/80', 'pass']],
    ],
  ])('%s', (_, world, probes) => {
    expect(judged(world, probes)).toEqual(probes);
  });
});

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

describe('policies of administrators', () => {
  it.each<[string, Partial<World>, Probe[]]>([
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
        adminNetworkPolicies: [
          anp(1, { ingress: [{ action: 'Allow', from: [{ namespaces: notIn('team', 'red') }] }] }),
        ],
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
  ])('%s', (_, part, probes) => {
    expect(judged({ ...base, ...part }, probes)).toEqual(probes);
  });
});
