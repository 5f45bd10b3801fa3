// From a Subnet as it is written to the network that it means: defaults, rules, and the typed result. Pure, and of this
// one object; a spec that breaks a rule gives findings and no network, so that nothing is built on it.
import { canonicalIp, formatCidr, parseCidrs } from '../../lib/net/index.ts';
import type { Cidr } from '../../lib/net/index.ts';
import { dhcpOptions } from './dhcp-options.ts';
import type { Json } from './fact.ts';
import { commaList } from './json.ts';
import { selectorOf } from './labels.ts';
import { defaultsOf, filled, isOvn } from './subnet-defaults.ts';
import { broken } from './subnet-rules.ts';
import type { SubnetSpec } from './subnet.gen.ts';
import type { CheckedSubnet, Cluster, Finding, Network, SubnetRow } from './tables.ts';
import { isolationOf, unusableRules } from './subnet-isolation.ts';
import { subnetNotices } from './unavailable.ts';

/** Checks one subnet. The API server has seen to the types of its fields, by the schema of the CRD. */
export function checkedSubnet(row: SubnetRow, cluster: Cluster): CheckedSubnet {
  const { name, uid } = row.meta;
  const spec = row.spec as SubnetSpec;
  const full = filled(name, spec, cluster);
  const cidrs = parseCidrs(full.cidrBlock ?? '') ?? [];
  const findings = [
    ...broken({ name, spec: full, block: full.cidrBlock ?? '', cidrs, cluster }).map((message): Finding => ({
      reason: 'ValidateLogicalSwitchFailed',
      message,
    })),
    ...vlan(full),
  ];
  return {
    name,
    uid,
    created: row.created,
    defaults: defaultsOf(spec, full, row.ownDefaults),
    findings,
    notices: [...subnetNotices(full), ...unusableRules(full), ...unusableOptions(full)],
    ...(findings.length === 0 && { network: networkOf(row, full, cidrs) }),
  };
}

/** An underlay needs its Vlan object; as long as it does not exist, there is nothing to connect the subnet to. */
const vlan = (spec: SubnetSpec): Finding[] =>
  spec.vlan ? [{ reason: 'ValidateSubnetVlanFailed', message: `vlan ${spec.vlan} does not exist` }] : [];

/** One finding for each option that is left out. */
function unusableOptions(spec: SubnetSpec): Finding[] {
  const lists = {
    ...(spec.enableDHCP === true && {
      dhcpV4Options: dhcpOptions(4, spec.dhcpV4Options ?? ''),
      dhcpV6Options: dhcpOptions(6, spec.dhcpV6Options ?? ''),
    }),
  };
  return Object.entries(lists).flatMap(([field, { faults }]) =>
    faults.map((fault): Finding => ({ reason: 'OptionInvalid', message: `${field}: ${fault}` })),
  );
}

/** What is absent in an optional field of the API. */
const absent = {
  vpc: '',
  provider: '',
  gateway: '',
  gatewayNode: '',
  routeTable: '',
  mtu: 0,
  natOutgoing: false,
} as const;
const off = { natOutgoing: false, enableEcmp: false, default: false } as const;
const absentLists = { excludeIps: [], namespaces: [], namespaceSelectors: [] } as const;

function networkOf(row: SubnetRow, given: SubnetSpec, cidrs: readonly Cidr[]): Network {
  const spec = { ...absent, ...off, ...absentLists, ...given };
  return {
    name: row.meta.name,
    uid: row.meta.uid,
    vpc: spec.vpc,
    provider: spec.provider,
    cidrs: cidrs.map(formatCidr),
    gateways: byFamily(commaList(spec.gateway), cidrs),
    excludeIps: spec.excludeIps,
    overlay: isOvn(spec.provider),
    gatewayType: spec.gatewayType === 'centralized' ? 'centralized' : 'distributed',
    // An entry may be node:egressIP.
    gatewayNodes: commaList(spec.gatewayNode).map((entry) => entry.replace(/:.*$/, '')),
    ecmp: spec.enableEcmp,
    isDefault: spec.default,
    natOutgoing: spec.natOutgoing,
    isolation: isolationOf(given),
    ...(given.enableDHCP === true && {
      dhcp: {
        v4: dhcpOptions(4, given.dhcpV4Options ?? '').options,
        v6: dhcpOptions(6, given.dhcpV6Options ?? '').options,
      },
    }),
    mtu: spec.mtu,
    routeTable: spec.routeTable,
    namespaces: spec.namespaces,
    namespaceSelectors: spec.namespaceSelectors.map((entry) => selectorOf(entry as Json)),
    deleting: row.meta.deleting,
  };
}

/** One gateway per CIDR, in the order of the CIDRs, canonical. */
function byFamily(gateways: readonly string[], cidrs: readonly Cidr[]): string[] {
  const canonical = gateways.map((text) => canonicalIp(text) ?? text);
  return cidrs.flatMap((cidr) => canonical.filter((text) => text.includes(':') === (cidr.family === 6)));
}
