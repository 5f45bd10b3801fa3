// What a rule of a SecurityGroup means to OVN. Every field may be any text, and none gets into a match but as what was
// read of it. A rule that cannot be read as a whole never lets through more than was asked for: one that allows is left
// out, any other drops what its readable fields say.
import { canonicalCidr, canonicalIp } from '../../lib/net/index.ts';
import type { Direction } from './policy-row.ts';
import { isObjectName } from './security-row.ts';
import type { PortSpan, SecurityRule } from './security-row.ts';

type Action = 'allow-related' | 'drop' | 'pass';

export interface UsableRule {
  readonly priority: number;
  readonly action: Action;
  /** Absent where it cannot be read, of a rule that drops both. */
  readonly family?: 4 | 6;
  /** Group whose addresses are the other side. */
  readonly remoteGroup?: string;
  /** An address or a CIDR that is the other side. */
  readonly remoteAddress?: string;
  /** The rest of the match, joined by `&&`. */
  readonly terms: readonly string[];
}

export interface RuleReading {
  /** Absent: it is left out. */
  readonly rule?: UsableRule;
  readonly faults: readonly string[];
}

const actions: Readonly<Record<string, Action>> = { allow: 'allow-related', drop: 'drop', deny: 'drop', pass: 'pass' };
/** Kube-OVN takes a rule without a version for one of IPv4. */
const families: Readonly<Record<string, 4 | 6>> = { ipv4: 4, '': 4, ipv6: 6 };

/** Of rules: 1 to this, the strongest first. */
const weakestRule = 16_384;

export function securityRule(rule: SecurityRule, direction: Direction): RuleReading {
  const faults: string[] = [];
  const family = own(families, rule.ipVersion);
  if (family === undefined) faults.push(`ipVersion ${said(rule.ipVersion)} is neither ipv4 nor ipv6`);
  const action = own(actions, rule.policy);
  if (action === undefined) faults.push(`policy ${said(rule.policy)} is none of allow, drop, pass`);
  const priority = priorityOf(rule, faults);
  const remote = remoteOf(rule, family, faults);
  const terms = [...localTerms(rule, { family, direction }, faults), ...protocolTerms(rule, family, faults)];
  const read = { priority, ...(family && { family }), ...remote, terms };
  if (faults.length === 0 && action !== undefined) return { faults, rule: { ...read, action } };
  return action === 'allow-related' ? { faults } : { faults, rule: { ...read, action: 'drop' } };
}

function priorityOf({ priority }: SecurityRule, faults: string[]): number {
  if (priority >= 1 && priority <= weakestRule) return priority;
  faults.push(`priority ${priority} is not from 1 to ${weakestRule}`);
  return 1;
}

/** Any text, in one line. */
const said = (text: string): string => JSON.stringify(text);

/** A name out of a list, and nothing that every object has. */
const own = <V>(values: Readonly<Record<string, V>>, key: string): V | undefined =>
  Object.hasOwn(values, key) ? values[key] : undefined;

type Remote = Pick<UsableRule, 'remoteGroup' | 'remoteAddress'>;

function remoteOf(rule: SecurityRule, family: 4 | 6 | undefined, faults: string[]): Remote {
  const { remoteType, remoteAddress, remoteGroup } = rule;
  if (remoteType === 'securityGroup') {
    if (isObjectName(remoteGroup)) return family ? { remoteGroup } : {};
    faults.push(`remoteSecurityGroup ${said(remoteGroup)} is not the name of an object`);
  } else if (remoteType === 'address') {
    const address = prefixOf(remoteAddress, family);
    if (address !== undefined) return { remoteAddress: address };
    faults.push(`remoteAddress ${said(remoteAddress)} is not an address or a CIDR of its version`);
  } else faults.push(`remoteType ${said(remoteType)} is neither address nor securityGroup`);
  return {};
}

/** In canonical form, without the bits of the host: OVN reads nothing else. */
function prefixOf(text: string, family: 4 | 6 | undefined): string | undefined {
  const found = canonicalIp(text) ?? canonicalCidr(text)?.replace(/(?<=\.\d+)\/32$|\/128$/, '');
  return found !== undefined && family === (found.includes(':') ? 6 : 4) ? found : undefined;
}

interface Place {
  readonly family: 4 | 6 | undefined;
  readonly direction: Direction;
}

const localField = { ingress: 'dst', egress: 'src' } as const satisfies Record<Direction, string>;

function localTerms({ localAddress }: SecurityRule, { family, direction }: Place, faults: string[]): string[] {
  if (localAddress === '') return [];
  const address = prefixOf(localAddress, family);
  if (address !== undefined && family) return [`ip${family}.${localField[direction]} == ${address}`];
  faults.push(`localAddress ${said(localAddress)} is not an address or a CIDR of its version`);
  return [];
}

function protocolTerms(rule: SecurityRule, family: 4 | 6 | undefined, faults: string[]): string[] {
  const { protocol } = rule;
  if (protocol === 'all' || protocol === '') return [];
  if (protocol === 'icmp') return [family ? `icmp${family}` : 'icmp'];
  if (protocol === 'tcp' || protocol === 'udp') return portTerms(rule, protocol, faults);
  faults.push(`protocol ${said(protocol)} is none of all, icmp, tcp, udp`);
  return [];
}

function portTerms(rule: SecurityRule, protocol: 'tcp' | 'udp', faults: string[]): string[] {
  const ports = spanTerm(`${protocol}.dst`, rule.ports);
  if (ports === undefined) faults.push(`portRangeMin ${rule.ports[0]} and portRangeMax ${rule.ports[1]} are no range`);
  const isAsked = rule.localAddress !== '' && rule.sourcePorts.some((port) => port !== 0);
  const sources = isAsked ? spanTerm(`${protocol}.src`, rule.sourcePorts) : undefined;
  if (isAsked && sources === undefined)
    faults.push(`sourcePortRangeMin ${rule.sourcePorts[0]} and sourcePortRangeMax ${rule.sourcePorts[1]} are no range`);
  // Without a range of its own the protocol is what can be read.
  return [ports ?? protocol, ...(sources === undefined ? [] : [sources])];
}

function spanTerm(field: string, [least, most]: PortSpan): string | undefined {
  return least >= 1 && most <= 65_535 && least <= most ? `${least} <= ${field} <= ${most}` : undefined;
}
