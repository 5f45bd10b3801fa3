// The wire format: what is read of a review, what is answered, and what cannot be understood.
import { describe, expect, it } from 'vitest';
import { formatReview, MalformedReviewError, parseReview } from '../../../operator/webhook/admission-review.ts';
import { review } from './reviews.ts';

describe('parseReview', () => {
  it('reads what the verdict depends on', () => {
    const given = {
      subResource: 'status',
      namespace: 'shop',
      name: 'web',
      operation: 'UPDATE',
      kind: { group: 'kubeovn.io', version: 'v1', kind: 'Subnet' },
      userInfo: { username: 'alice', groups: [] },
      object: { kind: 'Subnet' },
      oldObject: { kind: 'Subnet', spec: {} },
    };
    expect(parseReview(JSON.stringify(review(given)))).toEqual({
      uid: 'r1',
      group: 'kubeovn.io',
      kind: 'Subnet',
      namespace: 'shop',
      name: 'web',
      subresource: 'status',
      operation: 'UPDATE',
      username: 'alice',
      object: { kind: 'Subnet' },
      oldObject: { kind: 'Subnet', spec: {} },
    });
  });

  it('takes the core group, and an object that is to be deleted', () => {
    const given = { kind: { group: '', version: 'v1', kind: 'Pod' }, operation: 'DELETE', object: null, oldObject: {} };
    expect(parseReview(JSON.stringify(review(given)))).toMatchObject({ group: '', object: undefined, oldObject: {} });
  });

  it.each<[body: string, message: string]>([
    ['', 'the body is not JSON'],
    ['{', 'the body is not JSON'],
    ['null', 'an AdmissionReview of admission.k8s.io/v1 is expected'],
    ['[]', 'an AdmissionReview of admission.k8s.io/v1 is expected'],
    ['{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1beta1"}', 'admission.k8s.io/v1 is expected'],
    ['{"kind":"Pod","apiVersion":"admission.k8s.io/v1"}', 'an AdmissionReview'],
    ['{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1"}', 'request.uid is missing'],
    [JSON.stringify(review({ uid: 7 })), 'request.uid is missing'],
    [JSON.stringify(review({ operation: 'PATCH' })), 'request.operation is missing or not known'],
    [JSON.stringify(review({ kind: 'Pod' })), 'request.kind.kind is missing'],
    [JSON.stringify(review({ object: 'x' })), 'the object is missing'],
    [JSON.stringify(review({ operation: 'UPDATE', oldObject: [] })), 'the old object is missing'],
    [JSON.stringify(review({ operation: 'DELETE', oldObject: null })), 'the object is missing'],
  ])('%s cannot be understood', (body, message) => {
    expect(() => parseReview(body)).toThrow(MalformedReviewError);
    expect(() => parseReview(body)).toThrow(message);
  });
});

describe('formatReview', () => {
  const envelope = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };

  it('answers under the uid of the request', () => {
    expect(JSON.parse(formatReview('u', { allowed: true, message: '' }))).toEqual({
      ...envelope,
      response: { uid: 'u', allowed: true },
    });
    expect(JSON.parse(formatReview('u', { allowed: false, message: 'no "way"' }))).toEqual({
      ...envelope,
      response: { uid: 'u', allowed: false, status: { code: 403, reason: 'Forbidden', message: 'no "way"' } },
    });
  });
});
