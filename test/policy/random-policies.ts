// Random policies of every kind, from small alphabets, so that they meet each other and what they select.
import fc from 'fast-check';
import type {
  Action,
  AdminPort,
  ClusterPeer,
  ClusterProtocol,
  ClusterRule,
  ClusterSpec,
  Labels,
  LabelSelector,
  NetworkPolicySpec,
  Peer,
  PolicyPort,
  Protocol,
  Requirement,
  Subject,
} from './api.ts';
import { attachment } from './layouts.ts';

/** The kind of the administrators' policies: AdminNetworkPolicy with its baseline, ClusterNetworkPolicy, or none. */
export type Style = 'v1alpha1' | 'v1alpha2' | 'none';

/** The last is the longest that a key may be. Objects of JavaScript have the second without being asked. */
const keys: readonly [string, ...string[]] = [
  'app',
  'constructor',
  'tier',
  `${'k'.repeat(63)}.${'k'.repeat(63)}.io/${'k'.repeat(63)}`,
];
const values: readonly [string, ...string[]] = ['a', 'b', '', 'V_v.v-0'];
const likely = (items: readonly [string, ...string[]]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 2, arbitrary: fc.constant(items[0]) }, fc.constantFrom(...items));
export const one = <T>(...items: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...items);
export const some = <T>(arbitrary: fc.Arbitrary<T>, minLength: number, maxLength: number): fc.Arbitrary<T[]> =>
  fc.array(arbitrary, { minLength, maxLength });
/** The field or no field. */
export const maybe = <K extends string, V>(
  key: K,
  arbitrary: fc.Arbitrary<V>,
): fc.Arbitrary<{ readonly [P in K]?: V }> =>
  fc
    .option(arbitrary, { nil: undefined })
    .map((value) => (value === undefined ? {} : { [key]: value })) as fc.Arbitrary<{
    readonly [P in K]?: V;
  }>;
export const merged = <A, B>(a: fc.Arbitrary<A>, b: fc.Arbitrary<B>): fc.Arbitrary<A & B> =>
  fc.tuple(a, b).map(([left, right]) => ({ ...left, ...right }));

export const labels: fc.Arbitrary<Labels> = fc.dictionary(likely(keys), likely(values), {
  maxKeys: 2,
  noNullPrototype: true,
});

const requirement: fc.Arbitrary<Requirement> = fc.oneof(
  fc.record({
    key: likely(keys),
    operator: one('In', 'NotIn'),
    values: fc.uniqueArray(likely(values), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key: likely(keys), operator: one('Exists', 'DoesNotExist') }),
);

const selector: fc.Arbitrary<LabelSelector> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  { weight: 2, arbitrary: fc.record({ matchLabels: labels }) },
  { weight: 3, arbitrary: fc.record({ matchExpressions: some(requirement, 1, 2) }) },
  { weight: 1, arbitrary: fc.record({ matchLabels: labels, matchExpressions: some(requirement, 1, 1) }) },
);

export const protocol = one<Protocol>('TCP', 'UDP', 'SCTP');
export const numbers = [53, 80, 81, 82, 65_535];
export const portNames = ['http', 'dns', 'a-15-long-name0'];

const policyPort: fc.Arbitrary<PolicyPort> = merged(
  maybe('protocol', protocol),
  fc.oneof(
    fc.constant({}),
    fc.record({ port: one<number | string>(...numbers, ...portNames) }),
    fc.tuple(one(...numbers), one(...numbers)).map(([a, b]) => ({ port: Math.min(a, b), endPort: Math.max(a, b) })),
  ),
);

/** CIDRs that cut through the places of pods and nodes, some written as no one should, and what lies inside them. */
const blocks: readonly (readonly [cidr: string, inside: readonly string[]])[] = [
  ['0.0.0.0/0', ['10.16.0.0/16', '10.17.0.2/32', '172.31.0.1/32', '10.16.0.3/32', '10.50.0.0/29']],
  ['10.16.0.0/16', ['10.16.0.0/29', '10.16.0.4/32', '10.16.0.8/30', '10.16.0.5/30']],
  ['10.16.0.3/30', ['10.16.0.2/32']],
  ['10.16.0.6/31', []],
  ['10.0.0.0/8', ['10.16.0.0/16', '10.50.0.4/31', '10.18.0.4/32']],
  ['10.50.0.0/29', ['10.50.0.3/32']],
  ['172.31.0.0/31', []],
  ['::/0', ['fd00:16::/64', 'fd00:18::4/128', 'fd00:172::/64', 'FD00:50::2/127']],
  ['fd00:16::/64', ['fd00:16::2/127', 'fd00:16:0:0::5/128']],
  ['FD00:16:0::4/126', ['fd00:16::6/128']],
  ['fd00::/16', ['fd00:50::/64']],
];

const ipBlock: fc.Arbitrary<Peer> = one(...blocks)
  .chain(([cidr, inside]) => fc.subarray([...inside]).map((except) => ({ cidr, ...(except.length > 0 && { except }) })))
  .map((ipBlock) => ({ ipBlock }));

const peer: fc.Arbitrary<Peer> = fc.oneof(
  fc.record({ podSelector: selector }),
  fc.record({ namespaceSelector: selector }),
  fc.record({ namespaceSelector: selector, podSelector: selector }),
  ipBlock,
);

const rule = <K extends 'from' | 'to'>(key: K) =>
  merged(maybe(key, some(peer, 0, 3)), maybe('ports', some(policyPort, 0, 3)));

export const policySpec: fc.Arbitrary<NetworkPolicySpec> = merged(
  merged(
    fc.record({ podSelector: selector }),
    maybe('policyTypes', fc.subarray(['Ingress' as const, 'Egress' as const])),
  ),
  merged(maybe('ingress', some(rule('from'), 0, 3)), maybe('egress', some(rule('to'), 0, 3))),
);

/** None of them changes what may pass between TCP, UDP and SCTP ports of one network. */
export const annotations: fc.Arbitrary<Labels> = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  fc.constant({ 'ovn.kubernetes.io/enable_log': 'true' }),
  fc.constant({ 'ovn.kubernetes.io/log_acl_actions': 'allow,drop', 'ovn.kubernetes.io/acl_log_meter_rate': '10' }),
  fc.constant({ 'ovn.kubernetes.io/log_acl_actions': '"}\n$@&& ||', 'ovn.kubernetes.io/enable_log': '1 || ip' }),
  fc.constant({ 'ovn.kubernetes.io/network_policy_enforcement': 'lax' }),
  one('ovn', attachment, `ovn, ${attachment}`, 'no/such').map((networks) => ({
    'ovn.kubernetes.io/network_policy_for': networks,
  })),
);

const namespaced = fc.record({ namespaceSelector: selector, podSelector: selector });
const subject: fc.Arbitrary<Subject> = fc.oneof(fc.record({ namespaces: selector }), fc.record({ pods: namespaced }));

const networks = fc.uniqueArray(one(...blocks.map(([cidr]) => cidr)), { minLength: 1, maxLength: 2 });
const outside: fc.Arbitrary<ClusterPeer> = fc.oneof(fc.record({ nodes: selector }), fc.record({ networks }));

const adminPort: fc.Arbitrary<AdminPort> = fc.oneof(
  fc.record({ portNumber: fc.record({ protocol, port: one(...numbers) }) }),
  merged(
    fc.record({ start: one(53, 80, 81) }),
    merged(fc.record({ end: one(82, 65_535) }), maybe('protocol', protocol)),
  ).map((portRange) => ({ portRange })),
);

const destination = fc.oneof(
  fc.record({ number: one(...numbers) }),
  fc.record({ range: fc.record({ start: one(53, 80, 81), end: one(82, 65_535) }) }),
);

const clusterProtocol: fc.Arbitrary<ClusterProtocol> = fc
  .tuple(one('tcp', 'udp', 'sctp'), destination)
  .map(([name, destinationPort]) => ({ [name]: { destinationPort } }));

/** What a rule of either version says of ports; `named`: also by name, which the API refuses for peers without pods. */
function filter(style: Style, { named }: { named: boolean }): fc.Arbitrary<Pick<ClusterRule, 'ports' | 'protocols'>> {
  if (style === 'v1alpha1') {
    const byName = fc.record({ namedPort: one(...portNames) });
    return maybe('ports', some(named ? fc.oneof(adminPort, byName) : adminPort, 1, 2));
  }
  const byName = fc.record({ destinationNamedPort: one(...portNames) });
  return maybe('protocols', some(named ? fc.oneof(clusterProtocol, byName) : clusterProtocol, 1, 2));
}

/** Text that is free, of up to 100 characters. */
const ruleName = one('allow', '', '"} || ip4 || {"', '$set @group && !\n/* */ //', `${'r'.repeat(99)}"`);

function clusterRule(style: Style, direction: 'from' | 'to'): fc.Arbitrary<ClusterRule> {
  const actions: readonly Action[] = [style === 'v1alpha1' ? 'Allow' : 'Accept', 'Deny', 'Pass'];
  const head = merged(fc.record({ action: one(...actions) }), maybe('name', ruleName));
  const pods = merged(fc.record({ [direction]: some(subject, 1, 2) }), filter(style, { named: true }));
  if (direction === 'from') return merged(head, pods);
  const beyond = fc.record({ to: some(fc.oneof(subject, outside), 1, 2) });
  return merged(head, fc.oneof(pods, merged(beyond, filter(style, { named: false }))));
}

export const clusterSpec = (style: Style): fc.Arbitrary<ClusterSpec> =>
  fc.record({
    subject,
    ingress: some(clusterRule(style, 'from'), 0, 3),
    egress: some(clusterRule(style, 'to'), 0, 3),
  });
