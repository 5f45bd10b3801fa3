// Pods of namespaces without the label reach nothing at the address of the settings.
import { Direction, Rule, Rules, Value } from '@kubeloom/policy-sdk/assembly/acl';
import { Cidr } from '@kubeloom/policy-sdk/assembly/net';

export function validate(settings: Value): string {
  if (settings.get('label').text() == '') return 'label: which label lets a namespace reach the address';
  return Cidr.parse(settings.get('address').text()) === null ? 'address: an address or a prefix is needed' : '';
}

export function evaluate(input: Value, settings: Value, rules: Rules): void {
  if (input.get('namespace').get('labels').has(settings.get('label').text())) return;
  rules.add(
    Rule.drop(Direction.Egress)
      .priority(100)
      .cidr(prefix(settings.get('address').text())),
  );
}

function prefix(address: string): string {
  if (address.indexOf('/') >= 0) return address;
  return address.indexOf(':') >= 0 ? address + '/128' : address + '/32';
}
