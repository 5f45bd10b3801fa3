/**
 * The few C programs of the images: static, stripped, and the same bytes for the same source and compiler. Kept in the cache
 * under a key of both.
 */
import { chmod, readFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { basename, join } from 'node:path';
import { cached, contentKey } from '../../test/cluster/cache.ts';
import { run } from '../../test/cluster/exec.ts';

/** No build id and no path of the source in the result; warnings are errors, these programs run as root. */
const FLAGS = ['-static', '-Os', '-s', '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-Wl,--build-id=none'];

/** Which gcc there is. A missing one is the first thing that a bare machine runs into, so it is said plainly. */
async function gccVersion(): Promise<string> {
  try {
    const { stdout } = await run(['gcc', '--version']);
    return `${arch()} ${stdout}`;
  } catch (cause) {
    throw new Error('gcc is needed for the static programs of the images: apt-get install gcc libc6-dev', { cause });
  }
}

/** Path of the program compiled from the C file `source`, in the cache folder `cache`. */
export async function compiled(source: string, cache: string): Promise<string> {
  const key = contentKey(await readFile(source), FLAGS.join(' '), await gccVersion());
  return cached(join(cache, 'bin', `${basename(source, '.c')}-${key}`), async (tmp) => {
    await run(['gcc', ...FLAGS, `-ffile-prefix-map=${source}=${basename(source)}`, '-o', tmp, source]);
    await chmod(tmp, 0o755);
  });
}
