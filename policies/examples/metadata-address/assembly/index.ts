// Only namespaces with a label reach the metadata service of the cloud, which hands out the credentials of the node.
//
// settings: {"label": "kubeloom.io/metadata-access", "value": "true"}; without a value any will do.
import { Direction, Rule, Rules, Value } from '@kubeloom/policy-sdk/assembly/acl';

/** Where the clouds have it, by family. */
const addresses: string[] = ['169.254.169.254/32', 'fd00:ec2::254/128'];

/** Ahead of what other modules allow. */
const PRIORITY: i32 = 10;

export function validate(settings: Value): string {
  if (settings.get('label').text() == '') return 'label: which label lets a namespace reach the metadata service';
  const value = settings.get('value');
  return value.isNull || value.isText ? '' : 'value: a text, or none';
}

export function evaluate(input: Value, settings: Value, rules: Rules): void {
  const label = input.get('namespace').get('labels').get(settings.get('label').text());
  const wanted = settings.get('value');
  if (label.isText && (wanted.isNull || wanted.text() == label.text())) return;
  const rule = Rule.drop(Direction.Egress).priority(PRIORITY);
  for (let at = 0; at < addresses.length; at++) rule.cidr(addresses[at]);
  rules.add(rule);
}
