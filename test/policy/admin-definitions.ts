// Definitions of the administrators' policies in as few words as an API server takes: those of the network-policy-api itself
// are longer, and say the same of what a policy may be stored as.
import type { AdminKind } from '../../operator/api/admin-policy-row.ts';
import { resources } from '../../operator/kube/resources.ts';

/** The API's group is protected: definitions in it carry a word of approval. */
export const definition = (kind: AdminKind): string => {
  const { apiVersion, plural } = resources[kind];
  const [group = '', version = ''] = apiVersion.split('/');
  const text = { type: 'string' };
  const condition = {
    type: 'object',
    required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
    properties: {
      type: text,
      status: { ...text, enum: ['True', 'False', 'Unknown'] },
      reason: { ...text, minLength: 1, pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' },
      message: text,
      lastTransitionTime: { ...text, format: 'date-time' },
      observedGeneration: { type: 'integer', format: 'int64' },
    },
  };
  const conditions = {
    type: 'array',
    items: condition,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['type'],
  };
  const schema = {
    type: 'object',
    properties: {
      spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
      status: { type: 'object', required: ['conditions'], properties: { conditions } },
    },
  };
  return JSON.stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}`, annotations: { 'api-approved.kubernetes.io': 'unapproved, of a test' } },
    spec: {
      group,
      scope: 'Cluster',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          subresources: { status: {} },
          schema: { openAPIV3Schema: schema },
        },
      ],
    },
  });
};
