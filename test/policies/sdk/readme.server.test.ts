// The README of the SDK, its commands word for word: from an empty folder to a module that the operator has in force,
// with the packages as others get them and nothing from the network.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compiled } from '../../../cli/policy/compile.ts';
import { readProject } from '../../../cli/policy/project.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { applyCrds } from '../../crds.ts';
import { eventually } from '../../eventually.ts';
import { type ApiServer, startApiServer } from '../../kube-apiserver.ts';
import { OperatorProcess } from '../../operator/process.ts';
import { startServer } from '../../ovsdb-server.ts';
import { plainNode } from '../../plain-node.ts';
import { blocks, prepareShop } from './shop.ts';
import type { Shop } from './shop.ts';

const run = promisify(execFile);

const scene = `
apiVersion: v1
kind: Namespace
metadata: { name: closed }
---
apiVersion: v1
kind: Pod
metadata: { namespace: closed, name: web, labels: { app: web } }
spec: { nodeName: n1, containers: [{ name: main, image: none }] }
`;

const undo: (() => unknown)[] = [];
let folder: string;
let api: ApiServer;
let database: Awaited<ReturnType<typeof startServer>>;
let shop: Shop;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'readme-'));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  await ensureBuilt('ipam', 'networkpolicy');
  api = await startApiServer();
  undo.push(() => api.stop());
  database = await startServer({ args: ['--remote=ptcp:0:127.0.0.1'] });
  undo.push(() => database.dispose());
  await applyCrds(api);
  await api.apply('apiVersion: v1\nkind: Node\nmetadata: { name: n1 }\n');
  await api.apply(scene);
  const operator = await OperatorProcess.start('readme', {
    api,
    apiPort: Number(new URL(api.url).port),
    northboundPort: await database.port(),
    flags: ['--lease-duration=60', '--lease-renew-deadline=50', '--lease-retry-period=1'],
  });
  undo.push(() => operator.stop());
  await eventually(() => operator.leads(), { within: 120_000, every: 100, what: 'an operator that leads' });
  shop = await prepareShop(folder, api.kubeconfig);
  undo.push(() => shop.stop());
}, 600_000);

afterAll(async () => {
  for (const step of undo.toReversed()) await step();
}, 60_000);

const shell = async (script: string, cwd: string): Promise<string> =>
  (await run('bash', ['-ec', script], { cwd, env: shop.env, timeout: 400_000 })).stdout;

const status = async (): Promise<Readonly<Record<string, unknown>>> =>
  JSON.parse(
    (await api.kubectl('get', 'policymodule', 'metadata-guard', '--output=jsonpath={.status}')) || '{}',
  ) as Readonly<Record<string, unknown>>;

/** The northbound database of this machine's packages may be one without tiers: rules are known by their address. */
const rulesOf = async (): Promise<Record<string, unknown>[]> =>
  (await database.dump('ACL', ['match', 'action', 'direction'])).filter(({ match }) =>
    String(match).includes('192.0.2.1'),
  );

describe('the README of the SDK', () => {
  it('leads from an empty folder to a module in the cluster', async () => {
    const told = await shell(blocks('sh').join('\n'), folder);
    expect(told).toMatch(/6 of 6 cases are right, in both builds/);
    expect(told).toMatch(/metadata-guard\.wasm: \d+ bytes, no imports, sha256:[0-9a-f]{64}/);
    expect(told).toMatch(/policymodule\.kubeloom\.io\/metadata-guard condition met/);
    expect(shop.missed).toEqual([]);
    expect((await readdir(join(folder, 'metadata-guard/node_modules'))).sort()).toEqual(
      expect.arrayContaining(['@kubeloom', 'assemblyscript', 'binaryen', 'long']),
    );
    const [, digest] = /(sha256:[0-9a-f]{64})/.exec(told) ?? [];
    expect(await status()).toMatchObject({ digest, inputs: ['namespace.labels'] });
  }, 500_000);

  it('in shadow only counts', async () => {
    expect(await eventually(async () => Number((await status())['evaluations'] ?? 0) > 0, { within: 90_000 })).toBe(
      true,
    );
    expect(await status()).toMatchObject({ failing: 0 });
    expect(Number((await status())['wouldChange'])).toBeGreaterThan(0);
    expect(await rulesOf()).toEqual([]);
  }, 120_000);

  it('in force drops', async () => {
    await shell('kubeloom policy push --mode enforce', join(folder, 'metadata-guard'));
    const rule = await eventually(async () => (await rulesOf())[0], { within: 60_000, what: 'a rule of the module' });
    expect(rule).toMatchObject({ action: 'drop', direction: 'from-lport' });
    expect(rule['match']).toMatch(/^inport == @sel\.[0-9a-f]+ && ip4 && ip4\.dst == \{192\.0\.2\.1\/32\}$/);
  }, 300_000);

  it('has examples of all hooks that compile', async () => {
    for (const [hook, code] of [...blocks('ts').entries()].map(
      ([at, text]) => [['acl', 'ipam', 'admission'][at], text] as const,
    )) {
      const path = join(folder, `example-${hook ?? ''}`);
      await shell(`kubeloom policy new example-${hook ?? ''} --hook ${hook ?? ''}`, folder);
      await writeFile(join(path, 'assembly/index.ts'), code);
      expect((await compiled(await readProject(path), 'release')).digest).toMatch(/^sha256:/);
    }
    expect(blocks('ts')).toHaveLength(3);
  }, 300_000);
});

describe('the package', () => {
  it('compiles on a plain Node with what it installs', async () => {
    const path = join(folder, 'metadata-guard');
    const asc = join(path, 'node_modules/assemblyscript/bin/asc.js');
    const options = ['--outFile', 'plain.wasm', '--runtime', 'stub', '--use', 'abort='];
    await run(await plainNode(), [asc, 'assembly/index.ts', ...options], { cwd: path });
    expect(WebAssembly.Module.imports(new WebAssembly.Module(await readFile(join(path, 'plain.wasm'))))).toEqual([]);
    const installed = await readdir(join(path, 'node_modules/@kubeloom/policy-sdk'));
    expect(installed.sort()).toEqual(['LICENSE', 'README.md', 'assembly', 'package.json', 'template']);
  }, 300_000);
});
