// Compiles the CNI shim as the image does, once per test process.
import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Warnings are errors here as in the image: the compiler is the shim's first reviewer. */
export const SHIM_FLAGS: readonly string[] = ['-std=gnu11', '-Wall', '-Wextra', '-Wpedantic', '-Werror'];

const RELEASE: readonly string[] = ['-static', '-Os', '-s'];

async function build(source: string, name: string, flags: readonly string[]): Promise<string> {
  const program = join(await mkdtemp(join(tmpdir(), 'kubeloom-shim-')), name);
  await run('gcc', [...SHIM_FLAGS, ...flags, '-o', program, join(import.meta.dirname, '../../agent/cni', source)]);
  return program;
}

/** Path of the program in a new temporary folder. */
export const buildShim = (flags = RELEASE): Promise<string> => build('shim.c', 'kube-ovn', flags);

/** Likewise, of the one that talks to neighbours. */
export const buildNeighbour = (flags = RELEASE): Promise<string> => build('neighbour.c', 'neighbour', flags);
