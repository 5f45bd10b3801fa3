// Hook `admission`: whether an object of a kind of kubeovn.io may be stored.
//
//   export function evaluate(input: Value, settings: Value): string   // "" allows; else why not
//   export function validate(settings: Value): string                 // "" or what is wrong
//
// The input has `kind`, `operation` (CREATE, UPDATE, DELETE) and, where they are declared and exist, `object` and
// `oldObject`.
import { Value } from './json';

export { Value } from './json';
export { refuse } from './abi';

/** The answer, for the generated entry. */
export function verdict(message: string): string {
  const answer = Value.object().set('allowed', Value.flag(message.length == 0));
  if (message.length > 0) answer.set('message', Value.text(message));
  return answer.toString();
}
