// What Kube-OVN fills into Subnet.spec. Idempotent: filling a filled spec changes nothing. Values that cannot be
// understood are left as they are, for the rules to name.
import { isDeepStrictEqual } from 'node:util';
import {
  canonicalCidr,
  familyOf,
  firstUsable,
  formatIp,
  formatRange,
  ipRange,
  mergeRanges,
  parseCidrs,
  parseIp,
  parseRange,
  rangesContain,
} from '../../lib/net/index.ts';
import type { Cidr } from '../../lib/net/index.ts';
import type { Json, JsonObject } from './fact.ts';
import { commaList } from './json.ts';
import type { SubnetSpec } from './subnet.gen.ts';
import type { Cluster } from './tables.ts';

/** Fields that filling may write; all others stay the user's. */
const fields = [
  'cidrBlock',
  'gateway',
  'excludeIps',
  'protocol',
  'provider',
  'vpc',
  'gatewayType',
  'default',
  'enableLb',
  'u2oInterconnection',
  'u2oInterconnectionIP',
] as const satisfies readonly (keyof SubnetSpec)[];

/** A subnet of OVN: ours to switch and route; other providers only take addresses. */
export const isOvn = (provider: string): boolean => provider === 'ovn' || provider.endsWith('.ovn');

/** The spec with everything that is missing filled in, and what is written loosely rewritten. */
export function filled(name: string, spec: SubnetSpec, cluster: Cluster): SubnetSpec {
  const provider = orElse(spec.provider, 'ovn');
  const vpc = orElse(spec.vpc, isOvn(provider) ? cluster.defaultVpc : '');
  const cidrs = parseCidrs(spec.cidrBlock ?? '');
  return {
    ...spec,
    ...(cidrs && ranges(spec, cidrs)),
    ...protocol(spec, cidrs),
    ...(vpc === cluster.defaultVpc && ofDefaultVpc(name, spec, cluster)),
    ...interconnection(spec),
    ...(name !== cluster.joinSubnet && spec.enableLb === undefined && { enableLb: cluster.enableLb }),
    provider,
    ...(vpc !== '' && { vpc }),
  };
}

/** The part of `full` that has to be written: what differs from `spec`, and what an earlier write holds. */
export function defaultsOf(spec: SubnetSpec, full: SubnetSpec, held: readonly string[]): JsonObject {
  const written = fields.filter(
    (field) => full[field] !== undefined && (held.includes(field) || !isDeepStrictEqual(spec[field], full[field])),
  );
  return Object.fromEntries(written.map((field) => [field, full[field] as Json]));
}

const orElse = (text: string | undefined, other: string): string => (text === undefined || text === '' ? other : text);

function ranges(spec: SubnetSpec, cidrs: readonly Cidr[]): Partial<SubnetSpec> {
  const gateway = gateways(spec.gateway ?? '', cidrs);
  const cidrBlock = commaList(spec.cidrBlock ?? '')
    .map((part) => canonicalCidr(part) ?? part)
    .join(',');
  return { cidrBlock, gateway, excludeIps: excluded(spec.excludeIps ?? [], commaList(gateway)) };
}

/** The given gateways, and the first usable address of each family that has none. */
function gateways(text: string, cidrs: readonly Cidr[]): string {
  const given = commaList(text);
  const families = new Set(given.map(familyOf));
  const added = cidrs.filter((cidr) => !families.has(cidr.family)).map((cidr) => formatIp(firstUsable(cidr)));
  // A malformed gateway is shown as it is: to append another one would hide it.
  return families.has(undefined) ? text : [...given, ...added].join(',');
}

function excluded(given: readonly string[], gateway: readonly string[]): string[] {
  const parsed = given.map(parseRange);
  const known = parsed.filter((range) => range !== undefined);
  if (known.length < parsed.length) return [...given];
  const merged = mergeRanges(known);
  const missing = gateway
    .map(parseIp)
    .filter((ip) => ip !== undefined)
    .filter((ip) => !rangesContain(merged, ip));
  return mergeRanges([...merged, ...missing.map(ipRange)]).map(formatRange);
}

function protocol(spec: SubnetSpec, cidrs: readonly Cidr[] | undefined): Partial<SubnetSpec> {
  if (cidrs === undefined) return orElse(spec.vlan, '') !== '' && !spec.cidrBlock ? { protocol: 'Mac' } : {};
  const families = new Set(cidrs.map((cidr) => cidr.family));
  if (families.size === 2) return { protocol: 'Dual' };
  return { protocol: families.has(4) ? 'IPv4' : 'IPv6' };
}

function ofDefaultVpc(name: string, spec: SubnetSpec, cluster: Cluster): Partial<SubnetSpec> {
  return {
    gatewayType: orElse(spec.gatewayType, 'distributed'),
    ...(spec.default === true && name !== cluster.defaultSubnet && { default: false }),
  };
}

/** The interconnection of underlay and overlay makes sense only for an underlay. */
function interconnection(spec: SubnetSpec): Partial<SubnetSpec> {
  const on = spec.u2oInterconnection === true && orElse(spec.vlan, '') !== '';
  return {
    ...(spec.u2oInterconnection === true && !on && { u2oInterconnection: false }),
    ...(!on && orElse(spec.u2oInterconnectionIP, '') !== '' && { u2oInterconnectionIP: '' }),
  };
}
