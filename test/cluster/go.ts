/**
 * Programs that are built from Go modules, pinned by a go.mod and a go.sum in a folder here: the tools that the file names.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, cached, contentKey } from './cache.ts';
import { attempt, run } from './exec.ts';
import { onStderr } from './progress.ts';
import type { Progress } from './progress.ts';

/** `a` is at least `b`, both dotted numbers. */
export function atLeast(a: string, b: string): boolean {
  const parts = (text: string): number[] => text.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const [x, y] = [parts(a), parts(b)];
  for (let index = 0; index < Math.max(x.length, y.length); index++) {
    const difference = (x[index] ?? 0) - (y[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/** Fails with advice when there is no compiler of that version or newer. */
export async function requireGo(what: string, wanted: string): Promise<void> {
  const advice =
    `${what} is built from source once, which needs Go ${wanted} or newer on the PATH.\n` +
    'Debian 12 has only 1.19: take it from https://go.dev/dl/ (unpack to /usr/local/go, add /usr/local/go/bin to PATH).';
  const { code, stdout } = await attempt(['go', 'version'], { env: { GOTOOLCHAIN: 'local' } });
  if (code !== 0) throw new Error(`no Go compiler found. ${advice}`);
  const found = /go(\d+(?:\.\d+)*)/.exec(stdout)?.[1] ?? '0';
  if (!atLeast(found, wanted)) throw new Error(`found Go ${found}. ${advice}`);
}

const FLAGS = ['-ldflags', '-s -w'] as const;

/**
 * Directory with the tools of `test/cluster/NAME/go.mod`, each under the last part of its package, or with the program NAME when
 * its source is there. `cni`: cnitool and the reference plugins, half a minute; `multus` and `coredns`: three minutes on two cores.
 */
export async function goTools(name: 'cni' | 'multus' | 'coredns', progress: Progress = onStderr()): Promise<string> {
  const source = join(import.meta.dirname, name);
  const [goMod = '', goSum = ''] = await Promise.all(
    ['go.mod', 'go.sum'].map((file) => readFile(join(source, file), 'utf8')),
  );
  const program = await readFile(join(source, 'main.go'), 'utf8').catch(() => undefined);
  const key = contentKey(goMod, goSum, program ?? '', ...FLAGS);
  return cached(join(cacheRoot(), 'go-tools', `${name}-${key}`), async (directory) => {
    await requireGo(name, /^go (\S+)$/m.exec(goMod)?.[1] ?? '0');
    await mkdir(directory);
    const options = {
      cwd: source,
      log: join(cacheRoot(), 'log', `${name}-build.log`),
      env: { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly' },
      timeoutMs: 1_800_000,
    };
    await progress.step(`compiling ${name} from Go modules`, async () => {
      await run(
        ['nice', 'go', 'build', ...FLAGS, '-o', `${directory}/`, program === undefined ? 'tool' : '.'],
        options,
      );
    });
  });
}

if (import.meta.main) console.log(await Promise.all([goTools('cni'), goTools('multus'), goTools('coredns')]));
