// The deletion guards on a real API server: what they refuse and what they say, and that nothing is wedged by them: the
// last finalizer of an object, its owner's garbage collection, a deletion that has begun, the removal of everything.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { repoRoot } from '../cluster/cache.ts';
import { eventually } from '../eventually.ts';
import { startApiServer } from '../kube-apiserver.ts';
import type { ApiServer } from '../kube-apiserver.ts';

let api: ApiServer;
const settings = ['config/base/settings.yaml', 'config/base/deletion-guards.yaml'];
const crds = ['crds/vpc.yaml', 'crds/subnet.yaml'];

const text = async (...paths: readonly string[]): Promise<string> =>
  (await Promise.all(paths.map((path) => readFile(join(repoRoot, path), 'utf8')))).join('\n---\n');

beforeAll(async () => {
  api = await startApiServer();
  await api.apply(await text(...crds, ...settings));
  // A policy is in force some time after it was made.
  await make('Vpc', 'ovn-cluster');
  await eventually(async () => (await remove('vpc', 'ovn-cluster', '--dry-run=server')) !== 'deleted', {
    within: 20_000,
  });
});
afterAll(() => api.stop());

async function make(kind: string, name: string, metadata: object = {}): Promise<void> {
  const object = { apiVersion: 'kubeovn.io/v1', kind, metadata: { name, ...metadata }, spec: {} };
  await api.apply(JSON.stringify(object));
}

const status = (name: string, subnets: readonly string[]): Promise<string> =>
  api.kubectl(
    'patch',
    'vpc',
    name,
    '--subresource=status',
    '--type=merge',
    '-p',
    JSON.stringify({ status: { subnets } }),
  );

/** `deleted`, or what the server said. */
async function remove(kind: string, name: string, ...more: readonly string[]): Promise<string> {
  try {
    await api.kubectl('delete', kind, name, '--wait=false', ...more);
    return 'deleted';
  } catch (error) {
    return (error as { stderr: string }).stderr.trim();
  }
}

const exists = async (kind: string, name: string): Promise<boolean> =>
  (await api.kubectl('get', kind, name, '--ignore-not-found', '-o', 'name')) !== '';

describe('a Vpc', () => {
  beforeEach(() => make('Vpc', 'v1'));

  it('is kept while it has subnets, and the message names them', async () => {
    await status('v1', ['s1', 's2']);
    expect(await remove('vpc', 'v1')).toContain('VPC v1 has subnets: s1, s2; delete them first');
    expect(await exists('vpc', 'v1')).toBe(true);
    await status('v1', []);
    expect(await remove('vpc', 'v1')).toBe('deleted');
    expect(await exists('vpc', 'v1')).toBe(false);
  });

  it('may go before anything is said of its subnets', async () => {
    expect(await remove('vpc', 'v1')).toBe('deleted');
  });

  it('goes with its last finalizer, whatever its status says, and may be deleted once more meanwhile', async () => {
    await make('Vpc', 'leaving', { finalizers: ['kubeovn.io/kube-ovn-controller'] });
    expect(await remove('vpc', 'leaving')).toBe('deleted');
    await status('leaving', ['s1']);
    expect(await remove('vpc', 'leaving')).toBe('deleted');
    await api.kubectl('patch', 'vpc', 'leaving', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    expect(await exists('vpc', 'leaving')).toBe(false);
  });

  it('is kept from whoever deletes all of them', async () => {
    await status('v1', ['s1']);
    await make('Vpc', 'v2');
    expect(await remove('vpc', '--all')).toContain('VPC v1 has subnets');
    expect([await exists('vpc', 'v1'), await exists('vpc', 'v2')]).toEqual([true, false]);
  });
});

describe('the default objects', () => {
  it.each([
    ['Vpc', 'ovn-cluster'],
    ['Subnet', 'ovn-default'],
    ['Subnet', 'join'],
  ])('%s %s stays', async (kind, name) => {
    await make(kind, name);
    const said = await remove(kind, name);
    expect(said).toContain(`${kind} ${name} is one of the default objects, on which all pods and nodes stand`);
    expect(await exists(kind, name)).toBe(true);
  });

  it('are told by kind and name', async () => {
    await make('Subnet', 'ovn-cluster');
    await make('Vpc', 'join');
    await make('Subnet', 's1');
    for (const [kind, name] of [
      ['subnet', 'ovn-cluster'],
      ['vpc', 'join'],
      ['subnet', 's1'],
    ] as const)
      expect(await remove(kind, name)).toBe('deleted');
  });

  it('have the names of the settings', async () => {
    const patch = (value: string): Promise<string> =>
      api.kubectl('-n', 'kube-system', 'patch', 'configmap', 'kube-ovn-config', '--type=merge', '-p', value);
    await make('Subnet', 'mine');
    await patch('{"data":{"default-ls":"mine","node-switch":null}}');
    await eventually(async () => (await remove('subnet', 'mine', '--dry-run=server')) !== 'deleted', {
      within: 20_000,
    });
    // A setting that is not there has its default.
    expect(await remove('subnet', 'join')).toContain('Subnet join is one of the default objects');
    await make('Subnet', 'ovn-default');
    expect(await remove('subnet', 'ovn-default')).toBe('deleted');
    await patch('{"data":{"default-ls":"ovn-default","node-switch":"join"}}');
  });

  it('go when the settings are gone, and with their CRD', async () => {
    await make('Subnet', 'join');
    await make('Subnet', 'ovn-default');
    await make('Vpc', 'v1');
    await status('v1', ['s1']);
    // No admission is asked for what goes with its definition.
    await api.kubectl('delete', 'crd', 'vpcs.kubeovn.io', '--timeout=30s');
    await api.kubectl('-n', 'kube-system', 'delete', 'configmap', 'kube-ovn-config');
    await eventually(async () => (await remove('subnet', 'join')) === 'deleted', { within: 20_000 });
    expect(await remove('subnet', 'ovn-default')).toBe('deleted');
  });
});
