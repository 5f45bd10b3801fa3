/** The README of the SDK on a cluster, its commands word for word: from an empty folder to a module that packets obey. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../cluster/exec.ts';
import { exec, type Pod } from '../cluster/traffic.ts';
import { waitFor } from '../cluster/wait.ts';
import { blocks, prepareShop } from '../policies/sdk/shop.ts';
import type { Shop } from '../policies/sdk/shop.ts';
import { inForce, prepareMarker } from './policies.ts';
import { apply, cluster, field, freshNamespace, podManifest, readyPod } from './shared.ts';

/** The README's: a module that is about one address, and namespaces with the label reach it. */
const module = 'metadata-guard';
const address = '192.0.2.1';
const label = 'example.com/may-reach';
const [closed, free] = ['e2e-module', 'e2e-module-free'] as const;

const pods = {} as Record<'closed' | 'free', Pod>;
let folder: string;
let shop: Shop;

/** What the address is in a cloud: the node answers it itself. */
const lend = (verb: 'replace' | 'delete'): Promise<unknown> =>
  cluster().tryInNode(1, ['ip', 'address', verb, `${address}/32`, 'dev', 'lo']);
const forget = async (): Promise<void> => {
  const map = ['configmap', '--namespace=kube-system', `--selector=kubeloom.io/policy-module=${module}`];
  await cluster().kubectl(['delete', 'policymodule', module, '--ignore-not-found']);
  await cluster().kubectl(['delete', ...map]);
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'readme-'));
  shop = await prepareShop(folder, cluster().kubeconfig);
  await forget();
  await Promise.all([freshNamespace(closed), freshNamespace(free)]);
  await cluster().kubectl(['label', 'namespace', free, `${label}=yes`]);
  await apply(podManifest(closed, 'client', { node: 'n1' }), podManifest(free, 'client', { node: 'n1' }));
  await prepareMarker();
  pods.closed = await readyPod(closed, 'client');
  pods.free = await readyPod(free, 'client');
  await lend('replace');
});

afterAll(async () => {
  await lend('delete');
  await forget();
  await shop?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function reaches(from: Pod): Promise<boolean> {
  const told = await exec(cluster(), from, ['bash', '-c', `ping -c1 -W1 ${address} >/dev/null; echo $?`]);
  return told.trim() === '0';
}

it('is in force by the commands of its README', async () => {
  expect(await reaches(pods.closed)).toBe(true);
  const [inFolder = '', inModule = '', ...further] = blocks('sh');
  expect(further).toEqual([]);
  // The cluster is seen from its own network alone, and the registry from ours.
  const made = await run(['bash', '-ec', inFolder], { cwd: folder, env: shop.env, timeoutMs: 200_000 });
  expect(made.stdout).toMatch(/6 of 6 cases are right, in both builds/);
  const there = { cwd: join(folder, module), env: shop.env, timeoutMs: 120_000 };
  const pushed = await cluster().inControlPlane(['bash', '-ec', inModule], there);
  expect(pushed.stdout).toMatch(/policymodule\.kubeloom\.io\/metadata-guard condition met/);
  await inForce();
  expect(await reaches(pods.closed), 'in shadow').toBe(true);
  await cluster().inControlPlane(['kubeloom', 'policy', 'push', '--mode', 'enforce'], there);
  await waitFor(async () => !(await reaches(pods.closed)), {
    what: 'the module to keep a pod from the address',
    limitMs: 30_000,
    everyMs: 200,
  });
  expect(await reaches(pods.free), 'a namespace with the label').toBe(true);
  expect(await field('policymodule', module, '{.spec.mode}')).toBe('enforce');
  await forget();
  await waitFor(() => reaches(pods.closed), { what: 'the module to be gone', limitMs: 30_000, everyMs: 200 });
});
