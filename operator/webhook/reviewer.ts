// Decides about one request: whose requests always pass, what the checks find, and what modules of users say.
//
//   the operator's own, what is being deleted, subresources -> allowed
//   checks by the mirrors: nothing found --------------------+-> modules, for our own kinds -> the verdict
//                          something --> read what decided   |
//                          from the API server, ask again ---+-> still something: refused
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '../api/fact.ts';
import { objectOf, textOf } from '../api/json.ts';
import type { AdmissionVerdict, Admit } from '../policy/admission.ts';
import type { AdmissionRequest } from './admission-review.ts';
import type { Checks, View } from './checks/check.ts';
import { checks } from './checks/registry.ts';
import type { Origin, Reading } from './sight.ts';
import { Sight } from './sight.ts';

export interface ReviewerOptions {
  readonly view: View;
  /** Reads objects from the API server. Rejects when it does not answer. */
  readonly read: (origins: readonly Origin[]) => Promise<readonly Reading[]>;
  /** User names of the operator. */
  readonly operators: readonly string[];
  /** Modules that users wrote; absent: there are none. */
  readonly admit?: Admit;
}

const allowed: AdmissionVerdict = { allowed: true, message: '' };

/** What is read at most: a refusal with more behind it stands by what the mirrors say of the rest. */
const mostRead = 64;

/** Deletes what nobody owns any more, and what is in a namespace that ends: that has to go on. */
const collectors: readonly string[] = [
  'system:serviceaccount:kube-system:generic-garbage-collector',
  'system:serviceaccount:kube-system:namespace-controller',
];

/** Resolves with the verdict; rejects when it cannot be told, and then the webhook's failurePolicy decides. */
export async function review(request: AdmissionRequest, options: ReviewerOptions): Promise<AdmissionVerdict> {
  if (passes(request, options.operators)) return allowed;
  const found = checks[`${request.group}/${request.kind}`];
  const wrong = found ? await confirmed(request, found, options) : [];
  if (wrong.length > 0) return { allowed: false, message: wrong.join('; ') };
  return askModules(request, options.admit);
}

function passes(
  { username, subresource, operation, oldObject }: AdmissionRequest,
  operators: readonly string[],
): boolean {
  if (operators.includes(username) || subresource !== '' || operation === 'CONNECT') return true;
  if (operation === 'DELETE' && collectors.includes(username)) return true;
  // Finalizers come off what is being deleted, whatever else is wrong with it.
  return textOf(metadataOf(oldObject)['deletionTimestamp']) !== '';
}

async function confirmed(request: AdmissionRequest, kind: Checks, options: ReviewerOptions): Promise<string[]> {
  const first = new Sight(options.view);
  if (messages(request, kind, first).length === 0) return [];
  const readings = await options.read(first.seen.slice(0, mostRead));
  return messages(request, kind, new Sight(options.view, readings));
}

function messages(request: AdmissionRequest, kind: Checks, view: View): string[] {
  const { operation, object = {}, oldObject = {} } = request;
  const faults = (of: JsonObject): string[] => [...(kind.faults?.(of, view) ?? [])];
  if (operation === 'DELETE') return [...new Set(kind.uses?.(oldObject, view))];
  if (operation === 'CREATE') return [...new Set(faults(object))];
  if (isDeepStrictEqual(object['spec'], oldObject['spec'])) return [];
  const before = faults(oldObject);
  const introduced = faults(object).filter((message) => !before.includes(message));
  return [...new Set([...(kind.changes?.(oldObject, object, view) ?? []), ...introduced])];
}

/** Only our own kinds, and only what a person can have changed. */
async function askModules(request: AdmissionRequest, admit: Admit | undefined): Promise<AdmissionVerdict> {
  const { group, kind, operation, object, oldObject } = request;
  if (!admit || group !== 'kubeovn.io' || operation === 'CONNECT') return allowed;
  if (operation === 'UPDATE' && isDeepStrictEqual(chosen(object), chosen(oldObject))) return allowed;
  return admit(kind, operation, object, oldObject);
}

const metadataOf = (object: JsonObject | undefined): JsonObject => objectOf(object?.['metadata']);

function chosen(object: JsonObject | undefined): readonly unknown[] {
  const { labels, annotations } = metadataOf(object);
  return [object?.['spec'], labels, annotations];
}
