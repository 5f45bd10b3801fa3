// AdmissionReview of admission.k8s.io/v1, read strictly and answered in kind: who asks what of which object, and the
// verdict under the same uid.
import type { JsonObject } from '../api/fact.ts';
import { isObject, objectOf, textOf } from '../api/json.ts';
import type { AdmissionOperation, AdmissionVerdict } from '../policy/admission.ts';

export type Operation = AdmissionOperation | 'CONNECT';

const operations: readonly Operation[] = ['CREATE', 'UPDATE', 'DELETE', 'CONNECT'];

/** What the API server is asked to do. */
export interface AdmissionRequest {
  readonly uid: string;
  /** '' for the core group. */
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** '' for the object itself. */
  readonly subresource: string;
  readonly operation: Operation;
  readonly username: string;
  /** As it will be; undefined for DELETE. */
  readonly object: JsonObject | undefined;
  /** As it is; undefined for CREATE. */
  readonly oldObject: JsonObject | undefined;
}

/** The body is not an AdmissionReview that can be answered. */
export class MalformedReviewError extends Error {
  constructor(what: string) {
    super(what);
    this.name = 'MalformedReviewError';
  }
}

const apiVersion = 'admission.k8s.io/v1';

/** Throws MalformedReviewError. */
export function parseReview(body: string): AdmissionRequest {
  const review = parsed(body);
  if (review['apiVersion'] !== apiVersion || review['kind'] !== 'AdmissionReview') {
    throw new MalformedReviewError(`an AdmissionReview of ${apiVersion} is expected`);
  }
  const request = objectOf(review['request']);
  const uid = textOf(request['uid']);
  if (uid === '') throw new MalformedReviewError('request.uid is missing');
  const operation = operations.find((known) => known === request['operation']);
  if (!operation) throw new MalformedReviewError('request.operation is missing or not known');
  const { group, kind } = objectOf(request['kind']);
  if (textOf(kind) === '') throw new MalformedReviewError('request.kind.kind is missing');
  return { uid, group: textOf(group), kind: textOf(kind), operation, ...about(request, operation) };
}

type About = Omit<AdmissionRequest, 'uid' | 'group' | 'kind' | 'operation'>;

function about(request: JsonObject, operation: Operation): About {
  const [object, oldObject] = [request['object'], request['oldObject']];
  const needed = operation === 'DELETE' ? oldObject : object;
  if (!isObject(needed)) throw new MalformedReviewError('the object is missing');
  if (operation === 'UPDATE' && !isObject(oldObject)) throw new MalformedReviewError('the old object is missing');
  return {
    namespace: textOf(request['namespace']),
    name: textOf(request['name']),
    subresource: textOf(request['subResource']),
    username: textOf(objectOf(request['userInfo'])['username']),
    object: isObject(object) ? object : undefined,
    oldObject: isObject(oldObject) ? oldObject : undefined,
  };
}

function parsed(body: string): JsonObject {
  try {
    return objectOf(JSON.parse(body));
  } catch {
    throw new MalformedReviewError('the body is not JSON');
  }
}

/** The answer as text. */
export function formatReview(uid: string, { allowed, message }: AdmissionVerdict): string {
  const status = allowed ? {} : { status: { code: 403, reason: 'Forbidden', message } };
  return JSON.stringify({ apiVersion, kind: 'AdmissionReview', response: { uid, allowed, ...status } });
}
