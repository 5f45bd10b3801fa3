// In which VPC a Service has its addresses: there where its backends are.
import { canonicalIp, containsIp, parseCidr, parseIp } from '../../lib/net/index.ts';
import { commaList } from '../api/json.ts';
import { coveringKeys } from '../api/keys.ts';
import type { EndpointSliceRow, ServiceRow } from '../api/service-row.ts';
import type { Network } from '../api/tables.ts';
import { clusterOf } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';
import { backendIp } from './service-slices.ts';

export const vpcKey = 'ovn.kubernetes.io/vpc';
export const routerKey = 'ovn.kubernetes.io/logical_router';
export const switchKey = 'ovn.kubernetes.io/logical_switch';
/** With "false": its backends are not asked whether they are there. */
export const checkKey = 'ovn.kubernetes.io/service_health_check';
/** Addresses of a Service that stands for a rule. */
export const switchVipKey = 'ovn.kubernetes.io/switch_lb_vip';
export const routerVipKey = 'ovn.kubernetes.io/router_lb_vip';

/** Addresses that a rule gives to the Service instead of those that it has of itself. */
export function ruleVips({ meta: { annotations } }: ServiceRow): string[] {
  const text = annotations[switchVipKey] ?? annotations[routerVipKey] ?? '';
  return [...new Set(commaList(text).flatMap((address) => canonicalIp(address) ?? []))];
}

export interface ServicePlace {
  readonly vpc: string;
  /** Of the backends; '' as long as none of them is known. */
  readonly subnet: string;
}

/** What the Service itself says, else what its backends say, else what it said when it had some. */
export function placeOf(row: ServiceRow, slices: readonly EndpointSliceRow[], read: WorldRead): ServicePlace {
  const [router, subnet, last] = [routerKey, switchKey, vpcKey].map((key) => row.meta.annotations[key] ?? '');
  if (router && subnet) return { vpc: router, subnet };
  const likely = [router, last, clusterOf(read).defaultVpc].filter(isNamed);
  const found = row.hasSelector ? ofPods(slices, read) : ofAddresses(slices, likely, read);
  const [vpc = ''] = [router, found?.vpc, ...likely].filter(isNamed);
  const [place = ''] = [subnet, found?.name].filter(isNamed);
  return { vpc, subnet: place };
}

/** Of the first backend by name whose pod has an address of ours: the others are beside it, or cannot be reached. */
function ofPods(slices: readonly EndpointSliceRow[], read: WorldRead): Network | undefined {
  const pods = slices.flatMap(({ endpoints }) => endpoints.map(({ pod }) => pod)).filter((pod) => pod !== '');
  for (const pod of [...new Set(pods)].sort()) {
    const network = read.get('network', backendIp(pod, read)?.subnet ?? '');
    if (network?.switched === true) return network;
  }
  return undefined;
}

/** VPCs may have the same addresses: the likely ones come first. */
function ofAddresses(
  slices: readonly EndpointSliceRow[],
  likely: readonly string[],
  read: WorldRead,
): Network | undefined {
  const addresses = slices.flatMap(({ endpoints }) => endpoints.map(({ address }) => address)).sort();
  const networks = addresses.flatMap((address) => networksWith(address, read)).filter(({ switched }) => switched);
  const first = likely.map((vpc) => networks.find((network) => network.vpc === vpc)).find((one) => one !== undefined);
  return first ?? networks[0];
}

/** Those in whose range an address lies, whatever their VPC; by name. */
export function networksWith(address: string, read: WorldRead): Network[] {
  const ip = parseIp(address);
  if (!ip) return [];
  return coveringKeys(anyVpc, address)
    .flatMap((key) => read.at('networksByBlock', key))
    .filter(({ cidrs }) => cidrs.map(parseCidr).some((cidr) => cidr && containsIp(cidr, ip)))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const isNamed = (vpc: string | undefined): vpc is string => vpc !== undefined && vpc !== '';

/** Scope of the index of all networks by their ranges. */
export const anyVpc = '';
