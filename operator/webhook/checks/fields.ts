// Checks that several kinds make of their fields.
import { isDeepStrictEqual } from 'node:util';
import { containsIp, parseCidrs, parseIp } from '../../../lib/net/index.ts';
import type { Family, Ip } from '../../../lib/net/index.ts';
import type { JsonObject } from '../../api/fact.ts';
import { textOf } from '../../api/json.ts';
import type { View } from './check.ts';
import { specOf } from './check.ts';

/** A field with an address in it. */
export interface AddressField {
  readonly field: string;
  /** '' is no address, and nothing is wrong with it. */
  readonly text: string;
  /** Absent: any will do. */
  readonly family?: Family;
  /** In which it must lie; absent: anywhere. */
  readonly subnet?: string;
}

/** An address of the family, in lower case, within the subnet. */
export function* addressFaults(given: AddressField, view: View): Generator<string> {
  const { field, text, family, subnet } = given;
  if (text === '') return;
  const ip = parseIp(text);
  if (!ip || (family !== undefined && ip.family !== family)) {
    yield `${field} ${text} is not an ${family === undefined ? '' : `IPv${family} `}address`;
    return;
  }
  if (text !== text.toLowerCase()) yield `${field} ${text}: IPv6 must be written in lower case`;
  if (subnet !== undefined) yield* outside({ ...given, subnet }, ip, view);
}

function* outside({ field, text, subnet }: AddressField & { subnet: string }, ip: Ip, view: View): Generator<string> {
  const block = textOf(view.get('subnet', subnet)?.spec['cidrBlock']);
  const cidrs = parseCidrs(block) ?? [];
  // What a subnet without a usable range is to hold is its own problem.
  if (cidrs.length > 0 && !cidrs.some((cidr) => containsIp(cidr, ip)))
    yield `${field} ${text} is not in the CIDR ${block} of subnet ${subnet}`;
}

/** The name of something that has to be there. */
export function* subnetFaults(field: string, name: string, view: View): Generator<string> {
  if (name === '') yield `${field} is empty`;
  else if (!view.get('subnet', name)) yield `subnet ${name} does not exist`;
}

/** Fields of spec that stay once they are set. */
export function* fixedFields(
  before: JsonObject,
  after: JsonObject,
  [fields, why]: readonly [fields: readonly string[], why: string],
): Generator<string> {
  const [was, is] = [specOf(before), specOf(after)];
  for (const field of fields) {
    const [old, now] = [was[field], is[field]];
    if (isUnset(old) || isDeepStrictEqual(old, now)) continue;
    yield `${field} may not change ${why}: it is ${JSON.stringify(old)}`;
  }
}

const isUnset = (value: unknown): boolean => value === undefined || value === '' || value === false || value === 0;

/** Decimal, as a rule of OVN and of iptables takes it. */
export function* portFaults(field: string, text: string): Generator<string> {
  if (text === '') yield `${field} is empty`;
  else if (!/^[1-9]\d{0,4}$/.test(text) || Number(text) > 65_535) yield `${field} ${text} is not a port`;
}
