// The package as others get it: packed, installed into an empty folder outside of this repository without a network, run by a
// plain Node of the oldest version that it promises, and checked by a strict compiler. The programs are the README's
// examples, word for word.
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../../eventually.ts';
import { NORTHBOUND_SCHEMA, startCluster, startServer } from '../../ovsdb-server.ts';
import { PLAIN_NODE, npm, plainNode } from '../../plain-node.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const source = join(root, 'lib/ovsdb');

/** A copy of the sources, as deep in the repository as they are: packing builds there, beside whatever else reads them. */
let copy: string;
/** The empty folder. */
let folder: string;
let node: string;
let server: Awaited<ReturnType<typeof startServer>>;
const running: ChildProcess[] = [];

/** Runs the command that the package installs, on the plain Node. */
async function generate(...args: readonly string[]): Promise<string> {
  return (await run(node, [join(folder, 'node_modules/.bin/ovsdb-gen'), ...args])).stdout;
}

beforeAll(async () => {
  [node, server, folder] = await Promise.all([plainNode(), startServer(), mkdtemp(join(tmpdir(), 'foreign-'))]);
  await mkdir(join(root, 'build'), { recursive: true });
  copy = await mkdtemp(join(root, 'build/ovsdb-'));
  await cp(source, copy, { recursive: true });
  await npm(copy, 'pack', '--pack-destination', folder);
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const cache = join(folder, 'no-cache');
  await npm(folder, 'install', '--offline', '--cache', cache, './ovsdb-client-0.1.0.tgz');
  await writeFile(join(folder, 'northbound.gen.ts'), await generate(NORTHBOUND_SCHEMA));
  const readme = await readFile(join(folder, 'node_modules/ovsdb-client/README.md'), 'utf8');
  const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  await Promise.all(examples.map((code, index) => writeFile(join(folder, `example-${index}.ts`), code)));
  // The first time, Node is fetched.
}, 300_000);

afterAll(async () => {
  for (const child of running) child.kill('SIGKILL');
  await server.dispose();
  for (const directory of [folder, copy]) await rm(directory, { recursive: true, force: true });
});

/** Runs an example to its end, against the standalone server. */
async function example(index: number): Promise<string> {
  const env = { ...process.env, OVSDB: server.remote };
  return (await run(node, [join(folder, `example-${index}.ts`)], { cwd: folder, env, timeout: 30_000 })).stdout;
}

describe('the package', () => {
  it('holds JavaScript with its types, the licence and the README, and needs nothing', async () => {
    const installed = join(folder, 'node_modules/ovsdb-client');
    expect((await readdir(installed)).sort()).toEqual(['LICENSE', 'README.md', 'build', 'package.json']);
    const files = await readdir(join(installed, 'build'));
    expect(files.filter((file) => !/\.(js|d\.ts)$/.test(file))).toEqual([]);
    expect(files).toContain('index.d.ts');
    expect(await readdir(join(folder, 'node_modules'))).toEqual(
      expect.arrayContaining(['.bin', '.package-lock.json', 'ovsdb-client']),
    );
    expect(await readdir(join(folder, 'node_modules'))).toHaveLength(3);
    expect(await readFile(join(installed, 'LICENSE'), 'utf8')).toBe(await readFile(join(root, 'LICENSE'), 'utf8'));
    const manifest = JSON.parse(await readFile(join(source, 'package.json'), 'utf8')) as { engines: { node: string } };
    expect(`>=${PLAIN_NODE}`).toBe(`${manifest.engines.node}.0`);
    // Nothing is left behind in the sources.
    expect(await readdir(copy)).not.toContain('build');
  });

  it('passes a strict compiler that looks into its declarations too, with all examples', async () => {
    const compilerOptions = {
      target: 'es2024',
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      allowImportingTsExtensions: true,
      typeRoots: [join(root, 'node_modules/@types')],
      types: ['node'],
    };
    await writeFile(join(folder, 'wrong.ts'), WRONG);
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    const tsc = join(root, 'node_modules/.bin/tsc');
    const { stdout } = await run(tsc, ['-p', folder], { cwd: folder }).catch((error: { stdout: string }) => error);
    expect(stdout).toBe('');
  });

  it('has a first example of ten lines', async () => {
    const lines = (await readFile(join(folder, 'example-0.ts'), 'utf8')).split('\n').filter((line) => line !== '');
    expect(lines.length).toBeLessThanOrEqual(10);
    expect(await readdir(folder)).not.toContain('example-3.ts');
  });
});

/** What the compiler has to refuse in a foreign project; that it does not is an error of it. */
const WRONG = `
import { connect } from 'ovsdb-client';
import { database } from './northbound.gen.ts';
const nb = await connect('unix:/x', { database, tables: { Logical_Switch: ['name'] } });
// @ts-expect-error not copied
for (const [, row] of nb.rows('Logical_Switch')) row.ports;
// @ts-expect-error not in the enumeration
nb.build.insert('ACL', { action: 'alow', direction: 'to-lport' });
// @ts-expect-error text has no order
nb.build.delete('Logical_Switch', [['name', '<', 'a']]);
`;

describe('the examples of the README', () => {
  it('watch a cluster and survive its leader: handed over, then killed', async () => {
    const cluster = await startCluster();
    try {
      const env = { ...process.env, OVSDB: cluster.remote };
      const child = spawn(node, [join(folder, 'example-0.ts')], {
        cwd: folder,
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      running.push(child);
      const printed: string[] = [];
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text) => printed.push(text as string));
      const told = async (what: string): Promise<void> => {
        await eventually(() => printed.join('').split('\n').includes(what), { within: 30_000, what: `"${what}"` });
      };
      const insert = (name: string): unknown => ({ op: 'insert', table: 'Logical_Switch', row: { name } });

      const first = await cluster.leader();
      await first.transact([insert('one')]);
      await told('there one 0');

      await first.appctl('cluster/failure-test', 'transfer-leadership');
      await eventually(async () => !(await first.leads()));
      const second = await cluster.leader();
      await second.transact([insert('two')]);
      await told('there two 0');

      await second.kill();
      const third = await cluster.leader();
      await third.transact([
        insert('three'),
        { op: 'delete', table: 'Logical_Switch', where: [['name', '==', 'one']] },
      ]);
      await told('there three 0');
      await told('gone one undefined');

      expect(printed.join('').split('\n').sort()).toEqual([
        '',
        'gone one undefined',
        'there one 0',
        'there three 0',
        'there two 0',
      ]);
      expect(child.exitCode).toBeNull();
      const exit = once(child, 'exit');
      child.kill();
      await exit;
    } finally {
      await cluster.stop();
    }
  });

  it('change a database, and say what was refused', async () => {
    expect(await example(1)).toMatch(/^made [0-9a-f-]{36} with [0-9a-f-]{36}\n$/);
    const [port] = await server.dump('Logical_Switch_Port', ['_uuid', 'name', 'addresses']);
    expect(port).toMatchObject({ name: 'blue-1', addresses: 'dynamic' });
    expect(await server.dump('Logical_Switch', ['name', 'ports'])).toEqual([{ name: 'blue', ports: port?.['_uuid'] }]);
    expect(await example(1)).toBe('refused: constraint violation in operation 2\n');
  });

  it('copy by conditions and write under a lock', async () => {
    expect(await example(2)).toBe('copied: 0\nchanged: 1\ndrop ip4\nchanged: 2\ndrop ip6\nlost: stopped\n');
    expect(await server.dump('Port_Group', ['name'])).toEqual([{ name: 'web' }]);
    expect(await server.dump('ACL', ['match'])).toHaveLength(2);
  });
});

describe('ovsdb-gen', () => {
  /** The error of a call that must fail. */
  const failed = async (...args: readonly string[]): Promise<{ code: number; stderr: string; stdout: string }> =>
    await generate(...args).then(
      () => expect.unreachable('it succeeded'),
      (error: { code: number; stderr: string; stdout: string }) => error,
    );

  it('gives the same module for a live server as for the file of its schema', async () => {
    const module = await readFile(join(folder, 'northbound.gen.ts'), 'utf8');
    expect(await generate(server.remote, 'OVN_Northbound')).toBe(module);
    expect(await generate(server.remote, '_Server')).toContain("readonly model: 'clustered' | 'relay' | 'standalone';");
  });

  it('says how it is used', async () => {
    expect(await generate('--help')).toContain('usage: ovsdb-gen');
  });

  it.each<[string, (directory: string) => readonly string[], number, RegExp]>([
    ['no arguments', () => [], 2, /a file, or a remote and a database, are needed/],
    ['an unknown option', () => ['--nope'], 2, /--nope/],
    ['a database of a file', () => ['a.ovsschema', 'b'], 2, /a\.ovsschema is not a remote/],
    ['a remote without a database', () => ['unix:/x'], 2, /which database of unix:\/x/],
    ['a remote that needs certificates', () => ['ssl:127.0.0.1:1', 'x'], 2, /needs --ca, --cert and --key/],
    ['a file that is not there', () => ['/nonexistent'], 1, /\/nonexistent: ENOENT/],
    ['a file that is no schema', (directory) => [join(directory, 'package.json')], 1, /package\.json: schema: name/],
    ['a file that is no JSON', (directory) => [join(directory, 'example-0.ts')], 1, /example-0\.ts: .*JSON/],
    ['a server that is not there', () => ['unix:/nonexistent', 'x'], 1, /unix:\/nonexistent: .*ENOENT/],
    ['a database that is not there', () => [server.remote, 'x'], 1, /no database x; there are .*OVN_Northbound/],
  ])('refuses %s with an exit code, and writes nothing', async (_, args, code, message) => {
    const error = await failed(...args(folder));
    expect([error.code, error.stdout]).toEqual([code, '']);
    expect(error.stderr).toMatch(message);
  });
});
