/**
 * Things that take long to make and depend on their inputs alone: made once, kept under a name that is a hash of the
 * inputs, never changed afterwards. A half-made thing never has its final name.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from './exec.ts';

/** The folder of all caches: `$KUBELOOM_CACHE`, or `~/.cache/kubeloom`. */
export const cacheRoot = (): string => process.env['KUBELOOM_CACHE'] ?? join(homedir(), '.cache', 'kubeloom');

/** Repository root; this file is at test/cluster/cache.ts. */
export const repoRoot = dirname(dirname(import.meta.dirname));

/** First 16 hex digits of the SHA-256 of all parts, each with its length so that parts can't run into each other. */
export function contentKey(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest('hex').slice(0, 16);
}

/** SHA-256 of a file as hex; the file is streamed. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/**
 * The thing at `path`, made by `make(tmp)` if it isn't there yet. `make` fills the path it is given; that becomes `path` in
 * one rename. Several processes may ask at once: one makes it, the others wait.
 */
export async function cached(path: string, make: (tmp: string) => Promise<void>): Promise<string> {
  if (existsSync(path)) return path;
  await mkdir(dirname(path), { recursive: true });
  return withLock(`${path}.lock`, async () => {
    if (existsSync(path)) return path;
    const tmp = `${path}.tmp`;
    await discard(tmp);
    await make(tmp);
    await rename(tmp, path);
    return path;
  });
}

/** Removes a file or tree; never crosses into another filesystem (something might be mounted below). */
export async function discard(path: string): Promise<void> {
  await run(['rm', '-rf', '--one-file-system', '--', path], { timeoutMs: 300_000 });
}

/**
 * Runs `work` while holding an exclusive flock(2) on `file`. The lock belongs to a child that lives as long as its standard
 * input is open, so the kernel frees it however we end.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  const holder = spawn('flock', ['--exclusive', file, 'sh', '-c', 'echo locked; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  holder.once('error', reject);
  holder.once('exit', (code) => reject(new Error(`could not lock ${file}: flock ended with ${code}`)));
  holder.stdout.once('data', () => resolve());
  const impatient = setTimeout(() => process.stderr.write(`waiting for another process that holds ${file}\n`), 2000);
  await promise.finally(() => clearTimeout(impatient));
  try {
    return await work();
  } finally {
    const gone = new Promise((resolve) => holder.once('close', resolve));
    holder.stdin.end();
    await gone;
  }
}
