// Names of objects begin with the prefix of the settings.
import { Value } from '@kubeloom/policy-sdk/assembly/admission';

export function validate(settings: Value): string {
  return settings.get('prefix').text() == '' ? 'prefix: what names have to begin with' : '';
}

export function evaluate(input: Value, settings: Value): string {
  if (input.get('operation').text() == 'DELETE') return '';
  const prefix = settings.get('prefix').text();
  const name = input.get('object').get('metadata').get('name').text();
  return name.startsWith(prefix) ? '' : `the name ${name} does not begin with ${prefix}`;
}
