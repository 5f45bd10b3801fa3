// A SecurityGroup as the reconcilers see it: what its rules say, each field as it was written. What they mean is read in
// security-rule.ts.
import { hash } from 'node:crypto';
import { flagOf, integerOf, listOf, objectOf, textOf } from './json.ts';
import type { Json, JsonObject } from './fact.ts';
import { metaOf } from './meta.ts';
import type { Direction } from './policy-row.ts';
import type { Meta } from './tables.ts';

/** From and to; 0 where none is given. */
export type PortSpan = readonly [least: number, most: number];

export interface SecurityRule {
  readonly ipVersion: string;
  readonly policy: string;
  /** 1 is the strongest. */
  readonly priority: number;
  readonly protocol: string;
  readonly remoteType: string;
  readonly remoteAddress: string;
  readonly remoteGroup: string;
  readonly localAddress: string;
  readonly ports: PortSpan;
  readonly sourcePorts: PortSpan;
}

/** The rules of one direction. */
export interface SecurityRules {
  readonly rules: readonly SecurityRule[];
  /** MD5 of the rules as they are written: `ingressMd5` and `egressMd5` of the status. */
  readonly digest: string;
}

export interface SecurityGroupRow {
  readonly meta: Meta;
  readonly tier: number;
  readonly allowsSameGroup: boolean;
  readonly rules: Readonly<Record<Direction, SecurityRules>>;
}

export function securityGroupRow(source: unknown): SecurityGroupRow {
  const object = objectOf(source);
  const spec = objectOf(object['spec']);
  return {
    meta: metaOf(object),
    // Anything that is no number at all is none of the tiers.
    tier: spec['tier'] === undefined ? 0 : Number.isSafeInteger(spec['tier']) ? integerOf(spec['tier']) : -1,
    allowsSameGroup: flagOf(spec['allowSameGroupTraffic']),
    rules: { ingress: rulesOf(spec['ingressRules']), egress: rulesOf(spec['egressRules']) },
  };
}

function rulesOf(value: unknown): SecurityRules {
  const list = listOf(value);
  return { rules: list.map((entry) => ruleOf(objectOf(entry))), digest: hash('md5', textOfJson(list)) };
}

const textOfJson = (list: readonly Json[]): string =>
  JSON.stringify(list, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));

const ruleOf = (rule: JsonObject): SecurityRule => ({
  ipVersion: textOf(rule['ipVersion']),
  policy: textOf(rule['policy']),
  priority: integerOf(rule['priority']),
  protocol: textOf(rule['protocol']),
  remoteType: textOf(rule['remoteType']),
  remoteAddress: textOf(rule['remoteAddress']),
  remoteGroup: textOf(rule['remoteSecurityGroup']),
  localAddress: textOf(rule['localAddress']),
  ports: [integerOf(rule['portRangeMin']), integerOf(rule['portRangeMax'])],
  sourcePorts: [integerOf(rule['sourcePortRangeMin']), integerOf(rule['sourcePortRangeMax'])],
});

/** The group that ports in VPCs other than the default one are in although they do not name it. */
export const defaultSecurityGroup = 'default-securitygroup';

/** A name that an object of the API can have (RFC 1123 subdomain). */
export const isObjectName = (text: string): boolean =>
  text.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(text);
