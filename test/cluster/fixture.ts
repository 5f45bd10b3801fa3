/**
 * Clusters for end-to-end tests. They are started by the command a person would use, in a process of its own: a test that is
 * killed leaves nothing that `down` can't find.
 */
import { join } from 'node:path';
import { openCluster } from './cluster.ts';
import type { Cluster } from './cluster.ts';
import { run } from './exec.ts';

/** Long enough for a first run, which compiles Kubernetes. For `beforeAll`, too. */
export const FIRST_RUN_MS = 3_600_000;

/** Command line of `npm run cluster -- ARGS`. */
export const clusterCommand = (...args: string[]): string[] => [
  process.execPath,
  join(import.meta.dirname, 'main.ts'),
  ...args,
];

/** A fresh cluster of this name; `args` as for `up` (`--bare`, `--nodes=3`). What ran under the name before is ended. */
export async function startCluster(name: string, ...args: string[]): Promise<Cluster> {
  await stopCluster(name);
  await run(clusterCommand('up', '--name', name, ...args), { timeoutMs: FIRST_RUN_MS });
  return openCluster(name);
}

/** Ends a cluster. Its logs stay when something is to be found in them. */
export async function stopCluster(name: string, keepLogs = false): Promise<void> {
  await run(clusterCommand('down', '--name', name, ...(keepLogs ? ['--keep-logs'] : [])));
}
