/** Before tests that start real servers: the Debian packages that those come from. Does nothing when they are there. */
import { join } from 'node:path';
import { cacheRoot } from './cluster/cache.ts';
import { installMachinePackages } from './cluster/packages.ts';
import { onStderr } from './cluster/progress.ts';

/** Called once by vitest for the project. */
export async function setup(): Promise<void> {
  await installMachinePackages(onStderr(), join(cacheRoot(), 'log', 'packages.log'));
}
