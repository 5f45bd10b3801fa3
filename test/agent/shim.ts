// Compiles the CNI shim as the image does, once per test process.
import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Warnings are errors here as in the image: the compiler is the shim's first reviewer. */
export const SHIM_FLAGS: readonly string[] = ['-std=gnu11', '-Wall', '-Wextra', '-Wpedantic', '-Werror'];

/** Path of the program in a new temporary folder. */
export async function buildShim(flags: readonly string[] = ['-static', '-Os', '-s']): Promise<string> {
  const program = join(await mkdtemp(join(tmpdir(), 'kubeloom-shim-')), 'kube-ovn');
  const source = join(import.meta.dirname, '../../agent/cni/shim.c');
  await run('gcc', [...SHIM_FLAGS, ...flags, '-o', program, source]);
  return program;
}
