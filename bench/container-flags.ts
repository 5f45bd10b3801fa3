// Flags of Node and environment with which the operator's container runs it: what is measured elsewhere is run with the
// same.
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';

const manifest = new URL('../config/base/operator.yaml', import.meta.url);

interface Container {
  readonly command: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string }[];
}

interface Deployment {
  readonly spec: { readonly template: { readonly spec: { readonly containers: readonly Container[] } } };
}

async function container(): Promise<Container | undefined> {
  const { spec } = parse(await readFile(manifest, 'utf8')) as Deployment;
  return spec.template.spec.containers[0];
}

export async function containerFlags(): Promise<string[]> {
  return (await container())?.command.filter((word) => word.startsWith('--')) ?? [];
}

/**
 * What the manifest gives as a value (what the cluster fills in is not of this machine), and a folder for compiled code, as
 * the image names one.
 */
export async function containerEnvironment(): Promise<Record<string, string>> {
  const given = (await container())?.env ?? [];
  const values = given.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]]));
  return { ...Object.fromEntries(values), NODE_COMPILE_CACHE: join(tmpdir(), 'kubeloom-compile-cache') };
}
