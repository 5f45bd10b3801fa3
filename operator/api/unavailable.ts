// Fields that the API takes and that have no effect yet. Each is told to its author.
import type { Finding } from './tables.ts';
import type { SubnetSpec } from './subnet.gen.ts';
import type { VpcSpec } from './vpc.gen.ts';

const ofSubnet = [
  'enableExternalLBAddress',
  'externalEgressGateway',
  'natOutgoingPolicyRules',
  'nodeNetwork',
] as const satisfies readonly (keyof SubnetSpec)[];

/** The address of the router on an external subnet is that of an OvnEip. */
const ofOvnEip = ['enableBfd', 'enableExternal', 'extraExternalSubnets'] as const satisfies readonly (keyof VpcSpec)[];

/** What a Subnet asks for in vain; `spec` is filled with its defaults. */
export function subnetNotices(spec: SubnetSpec): Finding[] {
  const egress = (spec.gatewayNode ?? '').includes(':') ? ['gatewayNode (node:ip)'] : [];
  return withoutEffect([...asked(spec, ofSubnet), ...egress]);
}

/** What a Vpc asks for in vain. */
export const vpcNotices = (spec: VpcSpec): Finding[] =>
  withoutEffect(asked(spec, ofOvnEip), ' (it takes kind OvnEip, which is not available)');

const withoutEffect = (fields: readonly string[], why = ''): Finding[] =>
  fields.length === 0 ? [] : [{ reason: 'FeatureNotAvailable', message: `no effect yet: ${fields.join(', ')}${why}` }];

const asked = <K extends string>(spec: Readonly<Partial<Record<K, unknown>>>, fields: readonly K[]): K[] =>
  fields.filter((field) => isAsked(spec[field]));

/** Off, empty and absent ask for nothing. */
const isAsked = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : value === true || (typeof value === 'string' && value !== '');
