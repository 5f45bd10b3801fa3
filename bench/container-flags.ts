// Flags of Node with which the operator's container runs it: what is measured elsewhere is run with the same.
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';

const manifest = new URL('../config/base/operator.yaml', import.meta.url);

interface Deployment {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly command: readonly string[] }[] } };
  };
}

export async function containerFlags(): Promise<string[]> {
  const { spec } = parse(await readFile(manifest, 'utf8')) as Deployment;
  const command = spec.template.spec.containers[0]?.command ?? [];
  return command.filter((word) => word.startsWith('--'));
}
