// Where pods of a world stand: subnets of one family or both, with and without load balancing, and attachments. Pods
// have a place number, from which their addresses come, so that one place can be taken by one pod after another.
import type { Interface, Subnet } from './world.ts';

export interface Layout {
  readonly name: string;
  readonly subnets: readonly Subnet[];
  /** Addresses of nodes n1 and n2. */
  readonly nodes: readonly (readonly string[])[];
  /** Pods on different subnets have the same addresses. */
  readonly overlapping?: true;
}

export const attachment = 'net/blue';

const ovn = (name: string, cidrs: readonly string[], enableLb = true): Subnet => ({
  name,
  cidrs,
  provider: 'ovn',
  enableLb,
});

const nodes4 = [['172.31.0.1'], ['172.31.0.2']];
const nodes46 = [
  ['172.31.0.1', 'fd00:172::1'],
  ['172.31.0.2', 'fd00:172::2'],
];

export const layouts = [
  { name: 'one subnet', subnets: [ovn('ovn-default', ['10.16.0.0/16'])], nodes: nodes4 },
  {
    name: 'several subnets, one without load balancing',
    subnets: [
      ovn('ovn-default', ['10.16.0.0/16']),
      ovn('s-1', ['10.17.0.0/16'], false),
      ovn('s.1', ['10.18.0.0/16', 'fd00:18::/64']),
    ],
    nodes: nodes46,
  },
  {
    name: 'dual stack, without load balancing',
    subnets: [ovn('ovn-default', ['10.16.0.0/16', 'fd00:16::/64'], false)],
    nodes: nodes46,
  },
  { name: 'IPv6 alone', subnets: [ovn('ovn-default', ['fd00:16::/64'])], nodes: [['fd00:172::1'], ['fd00:172::2']] },
  {
    name: 'an attachment',
    subnets: [
      ovn('ovn-default', ['10.16.0.0/16', 'fd00:16::/64']),
      { name: 'blue', cidrs: ['10.50.0.0/16', 'fd00:50::/64'], provider: attachment, enableLb: true },
    ],
    nodes: nodes46,
  },
  {
    name: 'two VPCs with the same addresses',
    subnets: [
      ovn('ovn-default', ['10.16.0.0/16', 'fd00:16::/64']),
      { ...ovn('s-other', ['10.16.0.0/16', 'fd00:16::/64']), vpc: 'other' },
    ],
    nodes: nodes46,
    overlapping: true,
  },
] as const satisfies readonly Layout[];

/** The interfaces of a pod at a place: one on a subnet of the default network and, where there is one, an attachment. */
export function interfacesAt(layout: Layout, place: number, { attached }: { attached: boolean }): Interface[] {
  const main = layout.subnets.filter(({ provider }) => provider === 'ovn');
  const further = attached ? layout.subnets.filter(({ provider }) => provider !== 'ovn') : [];
  const number = layout.overlapping ? Math.floor(place / main.length) : place;
  return [...main.slice(place % main.length).slice(0, 1), ...further].map(({ name, provider, cidrs }) => ({
    provider,
    subnet: name,
    addresses: cidrs.map((cidr) => addressIn(cidr, number)),
  }));
}

/** From .2 on: .1 is the gateway. */
const addressIn = (cidr: string, place: number): string =>
  cidr.includes(':')
    ? cidr.replace(/::\/.*$/, `::${(place + 2).toString(16)}`)
    : cidr.replace(/0\/.*$/, `${place + 2}`);
