// A Node as others have it: of the oldest version that `ovsdb-client` promises to run on, not the one of this repository.
// Fetched once by npm, which checks it against the registry's digest, and kept in the cache.
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cached, cacheRoot } from './cluster/cache.ts';

const run = promisify(execFile);

/** The least that `engines` of lib/ovsdb/package.json allows. */
export const PLAIN_NODE = '22.18.0';

/** The path of the program. */
export async function plainNode(): Promise<string> {
  const name = `node-linux-${process.arch}`;
  const directory = await cached(join(cacheRoot(), `${name}-${PLAIN_NODE}`), async (tmp) => {
    await mkdir(tmp, { recursive: true });
    await npm(tmp, 'install', '--ignore-scripts', '--prefix', tmp, `${name}@${PLAIN_NODE}`);
  });
  return join(directory, 'node_modules', name, 'bin/node');
}

/** Runs npm in a directory as a user would there, and gives what it printed: what an npm around us has set is left out. */
export async function npm(cwd: string, ...args: readonly string[]): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const { stdout } = await run('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd, env });
  return stdout;
}
