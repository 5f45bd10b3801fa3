// Fields that the API takes and that have no effect yet. Each is told to its author.
import type { Finding } from './tables.ts';
import type { SubnetSpec } from './subnet.gen.ts';

const ofSubnet = ['enableExternalLBAddress'] as const satisfies readonly (keyof SubnetSpec)[];

/** What a Subnet asks for in vain; `spec` is filled with its defaults. */
export function subnetNotices(spec: SubnetSpec): Finding[] {
  return withoutEffect(asked(spec, ofSubnet));
}

const withoutEffect = (fields: readonly string[]): Finding[] =>
  fields.length === 0 ? [] : [{ reason: 'FeatureNotAvailable', message: `no effect yet: ${fields.join(', ')}` }];

const asked = <K extends string>(spec: Readonly<Partial<Record<K, unknown>>>, fields: readonly K[]): K[] =>
  fields.filter((field) => isAsked(spec[field]));

/** Off, empty and absent ask for nothing. */
const isAsked = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : value === true || (typeof value === 'string' && value !== '');
