/**
 * Ends a cluster, whatever state it is in: running, half started, half stopped, or killed in between. It goes by names and marks
 * that are derived from the cluster's name, not by what `up` wrote down.
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { discard, withLock } from './cache.ts';
import { removeCgroups } from './cgroups.ts';
import { killAll } from './processes.ts';
import { clusterDir, clusterId, clusterLock, paths } from './spec.ts';
import { stopRunningUp } from './up-lock.ts';

export interface DownOptions {
  /** Leave the folder `logs`. */
  keepLogs?: boolean;
  /** The caller holds the cluster's lock. */
  locked?: boolean;
}

/** Nothing of the cluster is left when this resolves. Doing it twice is fine. */
export async function down(name: string, options: DownOptions = {}): Promise<void> {
  const id = clusterId(name);
  const end = async (): Promise<void> => {
    await killAll(id);
    await removeCgroups(id);
    await removeState(clusterDir(name), options.keepLogs === true);
  };
  if (options.locked === true) return end();
  await stopRunningUp(name);
  await withLock(clusterLock(name), end);
}

/** All at once: most of it is hard links, which take a while. */
async function removeState(dir: string, keepLogs: boolean): Promise<void> {
  if (!existsSync(dir)) return;
  const kept = basename(paths(dir).logs);
  const parts = (await readdir(dir)).filter((part) => !keepLogs || part !== kept);
  await Promise.all(parts.map((part) => discard(join(dir, part))));
  if (!keepLogs) await discard(dir);
}
