// AdmissionReviews as the API server sends them.

/** A review to create an empty Subnet, with other fields of the request in place of its own. */
export const review = (request: object = {}): object => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'r1',
    kind: { group: 'kubeovn.io', version: 'v1', kind: 'Subnet' },
    resource: { group: 'kubeovn.io', version: 'v1', resource: 'subnets' },
    operation: 'CREATE',
    userInfo: { username: 'alice' },
    object: { apiVersion: 'kubeovn.io/v1', kind: 'Subnet', metadata: { name: 's' }, spec: {} },
    oldObject: null,
    dryRun: false,
    ...request,
  },
});
