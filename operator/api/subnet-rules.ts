// What a Subnet may say, as Kube-OVN validates it: one function per rule, each answering with the message for the user
// or with nothing. They see one object; what concerns several is decided where the others can be read.
import {
  addressBits,
  broadcastAddress,
  canonicalIp,
  compareIp,
  containsIp,
  familyOf,
  networkAddress,
  overlaps,
  parseCidr,
  parseCidrs,
  parseIp,
  parsePrefix,
  parseRange,
} from '../../lib/net/index.ts';
import type { Cidr, Ip } from '../../lib/net/index.ts';
import { commaList } from './json.ts';
import type { SubnetSpec } from './subnet.gen.ts';
import type { Cluster } from './tables.ts';

/** A filled spec with its ranges parsed; malformed ones are missing here and named by the rules. */
export interface Subject {
  readonly name: string;
  readonly spec: SubnetSpec;
  /** spec.cidrBlock, for messages. */
  readonly block: string;
  readonly cidrs: readonly Cidr[];
  readonly cluster: Cluster;
}

type Rule = (subject: Subject) => string | undefined;

/** RFC 6890: no address of these can be a pod's. */
const special = ['0.0.0.0/32', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '255.255.255.255/32']
  .concat(['::/128', '::1/128', 'fe80::/10', 'ff00::/8'])
  .map(parseCidr)
  .filter((cidr) => cidr !== undefined);

const within = (cidrs: readonly Cidr[], ip: Ip): boolean => cidrs.some((cidr) => containsIp(cidr, ip));

const listed = (spec: SubnetSpec): [field: string, value: string][] => [
  ['cidrBlock', spec.cidrBlock ?? ''],
  ['gateway', spec.gateway ?? ''],
  ['externalEgressGateway', spec.externalEgressGateway ?? ''],
  ['u2oInterconnectionIP', spec.u2oInterconnectionIP ?? ''],
  ...(['excludeIps', 'vips', 'allowSubnets'] as const).flatMap((field) =>
    (spec[field] ?? []).map((value): [string, string] => [field, value]),
  ),
];

const lowerCase: Rule = ({ spec }) => {
  const upper = listed(spec).find(([, value]) => value.includes(':') && value !== value.toLowerCase());
  return upper && `${upper[0]} ${upper[1]}: IPv6 must be written in lower case`;
};

const cidr: Rule = ({ spec }) => {
  const text = spec.cidrBlock ?? '';
  const parsed = parseCidrs(text);
  if (!parsed) return `cidrBlock ${text} is not a CIDR`;
  if (new Set(parsed.map((part) => part.family)).size < parsed.length) return `cidrBlock ${text}: one CIDR per family`;
  if (parsed.some((part) => special.some((other) => overlaps(part, other))))
    return `cidrBlock ${text} holds addresses that are not unicast`;
  return parsed.some((part) => part.length === addressBits(part.family))
    ? `cidrBlock ${text} holds one address only`
    : undefined;
};

const gateway: Rule = ({ spec, block, cidrs }) => {
  const seen = new Set<number>();
  for (const text of commaList(spec.gateway ?? '')) {
    const ip = parseIp(text);
    const home = ip && cidrs.find((part) => containsIp(part, ip));
    if (!ip || !home) return `gateway ${text} is not in the CIDR ${block}`;
    if (atEdge(home, ip)) return `gateway ${text} is the network or broadcast address of ${block}`;
    if (seen.has(ip.family)) return `gateway ${text}: one per family`;
    seen.add(ip.family);
  }
  return undefined;
};

/** RFC 3021 and RFC 6164: the two addresses of a point-to-point prefix are hosts. */
function atEdge(home: Cidr, ip: Ip): boolean {
  if (home.length >= addressBits(home.family) - 1) return false;
  return [networkAddress(home), broadcastAddress(home)].some((edge) => compareIp(edge, ip) === 0);
}

const excludeIps: Rule = ({ spec }) => {
  const bad = (spec.excludeIps ?? []).find((text) => !parseRange(text));
  return bad === undefined ? undefined : `excludeIps ${bad} is neither an address nor a range a..b`;
};

const allowSubnets: Rule = ({ spec }) => {
  const bad = (spec.allowSubnets ?? []).find((text) => !parsePrefix(text));
  return bad === undefined ? undefined : `allowSubnets ${bad} is not a CIDR`;
};

const oneOf =
  (field: 'gatewayType' | 'protocol', allowed: readonly string[]): Rule =>
  ({ spec }) =>
    allowed.includes(spec[field] ?? '')
      ? undefined
      : `${field} ${spec[field] ?? ''} is none of ${allowed.slice(1).join(', ')}`;

const mtu: Rule = ({ spec, cidrs }) => {
  const value = spec.mtu ?? 0;
  if (value < 0) return `mtu ${value} is negative`;
  // RFC 8200 section 5: the least that every IPv6 link carries.
  return value > 0 && value < 1280 && cidrs.some((part) => part.family === 6)
    ? `mtu ${value} is below 1280, which IPv6 needs`
    : undefined;
};

const differentName: Rule = ({ name, spec }) =>
  name === spec.vpc ? `subnet ${name} and its VPC must have different names` : undefined;

const apiServer: Rule = ({ spec, block, cidrs, cluster }) => {
  if (spec.vpc !== cluster.defaultVpc) return undefined;
  const inside = cluster.apiServer.find((text) => {
    const ip = parseIp(text);
    return ip !== undefined && within(cidrs, ip);
  });
  return inside && `cidrBlock ${block} contains the API server's address ${inside}`;
};

const egressGateway: Rule = ({ spec, block, cidrs }) => {
  const hops = commaList(spec.externalEgressGateway ?? '');
  if (hops.length === 0) return undefined;
  if (spec.natOutgoing === true) return 'natOutgoing and externalEgressGateway exclude each other';
  const families = hops.map(familyOf);
  if (families.includes(undefined) || hops.length > 2)
    return `externalEgressGateway ${hops.join(',')} is not one or two addresses`;
  const own = new Set(cidrs.map((part) => part.family));
  return own.size === 2 || families.every((family) => family !== undefined && own.has(family))
    ? undefined
    : `externalEgressGateway ${hops.join(',')} is not of the family of ${block}`;
};

const vips: Rule = ({ spec, block, cidrs }) => {
  const bad = (spec.vips ?? []).find((text) => {
    const ip = parseIp(text);
    return !ip || !within(cidrs, ip);
  });
  return bad === undefined ? undefined : `vips ${bad} is not in the CIDR ${block}`;
};

const interconnection: Rule = ({ spec, block, cidrs }) => {
  if (spec.logicalGateway && spec.u2oInterconnection) return 'logicalGateway and u2oInterconnection exclude each other';
  const gateways = commaList(spec.gateway ?? '').map(canonicalIp);
  for (const text of commaList(spec.u2oInterconnectionIP ?? '')) {
    const ip = parseIp(text);
    if (!ip || !within(cidrs, ip)) return `u2oInterconnectionIP ${text} is not in the CIDR ${block}`;
    if (gateways.includes(canonicalIp(text))) return `u2oInterconnectionIP ${text} is the gateway`;
  }
  return undefined;
};

const overlayOnly: Rule = ({ spec }) =>
  spec.u2oFeatures?.overlayOnlyRouting && !(spec.u2oInterconnection && spec.vlan)
    ? 'u2oFeatures.overlayOnlyRouting needs u2oInterconnection and a vlan'
    : undefined;

const natPolicies: Rule = ({ spec }) => {
  for (const [at, { match }] of (spec.natOutgoingPolicyRules ?? []).entries()) {
    const source = familiesOf(match?.srcIPs ?? '');
    const target = familiesOf(match?.dstIPs ?? '');
    const families = new Set([...source, ...target]);
    if (families.has(undefined) || families.size > 1)
      return `natOutgoingPolicyRules[${at}]: addresses or CIDRs of one family are needed`;
  }
  return undefined;
};

const familiesOf = (text: string): (4 | 6 | undefined)[] =>
  commaList(text).map((part) => familyOf(part) ?? parseCidr(part)?.family);

const macOnly: Rule = ({ spec }) => {
  const fields = ['gateway', 'excludeIps', 'vips', 'u2oInterconnectionIP'];
  const extra = listed(spec).find(([field, value]) => fields.includes(field) && value !== '');
  return extra && `${extra[0]} ${extra[1]} needs a cidrBlock`;
};

const always: readonly Rule[] = [
  lowerCase,
  allowSubnets,
  oneOf('gatewayType', ['', 'distributed', 'centralized']),
].concat([oneOf('protocol', ['', 'IPv4', 'IPv6', 'Dual', 'Mac']), mtu, differentName, natPolicies]);
const withRange: readonly Rule[] = [
  cidr,
  gateway,
  excludeIps,
  apiServer,
  egressGateway,
  vips,
  interconnection,
  overlayOnly,
];

/** Messages of all rules that the subject breaks. */
export function broken(subject: Subject): string[] {
  const { vlan, cidrBlock } = subject.spec;
  const rules = vlan && !cidrBlock ? [macOnly, ...always] : [...withRange, ...always];
  return rules.map((rule) => rule(subject)).filter((message) => message !== undefined);
}
