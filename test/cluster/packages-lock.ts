/**
 * `config/images/packages.lock`: which version of which Debian package the root filesystems (and so the images) consist of.
 * One section per layer and architecture, `package=version` lines inside. Pure but for the two functions at the end.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { repoRoot } from './cache.ts';

/** Package name to version. */
export type Versions = ReadonlyMap<string, string>;
/** Section (`base amd64`) to its packages. */
export type Lock = ReadonlyMap<string, Versions>;

export const lockFile = join(repoRoot, 'config', 'images', 'packages.lock');

/** The command that writes the lock anew; whoever is told of a difference is told it. */
export const refreshCommand = 'npm run cluster -- lock';

const HEAD = `# Versions of the Debian packages in the root filesystems of nodes and images. Written by: ${refreshCommand}`;
const SECTION = /^# section: (.+)$/;

/** Reads the text of a lock file; a line that is neither comment nor `package=version` is an error. */
export function parseLock(text: string): Lock {
  const lock = new Map<string, Map<string, string>>();
  let section = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    const name = SECTION.exec(line)?.[1];
    if (name !== undefined) lock.set(name, (section = new Map()));
    if (line.trim() === '' || line.startsWith('#')) continue;
    const match = /^([a-z0-9][a-z0-9.+-]*)=(\S+)$/.exec(line);
    if (match?.[1] === undefined || match[2] === undefined) throw new Error(`packages.lock line ${index + 1}: ${line}`);
    section.set(match[1], match[2]);
  }
  return lock;
}

/** The text of a lock file: sections and packages sorted, so that a refresh shows real changes only. */
export function formatLock(lock: Lock): string {
  const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);
  const sections = [...lock].sort(byName).map(([name, versions]) => {
    const lines = [...versions].sort(byName).map((pair) => pair.join('='));
    return [`# section: ${name}`, ...lines].join('\n');
  });
  return `${[HEAD, ...sections].join('\n\n')}\n`;
}

/** One line for each difference, empty when equal. */
export function differences(locked: Versions, actual: Versions): string[] {
  const names = [...new Set([...locked.keys(), ...actual.keys()])].sort();
  return names
    .filter((name) => locked.get(name) !== actual.get(name))
    .map(
      (name) => `${name}: locked ${locked.get(name) ?? 'nothing'}, the archive has ${actual.get(name) ?? 'nothing'}`,
    );
}

/** What is told when the archive no longer has what the lock names. */
export const outOfDate = (section: string, lines: readonly string[]): string =>
  `${lines.length} packages of "${section}" are not what config/images/packages.lock says:\n` +
  `${lines.slice(0, 20).join('\n')}\nTaken as they are. To say so in the lock: ${refreshCommand}`;

/** What is locked now; empty without a file. */
export const readLock = (): Lock => (existsSync(lockFile) ? parseLock(readFileSync(lockFile, 'utf8')) : new Map());

/** Removes sections; what they lock is taken from the archive, and locked again, when it is next built. */
export async function dropSections(wanted: (section: string) => boolean): Promise<void> {
  await writeFile(lockFile, formatLock(new Map([...readLock()].filter(([section]) => !wanted(section)))));
}

/** Replaces one section, leaves the others. */
export async function writeSection(section: string, versions: Versions): Promise<void> {
  await mkdir(dirname(lockFile), { recursive: true });
  await writeFile(lockFile, formatLock(new Map([...readLock(), [section, versions]])));
}
