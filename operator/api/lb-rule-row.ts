// SwitchLBRules and RouterLBRules: addresses that are balanced without being those of a Service.
import { integerOf, listOf, objectOf, textOf, textsOf, commaList } from './json.ts';
import { createdOf, metaOf } from './meta.ts';
import type { Meta } from './tables.ts';

export interface RulePort {
  readonly name: string;
  /** As written, TCP when nothing is. */
  readonly protocol: string;
  readonly port: number;
  readonly targetPort: number;
}

export interface LbRuleRow {
  readonly meta: Meta;
  /** Creation time in ms since the epoch: of two rules with one address and port the older is right. */
  readonly created: number;
  /** Of the generated Service. */
  readonly namespace: string;
  /** As written; of a SwitchLBRule. */
  readonly vips: readonly string[];
  /** Of a RouterLBRule: the VPC whose router balances, and the OvnEip that has the address. */
  readonly vpc: string;
  readonly eip: string;
  readonly ports: readonly RulePort[];
  /** `key:value` each. */
  readonly selector: readonly string[];
  /** Addresses of backends that are no pods, or not to be selected. */
  readonly endpoints: readonly string[];
  readonly sessionAffinity: string;
}

export function lbRuleRow(source: unknown): LbRuleRow {
  const object = objectOf(source);
  const spec = objectOf(object['spec']);
  return {
    meta: metaOf(object),
    created: createdOf(object),
    namespace: textOf(spec['namespace']) || 'default',
    vips: commaList(textOf(spec['vip'])),
    vpc: textOf(spec['vpc']),
    eip: textOf(spec['ovnEip']),
    ports: listOf(spec['ports']).map((entry) => portOf(objectOf(entry))),
    selector: textsOf(spec['selector']),
    endpoints: textsOf(spec['endpoints']),
    sessionAffinity: textOf(spec['sessionAffinity']),
  };
}

function portOf(entry: ReturnType<typeof objectOf>): RulePort {
  const port = integerOf(entry['port']);
  return {
    name: textOf(entry['name']),
    protocol: textOf(entry['protocol']) || 'TCP',
    port,
    targetPort: integerOf(entry['targetPort']) || port,
  };
}
