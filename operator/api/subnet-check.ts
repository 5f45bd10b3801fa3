// From a Subnet as it is written to the network that it means: defaults, rules, and the typed result. Pure, and of this
// one object; a spec that breaks a rule gives findings and no network, so that nothing is built on it.
import { canonicalIp, formatCidr, parseCidrs } from '../../lib/net/index.ts';
import type { Cidr } from '../../lib/net/index.ts';
import { dhcpOptions } from './dhcp-options.ts';
import { egressOf, namedGateways, unusableEgress } from './egress.ts';
import type { Json } from './fact.ts';
import { commaList } from './json.ts';
import { selectorOf } from './labels.ts';
import { raOptions } from './ra-options.ts';
import { defaultsOf, filled, isOvn } from './subnet-defaults.ts';
import { broken } from './subnet-rules.ts';
import type { SubnetSpec } from './subnet.gen.ts';
import type { CheckedSubnet, Cluster, Finding, Network, Selector, SubnetRow } from './tables.ts';
import { isolationOf, unusableRules } from './subnet-isolation.ts';
import { subnetNotices } from './unavailable.ts';

/** Checks one subnet. The API server has seen to the types of its fields, by the schema of the CRD. */
export function checkedSubnet(row: SubnetRow, cluster: Cluster): CheckedSubnet {
  const { name, uid } = row.meta;
  const spec = row.spec as SubnetSpec;
  const full = filled(name, spec, cluster);
  const cidrs = parseCidrs(full.cidrBlock ?? '') ?? [];
  const findings = broken({ name, spec: full, block: full.cidrBlock ?? '', cidrs, cluster }).map(
    (message): Finding => ({ reason: 'ValidateLogicalSwitchFailed', message }),
  );
  return {
    name,
    uid,
    created: row.created,
    defaults: defaultsOf(spec, full, row.ownDefaults),
    findings,
    notices: [...subnetNotices(full), ...unusableRules(full), ...unusableOptions(full), ...unusableEgress(name, full)],
    ...(findings.length === 0 && { network: { ...networkOf(row, full, cidrs), balanced: isBalanced(full, cluster) } }),
  };
}

/** One finding for each option that is left out. */
function unusableOptions(spec: SubnetSpec): Finding[] {
  const lists = {
    ...(spec.enableDHCP === true && {
      dhcpV4Options: dhcpOptions(4, spec.dhcpV4Options ?? ''),
      dhcpV6Options: dhcpOptions(6, spec.dhcpV6Options ?? ''),
    }),
    ...(spec.enableIPv6RA === true && { ipv6RAConfigs: raOptions(spec.ipv6RAConfigs ?? '') }),
  };
  return Object.entries(lists).flatMap(([field, { faults }]) =>
    faults.map((fault): Finding => ({ reason: 'OptionInvalid', message: `${field}: ${fault}` })),
  );
}

/** What is absent in an optional field of the API. */
const absent = {
  vpc: '',
  vlan: '',
  provider: '',
  gateway: '',
  gatewayNode: '',
  routeTable: '',
  mtu: 0,
  natOutgoing: false,
} as const;
const off = { natOutgoing: false, enableEcmp: false, default: false, enableMulticastSnoop: false } as const;
const absentLists = { excludeIps: [], namespaces: [], namespaceSelectors: [], gatewayNodeSelectors: [] } as const;

/** The cluster's own switch goes before. */
const isBalanced = (spec: SubnetSpec, { enableLb }: Cluster): boolean => enableLb && spec.enableLb === true;

function networkOf(row: SubnetRow, given: SubnetSpec, cidrs: readonly Cidr[]): Omit<Network, 'balanced'> {
  const spec = { ...absent, ...off, ...absentLists, ...given };
  return {
    name: row.meta.name,
    uid: row.meta.uid,
    vpc: spec.vpc,
    provider: spec.provider,
    cidrs: cidrs.map(formatCidr),
    gateways: byFamily(commaList(spec.gateway), cidrs),
    excludeIps: spec.excludeIps,
    vlan: spec.vlan,
    ...placeOf(given),
    gatewayType: spec.gatewayType === 'centralized' ? 'centralized' : 'distributed',
    gatewayNodes: namedGateways(given),
    gatewayNodeSelectors: selectors(spec.gatewayNodeSelectors),
    ecmp: spec.enableEcmp,
    isDefault: spec.default,
    natOutgoing: spec.natOutgoing,
    isolation: isolationOf(given),
    ...servicesOf(given, cidrs),
    multicastSnoop: spec.enableMulticastSnoop,
    mtu: spec.mtu,
    ...(given.disableGatewayCheck === true && { unaskedGateway: true as const }),
    ...(given.enableExternalLBAddress === true && { externalLb: true as const }),
    ...(given.nodeNetwork && { nodeNetwork: given.nodeNetwork }),
    ...egressOf(row.meta.name, given),
    routeTable: spec.routeTable,
    namespaces: spec.namespaces,
    namespaceSelectors: selectors(spec.namespaceSelectors),
    deleting: row.meta.deleting,
  };
}

const selectors = (given: readonly unknown[]): Selector[] => given.map((entry) => selectorOf(entry as Json));

/** Where its switch stands: in OVN at all, on a router, beside another gateway. */
function placeOf(spec: SubnetSpec): Pick<Network, 'switched' | 'link' | 'interconnection'> {
  const switched = isOvn(spec.provider ?? '');
  const overlayOnly = spec.u2oFeatures?.overlayOnlyRouting === true;
  return {
    switched,
    link: switched ? linkOf(spec) : 'none',
    interconnection: { addresses: canonical(commaList(spec.u2oInterconnectionIP ?? '')), overlayOnly },
  };
}

function linkOf({ vlan, cidrBlock, logicalGateway, u2oInterconnection }: SubnetSpec): Network['link'] {
  if (!vlan) return 'gateway';
  // Without addresses there is nothing to route.
  if (!cidrBlock) return 'none';
  if (logicalGateway === true) return 'gateway';
  return u2oInterconnection === true ? 'interconnection' : 'none';
}

/** What OVN does for the pods by itself. */
function servicesOf(spec: SubnetSpec, cidrs: readonly Cidr[]): Pick<Network, 'dhcp' | 'advertised' | 'vips'> {
  const advertises = spec.enableIPv6RA === true && cidrs.some(({ family }) => family === 6);
  return {
    ...(spec.enableDHCP === true && {
      dhcp: {
        v4: dhcpOptions(4, spec.dhcpV4Options ?? '').options,
        v6: dhcpOptions(6, spec.dhcpV6Options ?? '').options,
      },
    }),
    ...(advertises && { advertised: raOptions(spec.ipv6RAConfigs ?? '').options }),
    vips: [...new Set(canonical(spec.vips ?? []))],
  };
}

const canonical = (addresses: readonly string[]): string[] => addresses.map((text) => canonicalIp(text) ?? text);

/** One gateway per CIDR, in the order of the CIDRs, canonical. */
function byFamily(gateways: readonly string[], cidrs: readonly Cidr[]): string[] {
  const all = canonical(gateways);
  return cidrs.flatMap((cidr) => all.filter((text) => text.includes(':') === (cidr.family === 6)));
}
