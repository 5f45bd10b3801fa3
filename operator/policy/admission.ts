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
