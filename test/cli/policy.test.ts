// `kubeloom policy` without a cluster: the templates and the examples, and what it says of modules that are wrong.
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { runCases } from '../../cli/policy/cases.ts';
import { compiled } from '../../cli/policy/compile.ts';
import { create } from '../../cli/policy/create.ts';
import { readProject } from '../../cli/policy/project.ts';
import { systemClock } from '../../operator/kube/clock.ts';

const examples = join(import.meta.dirname, '../../policies/examples');
let folder: string;

interface Sample {
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly module: { readonly digest: string; readonly configMap: { readonly name: string } } };
  readonly binaryData?: Readonly<Record<string, string>>;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'policy-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const results = async (path: string): Promise<Awaited<ReturnType<typeof runCases>>> =>
  await runCases(await readProject(path), systemClock);

/** A copy of an example with another source. */
async function changed(from: string, to: string): Promise<string> {
  const path = join(folder, 'copy');
  await cp(join(examples, 'metadata-address'), path, { recursive: true });
  const file = join(path, 'assembly/index.ts');
  const source = await readFile(file, 'utf8');
  expect(source).toContain(from);
  await writeFile(file, source.replace(from, to));
  return path;
}

// A compiler takes seconds, and on a machine that is busy with something else many.
vi.setConfig({ testTimeout: 180_000 });

describe('kubeloom policy', () => {
  it.each(['acl', 'admission', 'ipam'] as const)('new --hook %s makes a module that is right', async (hook) => {
    const path = join(folder, 'my-policy');
    await create(path, hook);
    expect(await readProject(path)).toMatchObject({ name: 'my-policy', hook });
    const found = await results(path);
    expect(found.filter(({ wrong }) => wrong !== undefined)).toEqual([]);
    expect(found.length).toBe(2 * (await readdir(join(path, 'cases'))).length);
    await expect(create(path, hook)).rejects.toThrow(/is there already/);
    await expect(create(join(folder, 'Not_a_name'), hook)).rejects.toThrow(/a name is/);
  });

  it.each(['metadata-address', 'no-overlap', 'zone-pool'])('test %s: all cases are right', async (name) => {
    const path = join(examples, name);
    const found = await results(path);
    expect(found.map(({ name: of, build, wrong }) => ({ of, build, wrong })).filter(({ wrong }) => wrong)).toEqual([]);
    expect(found.length).toBe(2 * (await readdir(join(path, 'cases'))).length);
  });

  it('test says what differs, and in which build', async () => {
    const path = await changed('PRIORITY: i32 = 10', 'PRIORITY: i32 = 11');
    const wrong = (await results(path)).filter((result) => result.wrong !== undefined);
    expect(wrong.map(({ name, build }) => `${name} ${build}`)).toEqual([
      'no-label release',
      'other-value release',
      'no-label debug',
      'other-value debug',
    ]);
    expect(wrong[0]?.wrong).toMatch(/expected .*"priority":10,[\s\S]*but got .*"priority":11,/);
  });

  it('test says when an answer is none that the operator takes', async () => {
    const path = await changed('.priority(PRIORITY)', '.priority(PRIORITY * 1000)');
    expect((await results(path)).find(({ name }) => name === 'no-label')?.wrong).toContain(
      'Shape: rules[0].priority is not an integer from 0 to 999',
    );
  });

  it('test cuts off what does not end', async () => {
    const path = await changed('const wanted =', 'while (label.isNull) {}\n  const wanted =');
    expect((await results(path)).find(({ name }) => name === 'no-label')?.wrong).toContain('Deadline: it was cut off');
  });

  it('build gives the same bytes every time', async () => {
    const project = await readProject(join(examples, 'no-overlap'));
    const [one, other] = [await compiled(project, 'release'), await compiled(project, 'release')];
    expect(one.digest).toBe(other.digest);
    expect((await compiled(project, 'debug')).digest).not.toBe(one.digest);
  });

  it.each(['metadata-address', 'zone-pool'])('build makes %s of config/samples', async (name) => {
    const file = join(import.meta.dirname, `../../config/samples/policy/${name}.yaml`);
    const [module, map] = parseAllDocuments(await readFile(file, 'utf8')).map((document) => document.toJS() as Sample);
    const { bytes, digest } = await compiled(await readProject(join(examples, name)), 'release');
    expect(module?.spec?.module.digest).toBe(digest);
    expect(module?.spec?.module.configMap.name).toBe(map?.metadata.name);
    expect(map?.binaryData?.['module.wasm']).toBe(Buffer.from(bytes).toString('base64'));
  });

  it('build refuses a module that wants to know the time', async () => {
    const path = await changed('const wanted =', 'if (Date.now() > 0) return;\n  const wanted =');
    await expect(compiled(await readProject(path), 'release')).rejects.toThrow(
      /imports are not allowed, found .*Date\.now/,
    );
  });

  it('build says what the compiler says', async () => {
    const path = await changed('const wanted =', 'const wanted: i32 =');
    await expect(compiled(await readProject(path), 'release')).rejects.toThrow(/does not compile:[\s\S]*ERROR TS2322/);
  });

  it.each<[string, object, RegExp]>([
    ['a name', { name: 'A b', hook: 'acl', inputs: [] }, /name must be/],
    ['a hook', { name: 'a', hook: 'cni', inputs: [] }, /hook is none of acl, admission, ipam/],
    ['an input', { name: 'a', hook: 'acl', inputs: ['object'] }, /inputs is not a list of namespace\.labels/],
  ])('refuses %s that there is not', async (_, content, message) => {
    await writeFile(join(folder, 'policy.json'), JSON.stringify(content));
    await expect(readProject(folder)).rejects.toThrow(message);
  });
});
