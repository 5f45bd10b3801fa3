// Where the README of the SDK is followed: its code blocks, its two commands in a folder of programs, and a registry that
// has the packages as others get them.
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kubeBinaries } from '../../cluster/kube.ts';
import { startRegistry } from './registry.ts';

const root = join(import.meta.dirname, '../../..');
const readme = await readFile(join(root, 'policies/sdk/README.md'), 'utf8');

/** Code of the README in that language, block by block. */
export const blocks = (language: string): string[] =>
  [...readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g'))].map(([, code = '']) => code);

export interface Shop {
  readonly env: NodeJS.ProcessEnv;
  /** Packages that were asked for and are not there. */
  readonly missed: readonly string[];
  readonly stop: () => Promise<void>;
}

/** `kubeloom` and `kubectl`, which speak to the cluster of the kubeconfig, and a registry that knows what a module needs. */
export async function prepareShop(folder: string, kubeconfig: string): Promise<Shop> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const programs = {
    kubeloom: `${process.execPath} ${join(root, 'cli/main.ts')}`,
    kubectl: `${await kubeBinaries()}/kubectl`,
  };
  for (const [name, command] of Object.entries(programs)) {
    await writeFile(join(bin, name), `#!/bin/sh\nexec ${command} "$@"\n`);
    await chmod(join(bin, name), 0o755);
  }
  const packages = ['assemblyscript', 'binaryen', 'long'].map((name) => join(root, 'node_modules', name));
  const registry = await startRegistry(folder, [join(root, 'policies/sdk'), ...packages]);
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name));
  const env = {
    ...Object.fromEntries(kept),
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    HOME: folder,
    KUBECONFIG: kubeconfig,
    npm_config_registry: registry.url,
    npm_config_cache: join(folder, 'cache'),
    npm_config_audit: 'false',
    npm_config_fund: 'false',
    npm_config_update_notifier: 'false',
  };
  return { env, missed: registry.missed, stop: () => registry.stop() };
}
