// The corpus in other places: the same pods and policies with the pods on several subnets, on one without load balancing,
// with IPv6 addresses, or with the network of the corpus as an attachment. Verdicts stay what they are.
import type { NetworkPolicy, Peer } from './api.ts';
import { attachment } from './layouts.ts';
import { familyOf } from './world.ts';
import type { Interface, Pod, Subnet, Traffic, World } from './world.ts';

export interface Variant {
  readonly name: string;
  readonly subnets: readonly Subnet[];
  /** The interfaces of the pod that has this number in 192.168.1.0/24. */
  readonly interfaces: (host: number) => Interface[];
  /** What stands for a CIDR of the corpus. */
  readonly cidrs: Readonly<Record<string, string>>;
  /** The network that is judged. */
  readonly provider: string;
}

const own = (name: string, cidr: string, more: Partial<Subnet> = {}): Subnet => ({
  name,
  cidrs: [cidr],
  provider: 'ovn',
  enableLb: true,
  ...more,
});

const on = (subnet: string, address: string, provider = 'ovn'): Interface => ({
  provider,
  subnet,
  addresses: [address],
});

const asWritten = {
  '0.0.0.0/0': '0.0.0.0/0',
  '0.0.0.0/31': '0.0.0.0/31',
  '192.168.1.0/24': '192.168.1.0/24',
  '192.168.1.0/28': '192.168.1.0/28',
};

/** The corpus' first pod has the address that a gateway has elsewhere. */
const gateway = '192.168.1.254';
const corpusSubnet = own('ovn-default', '192.168.1.0/24', { gateway });
const corpusAddress = (host: number): string => `192.168.1.${host}`;

/** Hosts 1 to 15 on three subnets inside of 10.16.0.0/20, those above on three behind it. */
const spread = (host: number): { subnet: string; address: string } => {
  const at = (host % 3) + (host < 16 ? 0 : 16);
  return { subnet: at === 0 ? 'ovn-default' : `s${at}`, address: `10.16.${at}.${host + 1}` };
};

const variants: readonly Variant[] = [
  {
    name: 'on one subnet, as written',
    subnets: [corpusSubnet],
    interfaces: (host) => [on('ovn-default', corpusAddress(host))],
    cidrs: asWritten,
    provider: 'ovn',
  },
  {
    name: 'spread over several subnets, some without load balancing',
    subnets: [0, 1, 2, 16, 17, 18].map((at) =>
      own(at === 0 ? 'ovn-default' : `s${at}`, `10.16.${at}.0/24`, { enableLb: at % 2 === 0 }),
    ),
    interfaces: (host) => [on(spread(host).subnet, spread(host).address)],
    cidrs: { ...asWritten, '192.168.1.0/24': '10.16.0.0/16', '192.168.1.0/28': '10.16.0.0/20' },
    provider: 'ovn',
  },
  {
    name: 'on a subnet without load balancing',
    subnets: [{ ...corpusSubnet, enableLb: false }],
    interfaces: (host) => [on('ovn-default', corpusAddress(host))],
    cidrs: asWritten,
    provider: 'ovn',
  },
  {
    name: 'with IPv6 addresses',
    subnets: [own('ovn-default', 'fd00:16::/64', { gateway: 'fd00:16::fe' })],
    interfaces: (host) => [on('ovn-default', `fd00:16::${host.toString(16)}`)],
    cidrs: {
      '0.0.0.0/0': '::/0',
      '0.0.0.0/31': '::/127',
      '192.168.1.0/24': 'fd00:16::/120',
      '192.168.1.0/28': 'fd00:16::/124',
    },
    provider: 'ovn',
  },
  {
    name: 'on an attachment',
    subnets: [own('ovn-default', '10.16.0.0/16'), own('blue', '192.168.1.0/24', { provider: attachment, gateway })],
    interfaces: (host) => [on('ovn-default', `10.16.0.${host + 1}`), on('blue', corpusAddress(host), attachment)],
    cidrs: asWritten,
    provider: attachment,
  },
];

export const corpusVariants: ReadonlyMap<string, Variant> = new Map(variants.map((one) => [one.name, one]));

/** The family and the network that are judged. */
export const networkOf = ({ provider, cidrs }: Variant): Pick<Traffic, 'family' | 'provider'> => ({
  family: familyOf(cidrs['0.0.0.0/0'] ?? ''),
  provider,
});

/** The world as the variant has it. Policies are for the network that is judged, and for no other. */
export function varied(world: World, variant: Variant): World {
  return {
    ...world,
    subnets: variant.subnets,
    pods: world.pods.map((pod) => ({ ...pod, interfaces: variant.interfaces(hostOf(pod)) })),
    networkPolicies: world.networkPolicies.map((policy) => variedPolicy(policy, variant)),
  };
}

const hostOf = ({ interfaces }: Pod): number => Number(interfaces[0]?.addresses[0]?.split('.')[3]);

function variedPolicy({ metadata, spec }: NetworkPolicy, { cidrs, provider }: Variant): NetworkPolicy {
  const peersOf = (peers: readonly Peer[]): Peer[] => peers.map((peer) => variedPeer(peer, cidrs));
  const { ingress, egress } = spec;
  return {
    metadata: {
      ...metadata,
      ...(provider !== 'ovn' && { annotations: { 'ovn.kubernetes.io/network_policy_for': provider } }),
    },
    spec: {
      ...spec,
      ...(ingress && { ingress: ingress.map((rule) => (rule.from ? { ...rule, from: peersOf(rule.from) } : rule)) }),
      ...(egress && { egress: egress.map((rule) => (rule.to ? { ...rule, to: peersOf(rule.to) } : rule)) }),
    },
  };
}

function variedPeer(peer: Peer, cidrs: Variant['cidrs']): Peer {
  if (!peer.ipBlock) return peer;
  const there = (cidr: string): string => {
    const found = cidrs[cidr];
    if (found === undefined) throw new Error(`the corpus has another CIDR: ${cidr}`);
    return found;
  };
  const { cidr, except } = peer.ipBlock;
  return { ipBlock: { cidr: there(cidr), ...(except && { except: except.map(there) }) } };
}
