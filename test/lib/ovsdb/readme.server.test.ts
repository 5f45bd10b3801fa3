// The README's examples, word for word, as a program of their own against a real server.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { NORTHBOUND_SCHEMA, startServer } from '../../ovsdb-server.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
let server: Awaited<ReturnType<typeof startServer>>;
let directory: string;
let examples: string[];

beforeAll(async () => {
  server = await startServer();
  await mkdir(join(root, 'build'), { recursive: true });
  directory = await mkdtemp(join(root, 'build/readme-'));
  const readme = await readFile(join(root, 'lib/ovsdb/README.md'), 'utf8');
  examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  const { stdout } = await run(process.execPath, [join(root, 'lib/ovsdb/generate.ts'), NORTHBOUND_SCHEMA]);
  await writeFile(join(directory, 'northbound.gen.ts'), stdout);
});

afterAll(async () => {
  await server.dispose();
  await rm(directory, { recursive: true, force: true });
});

async function example(index: number): Promise<string> {
  const file = join(directory, `example-${index}.ts`);
  await writeFile(file, examples[index] ?? '');
  const env = { ...process.env, OVSDB: server.remote, ONCE: '1' };
  return (await run(process.execPath, [file], { env, timeout: 20_000 })).stdout;
}

it('has three examples', () => {
  expect(examples).toHaveLength(3);
});

it('changes the database', async () => {
  expect(await example(1)).toMatch(/^made [0-9a-f-]{36}\n$/);
  const [port] = await server.dump('Logical_Switch_Port', ['_uuid', 'name', 'addresses']);
  expect(port).toMatchObject({ name: 'blue-1', addresses: 'dynamic' });
  expect(await server.dump('Logical_Switch', ['name', 'ports'])).toEqual([{ name: 'blue', ports: port?.['_uuid'] }]);
  expect(await example(1)).toBe('refused: constraint violation in operation 2\n');
});

it('watches it', async () => {
  expect(await example(0)).toMatch(/^new blue [0-9a-f-]{36}\n1 switches\n$/);
});

it('does both with types', async () => {
  expect(await example(2)).toBe('allow 1000\n');
  expect(await server.dump('Port_Group', ['name'])).toEqual([{ name: 'web' }]);
});
