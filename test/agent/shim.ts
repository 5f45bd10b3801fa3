// Compiles the programs in C of the agent as the image does.
import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Warnings are errors here as in the image: the compiler is the first reviewer. */
export const SHIM_FLAGS: readonly string[] = ['-std=gnu11', '-Wall', '-Wextra', '-Wpedantic', '-Werror'];

/** Path of the CNI executable in a new temporary folder. */
export const buildShim = (flags = RELEASE): Promise<string> => build('cni/shim.c', flags);

/** Likewise, of the program that talks to neighbours. */
export const buildNeighbour = (flags = RELEASE): Promise<string> => build('cni/neighbour.c', flags);

/** Likewise, of the one that tells of changes to iptables and ipsets. */
export const buildNetfilterWatch = (flags = RELEASE): Promise<string> => build('netfilter-watch.c', flags);

/** Likewise, of the one that starts others. */
export const buildStarter = (flags = RELEASE): Promise<string> => build('starter.c', flags);

/** Likewise, of the one that switches checksum offload off. */
export const buildChecksum = (flags = RELEASE): Promise<string> => build('cni/checksum.c', flags);

/** Likewise, of the one that leads probes into pods. */
export const buildProbeProxy = (flags = RELEASE): Promise<string> => build('probe-proxy.c', flags);

const RELEASE: readonly string[] = ['-static', '-Os', '-s'];

async function build(source: string, flags: readonly string[]): Promise<string> {
  const program = join(await mkdtemp(join(tmpdir(), 'kubeloom-program-')), basename(source, '.c'));
  await run('gcc', [...SHIM_FLAGS, ...flags, '-o', program, join(import.meta.dirname, '../../agent', source)]);
  return program;
}
