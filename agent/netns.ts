// What a path that a runtime gives as a network namespace leads to.
import { statSync, statfsSync } from 'node:fs';

/** `magic.h` of the kernel: the filesystem that namespaces are files of. */
const NSFS_MAGIC = 0x6e_73_66_73;

/** `absent` is also a file that is no namespace: what is left of a mount after a boot. */
export type NetnsKind = 'absent' | 'node' | 'pod';

/**
 * `node` is the path of the node's own. Not by the thread pool: these files are in memory, and a look at them takes
 * microseconds, while every ADD would wait for a thread.
 */
export function netnsKind(path: string, node: string): NetnsKind {
  try {
    if (statfsSync(path).type !== NSFS_MAGIC) return 'absent';
    const [found, own] = [statSync(path), statSync(node)];
    return found.ino === own.ino && found.dev === own.dev ? 'node' : 'pod';
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return 'absent';
    throw error;
  }
}
