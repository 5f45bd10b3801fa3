// A folder with a policy module: policy.json says for which hook it is and what it reads, assembly/ is its source, and
// cases/ holds what it has to answer.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject } from '../../operator/api/json.ts';
import { type Hook, hookInputs } from '../../operator/api/policy-module.ts';

export interface Project {
  readonly folder: string;
  readonly name: string;
  readonly hook: Hook;
  readonly inputs: readonly string[];
}

/** What a user has to put right; its message is all that he is told. */
export class PolicyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PolicyError';
  }
}

/** Names become names of objects. */
export const isName = (name: string): boolean => /^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$/.test(name);

export const isHook = (hook: unknown): hook is Hook => typeof hook === 'string' && Object.hasOwn(hookInputs, hook);

/** Throws PolicyError. */
export async function readProject(folder: string): Promise<Project> {
  const path = join(folder, 'policy.json');
  const { name, hook, inputs } = await readJson(path);
  if (typeof name !== 'string' || !isName(name))
    throw new PolicyError(`${path}: name must be letters, digits and "-", in lower case`);
  if (!isHook(hook)) throw new PolicyError(`${path}: hook is none of ${Object.keys(hookInputs).join(', ')}`);
  const names = Array.isArray(inputs) ? (inputs as unknown[]) : [undefined];
  const known = hookInputs[hook];
  if (!names.every((input): input is string => typeof input === 'string' && known.includes(input)))
    throw new PolicyError(`${path}: inputs is not a list of ${known.join(', ')}`);
  return { folder, name, hook, inputs: names };
}

/** The object in a JSON file. Throws PolicyError. */
export async function readJson(path: string): Promise<Readonly<Record<string, unknown>>> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new PolicyError(`${path} cannot be read: ${(error as Error).message}`);
  });
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (error) {
    throw new PolicyError(`${path} is not JSON: ${(error as Error).message}`);
  }
  throw new PolicyError(`${path} is not an object`);
}
