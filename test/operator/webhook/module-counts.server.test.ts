// Counts of admission modules before a real API server: several processes add theirs to one status, at once.
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ModuleReport } from '../../../operator/api/policy-module.ts';
import { KubeClient } from '../../../operator/kube/client.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import { ModuleCounts } from '../../../operator/webhook/module-counts.ts';
import { applyCrds } from '../../crds.ts';
import { eventually } from '../../eventually.ts';
import { type ApiServer, startApiServer } from '../../kube-apiserver.ts';

let api: ApiServer;
let client: KubeClient;
const warnings: unknown[] = [];
const all: ModuleCounts[] = [];

beforeAll(async () => {
  api = await startApiServer();
  await applyCrds(api);
  client = new KubeClient({ kubeConfig: api.kubeConfig(), clock: systemClock });
  const digest = `sha256:${'0'.repeat(64)}`;
  const module = { hook: 'admission', module: { configMap: { name: 'm' }, digest } };
  await api.apply(
    JSON.stringify({ apiVersion: 'kubeloom.io/v1alpha1', kind: 'PolicyModule', metadata: { name: 'm' }, spec: module }),
  );
}, 180_000);
afterAll(async () => {
  await Promise.all(all.map((counts) => counts.stop()));
  client.close();
  await api.stop();
});

function started(): ModuleCounts {
  const warn = (...told: unknown[]): void => void warnings.push(told);
  const log = { debug: () => undefined, info: () => undefined, warn, error: warn };
  const counts = new ModuleCounts({ client, clock: systemClock, log });
  counts.start();
  all.push(counts);
  return counts;
}

const report = (evaluations: number, refusals: number, lastError = ''): ModuleReport => ({
  evaluations,
  refusals,
  failing: 0,
  wouldChange: 0,
  lastError,
});

const is = (wanted: object): Promise<boolean> =>
  eventually(
    async () => {
      const status: unknown = JSON.parse(await api.kubectl('get', 'policymodule', 'm', '--output=jsonpath={.status}'));
      return Object.entries(wanted).every(([key, value]) => (status as Record<string, unknown>)[key] === value);
    },
    { within: 20_000, every: 100, what: JSON.stringify(wanted) },
  );

it('are the sum of what every process has counted, and of those before them', async () => {
  const three = [started(), started(), started()];
  for (const [at, counts] of three.entries()) counts.report('m', report(10 ** at, at));
  await is({ evaluations: 111, refusals: 3, wouldChange: 0 });
  three[0]?.report('m', report(5, 1, 'it was cut off'));
  await is({ evaluations: 115, refusals: 4, lastError: 'it was cut off' });
  // One that has no error to tell takes none back.
  three[1]?.report('m', report(11, 1));
  await is({ evaluations: 116, refusals: 4, lastError: 'it was cut off' });
  started().report('m', report(1000, 0));
  await is({ evaluations: 1116 });
  // One that is not there is nobody's trouble.
  three[2]?.report('gone', report(1, 0));
  three[2]?.report('m', report(101, 2));
  await is({ evaluations: 1117 });
  expect(warnings).toEqual([]);
}, 60_000);
