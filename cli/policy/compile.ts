// From a project to a module: its source behind an entry that is made here, compiled without imports, with its
// declaration at the end.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ABI_VERSION, declared, foreignFunctions, loadModule } from '../../lib/wasm/index.ts';
import type { Hook } from '../../operator/api/policy-module.ts';
import { PolicyError, type Project } from './project.ts';

export type Build = 'release' | 'debug';

export interface Compiled {
  readonly bytes: Uint8Array;
  /** `sha256:` and 64 hex digits. */
  readonly digest: string;
}

/** Pages of 64 KiB: 16 MiB, the memoryLimit of a PolicyModule that names none. */
const memoryPages = 256;
const pageBytes = 65_536;

const sdk = '@kubeloom/policy-sdk';
/** Of this repository, for projects in which it is not installed. */
const ownSdk = fileURLToPath(new URL('../../policies/sdk', import.meta.url));

/** No name that a project can have. */
const entryName = '$entry.ts';

const decide: Readonly<Record<Hook, string>> = {
  acl: `import { Rules } from "${sdk}/assembly/acl";
function answer(input: Value, settings: Value): string {
  const rules = new Rules();
  evaluate_(input, settings, rules);
  return rules.toString();
}`,
  ipam: `import { Choice } from "${sdk}/assembly/ipam";
function answer(input: Value, settings: Value): string {
  const choice = new Choice();
  evaluate_(input, settings, choice);
  return choice.toString();
}`,
  admission: `import { verdict } from "${sdk}/assembly/admission";
function answer(input: Value, settings: Value): string {
  return verdict(evaluate_(input, settings));
}`,
};

const entryOf = (hook: Hook): string => `
import { finish, refuse } from "${sdk}/assembly/abi";
import { parse, Value } from "${sdk}/assembly/json";
import { evaluate as evaluate_, validate } from "./assembly/index";
${decide[hook]}
export { abi_version, alloc, reset, result_len, result_ptr } from "${sdk}/assembly/abi";
export function validate_settings(settings: usize, length: i32): i32 {
  const wrong = validate(parse(settings, length));
  if (wrong.length > 0) refuse(wrong);
  return finish("");
}
export function evaluate(settings: usize, settingsLength: i32, input: usize, inputLength: i32): i32 {
  return finish(answer(parse(input, inputLength), parse(settings, settingsLength)));
}
`;

/** Throws PolicyError with what the compiler says, and ModuleRefused for a module that could never be loaded. */
export async function compiled({ folder, hook, inputs }: Project, build: Build): Promise<Compiled> {
  // Loaded on demand: it takes longer than everything else here.
  const { default: asc } = await import('assemblyscript/asc');
  const stderr = asc.createMemoryStream();
  const output: { bytes?: Uint8Array } = {};
  const { error } = await asc.main([entryName, '--outFile', 'module.wasm', '--noColors', ...optionsOf(build)], {
    stderr,
    readFile: (name) => (name === entryName ? entryOf(hook) : sourceOf(folder, name)),
    writeFile: (name, contents) => {
      if (name === 'module.wasm') output.bytes = contents as Uint8Array;
    },
    listFiles: (directory) => filesOf(join(folder, directory)),
  });
  if (error || !output.bytes) throw new PolicyError(`it does not compile:\n${stderr.toString()}`);
  const bytes = declared(output.bytes, { hook, inputs });
  // The same checks as where it will run, imports first.
  loadModule(bytes, { functions: foreignFunctions, abiVersion: ABI_VERSION, memoryCap: memoryPages * pageBytes });
  return { bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` };
}

const optionsOf = (build: Build): string[] => [
  ...'--runtime stub --use abort= --initialMemory 1 --maximumMemory'.split(' '),
  String(memoryPages),
  ...(build === 'debug' ? ['--debug'] : ['-O2', '--noAssert']),
];

/** Undefined, and so looked for elsewhere by the compiler, when there is no such file. */
function sourceOf(folder: string, name: string): string | null {
  const text = contentOf(join(folder, name));
  const prefix = `node_modules/${sdk}/`;
  return text ?? (name.startsWith(prefix) ? contentOf(join(ownSdk, name.slice(prefix.length))) : null);
}

function contentOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function filesOf(directory: string): string[] | null {
  try {
    return readdirSync(directory).filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'));
  } catch {
    return null;
  }
}
