// What a path that a runtime gives as a network namespace leads to.
import { stat, statfs } from 'node:fs/promises';

/** `magic.h` of the kernel: the filesystem that namespaces are files of. */
const NSFS_MAGIC = 0x6e_73_66_73;

/** `absent` is also a file that is no namespace: what is left of a mount after a boot. */
export type NetnsKind = 'absent' | 'node' | 'pod';

/** `node` is the path of the node's own. */
export async function netnsKind(path: string, node: string): Promise<NetnsKind> {
  try {
    const [found, filesystem, own] = await Promise.all([stat(path), statfs(path), stat(node)]);
    if (filesystem.type !== NSFS_MAGIC) return 'absent';
    return found.ino === own.ino && found.dev === own.dev ? 'node' : 'pod';
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return 'absent';
    throw error;
  }
}
