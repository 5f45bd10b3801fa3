// Policies of administrators before a real API server: their CRDs come while the operator runs, and their statuses have
// conditions of the API's own type, which takes no field more.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { owner } from '../../lib/delta/ids.ts';
import { adminKinds, adminPolicyRow } from '../../operator/api/admin-policy-row.ts';
import type { AdminKind, AdminPolicyRow } from '../../operator/api/admin-policy-row.ts';
import { adminPolicyRef } from '../../operator/api/refs.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { systemClock } from '../../operator/kube/clock.ts';
import { into } from '../../operator/kube/mirror.ts';
import { Reflector } from '../../operator/kube/reflector.ts';
import { resources } from '../../operator/kube/resources.ts';
import { StatusWriter } from '../../operator/kube/status.ts';
import { eventually } from '../eventually.ts';
import { type ApiServer, startApiServer } from '../kube-apiserver.ts';
import { FakeTable, memoryLog } from './kube/fake.ts';

let api: ApiServer;
let client: KubeClient;
beforeAll(async () => {
  api = await startApiServer();
  client = new KubeClient({ kubeConfig: api.kubeConfig(), clock: systemClock });
});
afterAll(async () => {
  client.close();
  await api.stop();
});

/** The API's group is protected: definitions in it carry a word of approval. */
const definition = (kind: AdminKind): string => {
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

it.each(adminKinds)(
  '%s is noticed when its CRD appears, and told how it is',
  async (kind) => {
    const table = new FakeTable<AdminPolicyRow>();
    const reflector = new Reflector({
      client,
      clock: systemClock,
      log: memoryLog(),
      resource: resources[kind],
      projections: [into(table, adminPolicyRow(kind))],
      enter: (apply) => apply(),
      optional: true,
    });
    reflector.start();
    await reflector.synced;
    await api.apply(definition(kind));
    const ref = adminPolicyRef(kind, 'default');
    await client.create(resources[kind], {
      apiVersion: ref.apiVersion,
      kind,
      metadata: { name: 'default' },
      spec: { priority: 5, tier: 'Admin', subject: { namespaces: {} } },
    });
    await eventually(() => table.rows.get('default')?.priority === 5, { within: 15_000 });
    await reflector.stop();

    let shown = await client.get(ref);
    const writes: string[] = [];
    const writer = new StatusWriter({
      client,
      clock: systemClock,
      log: memoryLog(),
      mayWrite: () => true,
      applied: () => true,
      observed: () => ({ resourceVersion: shown.metadata.resourceVersion, status: shown.status ?? {} }),
      onWritten: (written) => {
        shown = written;
        writes.push(written.metadata.resourceVersion);
      },
    });
    writer.start();
    const message = 'another has it';
    writer.problems.replace('p', [{ problem: ref, reason: 'ANPWithDuplicatePriority', message, owner: owner(ref) }]);
    writer.statuses.replace('s', [{ status: ref, generation: 1, fields: {}, owner: owner(ref) }]);
    await eventually(() => writes.length === 1);
    writer.problems.replace('p', []);
    await eventually(() => writes.length === 2);
    writer.check(ref);
    await eventually(() => writer.size === 0);
    await writer.stop();
    const { conditions } = (await client.get(ref)).status as { conditions: { type: string; status: string }[] };
    expect(conditions.map(({ type, status }) => `${type}=${status}`).sort()).toEqual([
      'Error=False',
      'Ready=True',
      'Validated=True',
    ]);
    expect(writes.length, 'what is shown is not written again').toBe(2);
  },
  60_000,
);
