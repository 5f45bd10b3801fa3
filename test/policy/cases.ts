// Cases that no corpus has, each a sentence of the API references or of the concept page "Network Policies", with what
// comes of it: for the oracle as well as for the product.
import type { LabelSelector, NetworkPolicySpec } from './api.ts';
import { attachment } from './layouts.ts';
import { address, at, base, client, completed, node1, node2, onHost, other, pod, web } from './short.ts';
import type { Expected } from './oracle.ts';
import type { Endpoint, World } from './world.ts';

/** Who, to whom, `tcp/80` or `udp/53/6` with the family, and what comes of it. */
export type CaseProbe = readonly [Endpoint, Endpoint, string, Expected];

export type Case = readonly [sentence: string, world: World, probes: readonly CaseProbe[]];

/** In namespace a, for the pod web. */
export const inA = (spec: NetworkPolicySpec): World => ({
  ...base,
  networkPolicies: [
    { metadata: { namespace: 'a', name: 'p' }, spec: { podSelector: { matchLabels: { app: 'web' } }, ...spec } },
  ],
});

const from = (...peers: NonNullable<NonNullable<NetworkPolicySpec['ingress']>[number]['from']>): World =>
  inA({ ingress: [{ from: peers }] });

export const notIn = (key: string, ...values: string[]): LabelSelector => ({
  matchExpressions: [{ key, operator: 'NotIn', values }],
});
const absent = (key: string) => ({ matchExpressions: [{ key, operator: 'DoesNotExist' }] });

const admin = { name: 'admin', containerPort: 15_000 };
export const [aClient, aWeb, bOther, host] = [client, web, other, onHost].map(at) as [
  Endpoint,
  Endpoint,
  Endpoint,
  Endpoint,
];

/** A pod in another VPC. */
const elsewhere = (number: number): Endpoint =>
  at(
    pod(`a/there-${number}`, '', {
      interfaces: [{ provider: 'ovn', subnet: 's-other', addresses: [`10.30.0.${number}`] }],
    }),
  );

const attached = pod('a/attached', '10.16.0.6', {
  interfaces: [
    { provider: 'ovn', subnet: 'ovn-default', addresses: ['10.16.0.6'] },
    { provider: attachment, subnet: 'blue', addresses: ['10.50.0.6'] },
  ],
});

/** Has the address of `other`, and the labels of `client`. */
const namesake = pod('a/namesake', '', {
  labels: client.labels,
  interfaces: [{ provider: 'ovn', subnet: 's-same', addresses: ['10.16.0.4'] }],
});

export const networkPolicyCases: readonly Case[] = [
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
    'nor do they open what another policy closes',
    {
      ...base,
      networkPolicies: [
        { metadata: { namespace: 'a', name: 'closed' }, spec: { policyTypes: ['Ingress', 'Egress'] } },
        { metadata: { namespace: 'a', name: 'in' }, spec: { policyTypes: ['Ingress'], egress: [{}] } },
        { metadata: { namespace: 'a', name: 'out' }, spec: { policyTypes: ['Egress'], ingress: [{}] } },
      ],
    },
    [
      [bOther, aWeb, 'tcp/80', 'no ingress'],
      [aWeb, bOther, 'tcp/80', 'no egress'],
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
    'excepts of a block',
    from({ ipBlock: { cidr: '10.16.0.0/28', except: ['10.16.0.4/32', '10.16.0.8/30'] } }),
    [
      [aClient, aWeb, 'tcp/80', 'pass'],
      [bOther, aWeb, 'tcp/80', 'no ingress'],
      [aClient, aWeb, 'tcp/80/6', 'no ingress'],
      [address('::ffff:10.16.0.2'), aWeb, 'tcp/80/6', 'no ingress'],
    ],
  ],
  [
    'blocks and excepts at their edges',
    from({ ipBlock: { cidr: '192.0.2.0/28', except: ['192.0.2.4/32', '192.0.2.8/30'] } }),
    [
      [address('192.0.1.255'), aWeb, 'tcp/80', 'no ingress'],
      [address('192.0.2.0'), aWeb, 'tcp/80', 'pass'],
      [address('192.0.2.3'), aWeb, 'tcp/80', 'pass'],
      [address('192.0.2.4'), aWeb, 'tcp/80', 'no ingress'],
      [address('192.0.2.5'), aWeb, 'tcp/80', 'pass'],
      [address('192.0.2.7'), aWeb, 'tcp/80', 'pass'],
      [address('192.0.2.8'), aWeb, 'tcp/80', 'no ingress'],
      [address('192.0.2.11'), aWeb, 'tcp/80', 'no ingress'],
      [address('192.0.2.12'), aWeb, 'tcp/80', 'pass'],
      [address('192.0.2.15'), aWeb, 'tcp/80', 'pass'],
      [address('192.0.2.16'), aWeb, 'tcp/80', 'no ingress'],
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
    from({ namespaceSelector: {} }),
    [
      [at({ ...onHost, node: 'n2' }), aWeb, 'tcp/80', 'no ingress'],
      [bOther, at({ ...onHost, labels: { app: 'web' } }), 'tcp/80', 'pass'],
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
      subnets: [...base.subnets, { name: 'blue', cidrs: ['10.50.0.0/16'], provider: attachment, enableLb: true }],
      networkPolicies: [
        {
          metadata: { namespace: 'a', name: 'p', annotations: { 'ovn.kubernetes.io/network_policy_for': attachment } },
          spec: { podSelector: {} },
        },
      ],
    },
    [[bOther, at(attached), 'tcp/80', 'pass']],
  ],
  [
    'a peer lends its address to nobody who has the same in another VPC',
    {
      ...from({ podSelector: { matchLabels: { app: 'client' } } }),
      subnets: [
        ...base.subnets,
        { name: 's-same', cidrs: ['10.16.0.0/16'], provider: 'ovn', enableLb: true, vpc: 'other' },
      ],
      pods: [...base.pods, namesake],
    },
    [
      [aClient, aWeb, 'tcp/80', 'pass'],
      [bOther, aWeb, 'tcp/80', 'no ingress'],
    ],
  ],
  [
    'a policy that logs isolates in every VPC',
    {
      ...base,
      subnets: [
        ...base.subnets,
        { name: 's-other', cidrs: ['10.30.0.0/16'], provider: 'ovn', enableLb: true, vpc: 'other' },
      ],
      networkPolicies: [
        {
          metadata: { namespace: 'a', name: 'p', annotations: { 'ovn.kubernetes.io/enable_log': 'true' } },
          spec: {},
        },
      ],
    },
    [
      [aClient, aWeb, 'tcp/80', 'no ingress'],
      [elsewhere(2), elsewhere(3), 'tcp/80', 'no ingress'],
    ],
  ],
];
