// What the webhook asks of policy modules with hook `admission`: whether an object of ours may be stored.
import type { JsonObject } from '../api/fact.ts';

/** As admission.k8s.io/v1 names them. */
export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE';

export interface AdmissionVerdict {
  readonly allowed: boolean;
  /** Why not, for the user who wrote the object; '' when it is allowed. */
  readonly message: string;
}

/**
 * Asks every module in force that selects the kind. Never rejects: a module that fails counts as its failurePolicy says.
 * `object` is undefined for DELETE, `oldObject` for CREATE. Settles within the longest deadline of the modules asked.
 */
export type Admit = (
  kind: string,
  operation: AdmissionOperation,
  object: JsonObject | undefined,
  oldObject: JsonObject | undefined,
) => Promise<AdmissionVerdict>;

const longestMessage = 1000;

/** Reads `{"allowed": true}` or `{"allowed": false, "message": "..."}`. Throws an Error that says what is wrong. */
export function parseVerdict(answer: unknown): AdmissionVerdict {
  const { allowed, message = '', ...odd } = (answer ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof allowed !== 'boolean') throw new Error('allowed is neither true nor false');
  if (typeof message !== 'string') throw new Error('message is not a text');
  const [name] = Object.keys(odd);
  if (name !== undefined) throw new Error(`the answer has the unknown field ${JSON.stringify(name.slice(0, 64))}`);
  return { allowed, message: allowed ? '' : message.slice(0, longestMessage) };
}

/** All must allow; the messages of those that do not, each with the name of its module. */
export function together(verdicts: readonly (AdmissionVerdict & { readonly module: string })[]): AdmissionVerdict {
  const refused = verdicts.filter(({ allowed }) => !allowed);
  return {
    allowed: refused.length === 0,
    message: refused.map(({ module, message }) => `policy module ${module}: ${message || 'refused'}`).join('; '),
  };
}
