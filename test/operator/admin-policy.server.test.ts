// Policies of administrators before a real API server: their CRDs come while the operator runs, and their statuses have
// conditions of the API's own type, which takes no field more.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { owner } from '../../lib/delta/ids.ts';
import { adminKinds, adminPolicyRow } from '../../operator/api/admin-policy-row.ts';
import type { AdminPolicyRow } from '../../operator/api/admin-policy-row.ts';
import { adminPolicyRef } from '../../operator/api/refs.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { systemClock } from '../../operator/kube/clock.ts';
import { into } from '../../operator/kube/mirror.ts';
import { Reflector } from '../../operator/kube/reflector.ts';
import { resources } from '../../operator/kube/resources.ts';
import { StatusWriter } from '../../operator/kube/status.ts';
import { eventually } from '../eventually.ts';
import { type ApiServer, startApiServer } from '../kube-apiserver.ts';
import { definition } from '../policy/admin-definitions.ts';
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
