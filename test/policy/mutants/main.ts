// One mutant before its judge, in a process of its own, since a source that is patched as it is loaded stays so. Prints
// what the judge finds, as JSON.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { mutants } from './mutants.ts';
import { patched } from './mutant.ts';
import type { Patch } from './mutant.ts';

const root = join(import.meta.dirname, '../../..');

/** Sources are patched as they are loaded. */
function load(patch: Patch): void {
  const url = pathToFileURL(join(root, patch.source)).href;
  registerHooks({
    load(asked, context, next) {
      const loaded = next(asked, context);
      if (asked !== url) return loaded;
      return { ...loaded, source: patched((loaded.source as Buffer).toString(), patch) };
    },
  });
}

/** A module of WASM is compiled from a patched copy, and the process is told to take that. */
async function compile(patch: Patch): Promise<void> {
  const [, name = '', ...rest] = patch.source.split('/');
  const folder = mkdtempSync(join(tmpdir(), 'kubeloom-mutant-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  cpSync(join(root, 'policies', name), folder, { recursive: true });
  const file = join(folder, ...rest);
  writeFileSync(file, patched(readFileSync(file, 'utf8'), patch));
  const wasm = join(folder, 'mutant.wasm');
  const { default: asc } = await import('assemblyscript/asc');
  const stderr = asc.createMemoryStream();
  const config = join(folder, 'asconfig.json');
  const { error } = await asc.main(['--config', config, '--baseDir', folder, '--outFile', wasm], { stderr });
  if (error) throw new Error(`${patch.source} does not compile: ${stderr.toString()}`, { cause: error });
  load({ source: 'test/worlds/process.ts', text: `wasmPath('${name}')`, by: JSON.stringify(wasm) });
}

async function judged(name: string): Promise<readonly unknown[]> {
  const mutant = mutants.find((each) => each.name === name);
  if (!mutant) throw new Error(`no mutant is called ${name}`);
  const { broken } = mutant;
  if ('source' in broken) await (broken.source.startsWith('policies/') ? compile(broken) : load(broken));
  const { judges } = await import('./judges.ts');
  return judges[mutant.judge]('rows' in broken ? broken.rows() : (facts) => facts);
}

process.stdout.write(JSON.stringify((await judged(process.argv[2] ?? '')).slice(0, 3)));
