// Compiles policies/<name>/assembly to policies/<name>/build/<name>.wasm. A build is keyed by what went in (sources,
// asconfig.json, compiler version), so that calling this before every test, image build and start costs a few reads.
// Needs the compiler, which is a development dependency: what runs in the image only reads the result.
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import compilerPackage from 'assemblyscript/package.json' with { type: 'json' };

const root = import.meta.dirname;

/** Where the compiled module of a policy is; it exists after `ensureBuilt(name)`. */
export const wasmPath = (name: string): string => join(root, name, 'build', `${name}.wasm`);

/** Names of the policies that are written in AssemblyScript here. */
export const policyNames = (): string[] =>
  globSync('*/asconfig.json', { cwd: root })
    .map((path) => dirname(path))
    .sort();

/**
 * Builds the named policies, by default all, unless they are up to date. Concurrent calls, also of several processes,
 * are safe: a result appears by rename. Throws with the compiler's output when a source is wrong.
 */
export async function ensureBuilt(...names: string[]): Promise<void> {
  for (const name of names.length > 0 ? names : policyNames()) await ensureOne(name);
}

async function ensureOne(name: string): Promise<void> {
  const key = inputs(name);
  const keyPath = `${wasmPath(name)}.inputs`;
  if (existsSync(wasmPath(name)) && existsSync(keyPath) && readFileSync(keyPath, 'utf8') === key) return;
  mkdirSync(dirname(keyPath), { recursive: true });
  const scratch = `${wasmPath(name)}.${randomUUID()}`;
  await compile(name, scratch);
  renameSync(scratch, wasmPath(name));
  writeFileSync(scratch, key);
  renameSync(scratch, keyPath);
}

async function compile(name: string, to: string): Promise<void> {
  // Loaded on demand: it takes longer than everything else here.
  const { default: asc } = await import('assemblyscript/asc');
  const folder = join(root, name);
  const stderr = asc.createMemoryStream();
  const config = join(folder, 'asconfig.json');
  const { error } = await asc.main(['--config', config, '--baseDir', folder, '--outFile', to], { stderr });
  if (!error) return;
  rmSync(to, { force: true });
  throw new Error(`policies/${name} does not compile: ${stderr.toString()}`, { cause: error });
}

/** One hash over everything that decides the result. */
function inputs(name: string): string {
  const folder = join(root, name);
  const hash = createHash('sha256').update(compilerPackage.version);
  const files = ['asconfig.json', ...globSync('assembly/**/*.ts', { cwd: folder }).sort()];
  for (const file of files) hash.update(`\0${file}\0`).update(readFileSync(join(folder, file)));
  return hash.digest('hex');
}

if (import.meta.main) await ensureBuilt();
