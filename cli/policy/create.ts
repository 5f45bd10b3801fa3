// A new policy module: the template of its hook, under its name.
import { existsSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Hook } from '../../operator/api/policy-module.ts';
import { isName, PolicyError } from './project.ts';

const templates = fileURLToPath(new URL('../../policies/sdk/template', import.meta.url));

/** Throws PolicyError for a name that cannot be used, and for a folder that is there already. */
export async function create(folder: string, hook: Hook): Promise<void> {
  const name = basename(folder);
  if (!isName(name)) throw new PolicyError(`${name}: a name is letters, digits and "-", in lower case`);
  if (existsSync(folder)) throw new PolicyError(`${folder} is there already`);
  await cp(join(templates, hook), folder, { recursive: true });
  for (const file of ['policy.json', 'package.json']) {
    const path = join(folder, file);
    await writeFile(path, (await readFile(path, 'utf8')).replace('NAME', name));
  }
}
