// Pods of namespaces with the label take their addresses from the pool of the settings, all others from anywhere.
import { Choice, named, Value } from '@kubeloom/policy-sdk/assembly/ipam';

export function validate(settings: Value): string {
  if (settings.get('label').text() == '') return 'label: which label brings a namespace into the pool';
  return settings.get('pool').text() == '' ? 'pool: the name of an IPPool' : '';
}

export function evaluate(input: Value, settings: Value, choice: Choice): void {
  if (!input.get('namespace').get('labels').has(settings.get('label').text())) return;
  const pool = settings.get('pool').text();
  if (named(input.get('pools'), pool).isNull) choice.deny(`pool ${pool} is not offered`);
  else choice.pool(pool);
}
