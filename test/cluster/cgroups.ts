/**
 * A cgroup for each node, in every hierarchy of the machine: cgroup v1 (several hierarchies) or v2 (one). They lie below one
 * group named after the cluster, so that `down` finds them without having been told.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { kill } from './processes.ts';

/** A mounted hierarchy. `v2`: the unified one with controllers in it, i.e. the machine's only one. */
export interface Hierarchy {
  path: string;
  controllers: readonly string[];
  v2: boolean;
}

/** Hierarchies by the text of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export function hierarchies(mountinfo: string): Hierarchy[] {
  const found = new Map<string, Hierarchy>();
  for (const line of mountinfo.split('\n')) {
    const hierarchy = hierarchyOf(line);
    if (hierarchy !== undefined) found.set(hierarchy.path, hierarchy);
  }
  const all = [...found.values()];
  return all.length === 1 ? all.map((only) => ({ ...only, v2: only.controllers.length === 0 })) : all;
}

function hierarchyOf(line: string): Hierarchy | undefined {
  const [before = '', after = ''] = line.split(' - ');
  const path = before.split(' ')[4] ?? '';
  const [type = '', , options = ''] = after.split(' ');
  if (!path.startsWith('/sys/fs/cgroup') || !type.startsWith('cgroup')) return undefined;
  const controllers = options.split(',').filter((option) => !['rw', 'ro', 'xattr'].includes(option));
  return { path, controllers: type === 'cgroup' ? controllers : [], v2: false };
}

export const machineHierarchies = (): Hierarchy[] => hierarchies(readFileSync('/proc/self/mountinfo', 'utf8'));

/**
 * Makes the cgroups `group` (a path like `kubeloom-dev-1234/n1`, parents included) and returns their `cgroup.procs` files, into
 * which the node's first process writes itself.
 */
export async function makeCgroups(group: string): Promise<string[]> {
  const files: string[] = [];
  for (const hierarchy of machineHierarchies()) {
    let path = hierarchy.path;
    for (const part of group.split('/')) {
      if (hierarchy.v2) await delegate(path);
      const parent = path;
      path = join(parent, part);
      await mkdir(path, { recursive: true });
      if (hierarchy.controllers.includes('cpuset')) await inheritCpuset(parent, path);
    }
    files.push(join(path, 'cgroup.procs'));
  }
  if (files.length === 0)
    throw new Error('no cgroup filesystem is mounted on this machine (expected below /sys/fs/cgroup)');
  return files;
}

/** A new v1 cpuset is empty, and a process moved into an empty one gets ENOSPC. */
async function inheritCpuset(parent: string, child: string): Promise<void> {
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    await writeFile(join(child, file), await readFile(join(parent, file)));
  }
}

/** v2: hands all controllers down one level, as far as the machine allows. */
async function delegate(path: string): Promise<void> {
  const controllers = (await readFile(join(path, 'cgroup.controllers'), 'utf8')).trim().split(/\s+/);
  for (const controller of controllers.filter((name) => name !== '')) {
    await writeFile(join(path, 'cgroup.subtree_control'), `+${controller}`).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EBUSY' && error.code !== 'EINVAL') throw error;
    });
  }
}

/** v2: takes the launcher of a node out of the node's cgroup, which may hold no process once it delegates controllers. */
export async function parkLauncher(id: string, pid: number): Promise<void> {
  for (const hierarchy of machineHierarchies().filter(({ v2 }) => v2)) {
    const path = join(hierarchy.path, id, 'launchers');
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'cgroup.procs'), String(pid));
  }
}

/** Removes the cgroups `group` and everything below, killing what is still inside; throws after `limitMs`. */
export async function removeCgroups(group: string, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs;
  for (const { path } of machineHierarchies()) {
    const top = join(path, group);
    while (existsSync(top)) {
      await removeTree(top);
      if (!existsSync(top)) break;
      if (performance.now() > end)
        throw new Error(`cgroup ${top} could not be removed: processes ${members(top).join(' ')}`);
      for (const pid of members(top)) kill(pid);
      await delay(30);
    }
  }
}

async function removeTree(path: string): Promise<void> {
  for (const child of subgroups(path)) await removeTree(child);
  await rmdir(path).catch(() => {
    // Busy or gone: the caller looks again.
  });
}

function subgroups(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(path, entry.name));
  } catch {
    return [];
  }
}

function members(path: string): number[] {
  const below = subgroups(path).flatMap(members);
  try {
    const own = readFileSync(join(path, 'cgroup.procs'), 'utf8').trim().split('\n');
    return [...own.map(Number).filter((pid) => pid > 0), ...below];
  } catch {
    return below;
  }
}
