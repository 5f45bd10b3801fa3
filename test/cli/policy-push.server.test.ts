// `kubeloom policy push` before a real API server: what is not said again stays, and so does what others have written.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Project } from '../../cli/policy/project.ts';
import { push } from '../../cli/policy/push.ts';
import { applyCrds } from '../crds.ts';
import { type ApiServer, startApiServer } from '../kube-apiserver.ts';

let api: ApiServer;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'push-'));
  api = await startApiServer();
  await applyCrds(api);
}, 180_000);
afterAll(async () => {
  await api.stop();
  await rm(folder, { recursive: true, force: true });
});

const project: Project = { folder: '', name: 'guard', hook: 'acl', inputs: [] };
const built = (digit: string): { bytes: Uint8Array; digest: string } => ({
  bytes: Buffer.from(digit),
  digest: `sha256:${digit.repeat(64)}`,
});
const got = async (...what: readonly string[]): Promise<unknown> =>
  JSON.parse(await api.kubectl('get', ...what, '--output=json'));

it('keeps settings, mode and what others wrote, and deletes the bytes of before', async () => {
  const options = { kubeConfig: api.kubeConfig(), namespace: 'kube-system' };
  const settings = join(folder, 'settings.json');
  await writeFile(settings, '{"label":"m"}');
  expect(await push(project, built('1'), { ...options, settings, mode: 'shadow' })).toEqual({
    configMap: `guard-${'1'.repeat(12)}`,
    deleted: [],
  });
  await api.kubectl('patch', 'policymodule', 'guard', '--type=merge', '--patch={"spec":{"failurePolicy":"Ignore"}}');
  expect(await push(project, built('2'), options)).toEqual({
    configMap: `guard-${'2'.repeat(12)}`,
    deleted: [`guard-${'1'.repeat(12)}`],
  });
  expect(await got('policymodule', 'guard')).toMatchObject({
    spec: {
      settings: { label: 'm' },
      mode: 'shadow',
      failurePolicy: 'Ignore',
      module: { digest: `sha256:${'2'.repeat(64)}`, configMap: { name: `guard-${'2'.repeat(12)}` } },
    },
  });
  await push(project, built('2'), { ...options, mode: 'enforce' });
  expect(await got('policymodule', 'guard')).toMatchObject({ spec: { settings: { label: 'm' }, mode: 'enforce' } });
  expect(await got('configmap', '--namespace=kube-system', `guard-${'2'.repeat(12)}`)).toMatchObject({
    immutable: true,
    binaryData: { 'module.wasm': Buffer.from('2').toString('base64') },
  });
}, 120_000);
