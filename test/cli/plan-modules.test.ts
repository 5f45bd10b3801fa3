// `kubeloom plan` and policy modules: their rules are rows of the plan, and count for the connections that it tells of.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Manifest } from '../../cli/plan/object.ts';
import { plan } from '../../cli/plan/plan.ts';
import { exitCodeOf, type Report } from '../../cli/plan/report.ts';
import { declared } from '../../lib/wasm/index.ts';
import { owner } from '../../lib/delta/ids.ts';
import { compile, hostile } from '../lib/wasm/foreign.ts';
import { told } from './outlook.ts';

const folder = mkdtempSync(join(tmpdir(), 'kubeloom-plan-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Answers with its settings, whatever it is asked. */
let bytes: Uint8Array;
beforeAll(async () => {
  const echo = hostile.replace('const c = load<u8>(p + 1);', 'const c: u8 = 0x73;');
  bytes = declared(await compile(echo), { hook: 'acl', inputs: ['namespace.labels'] });
}, 180_000);

const configMap = (): Record<string, unknown> => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'guard', namespace: 'kube-system' },
  binaryData: { 'module.wasm': Buffer.from(bytes).toString('base64') },
});

const keepsOut = (app: string): object => ({
  direction: 'ingress',
  action: 'drop',
  priority: 10,
  peers: [{ podSelector: { matchLabels: { app } } }],
});

const module = (rules: unknown, rest: object = {}): Record<string, unknown> => ({
  apiVersion: 'kubeloom.io/v1alpha1',
  kind: 'PolicyModule',
  metadata: { name: 'guard' },
  spec: {
    hook: 'acl',
    module: { configMap: { name: 'guard' }, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` },
    selector: { podSelector: { matchLabels: { app: 'web' } } },
    settings: { rules },
    ...rest,
  },
});

const manifest = (object: Record<string, unknown>): Manifest => {
  const { name = '', namespace = '' } = object['metadata'] as { name?: string; namespace?: string };
  const [apiVersion, kind] = [String(object['apiVersion']), String(object['kind'])];
  return { apiVersion, kind, namespace, name, from: 'test', object: object as Manifest['object'] };
};

describe('a plan tells which connections a policy module', () => {
  it('closes, and no others', async () => {
    const changes = await told([], [configMap(), module([keepsOut('stranger')])].map(manifest));
    expect(changes).toContain('stranger 1 -> web 2 tcp 8080 denied');
    expect(changes.filter((line) => !line.startsWith('stranger 1 -> web 2'))).toEqual([]);
  });

  it('closes and opens with other settings', async () => {
    const before = [configMap(), module([keepsOut('stranger')])].map(manifest);
    const changes = await told(before, [manifest(module([keepsOut('client')]))]);
    expect(changes).toContain('stranger 1 -> web 2 tcp 8080 allowed');
    expect(changes).toContain('client 1 -> web 2 tcp 8080 denied');
  });

  it('leaves as they are in shadow', async () => {
    const changes = await told([], [configMap(), module([keepsOut('stranger')], { mode: 'shadow' })].map(manifest));
    expect(changes).toEqual([]);
  });

  it('closes when it gives no answer that can be used, and fails closed', async () => {
    const changes = await told([], [configMap(), module('none')].map(manifest));
    expect(changes).toContain('client 1 -> web 2 tcp 8080 denied');
    expect(await told([], [configMap(), module('none', { failurePolicy: 'Ignore' })].map(manifest))).toEqual([]);
  });
});

describe('the report of a plan', () => {
  const about = owner({ kind: 'PolicyModule', namespace: '', name: 'guard' });
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', uid: 'u-web', labels: { app: 'web' } },
    spec: { nodeName: 'n1' },
  };
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
  const planOf = (name: string, objects: readonly object[]): Promise<Report> => {
    const path = join(folder, `${name}.yaml`);
    writeFileSync(path, objects.map((object) => stringify(object)).join('---\n'));
    return plan({ paths: [path], recursive: false, namespace: 'default' });
  };

  it('has the rules of a module as rows, and nothing to say against it', async () => {
    const { groups, errors } = await planOf('whole', [namespace, pod, configMap(), module([keepsOut('stranger')])]);
    const group = groups.find((one) => one.owner === about);
    expect(group?.changes.map(({ table }) => table)).toContain('ACL');
    expect([errors, group?.problems]).toEqual([[], []]);
  });

  it('says of a module whose bytes are not there why it is not run', async () => {
    const report = await planOf('empty', [module([])]);
    expect(report.groups.find((one) => one.owner === about)?.problems).toEqual([
      { reason: 'ModuleInvalid', message: 'ConfigMap kube-system/guard does not exist', grave: true },
    ]);
    expect(exitCodeOf(report)).toBe(1);
  });
});
