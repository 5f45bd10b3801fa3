/**
 * What of this repository goes into the product's image, under /opt/kubeloom: the sources that Node runs as they are, the
 * production packages, the CNI shim and the start scripts. Tests, sources of compiled things and documentation stay out.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join, relative } from 'node:path';
import type { Entry } from './tar.ts';
import { copyEntry, linkEntry, parents, treeEntries } from './tree.ts';
import { sorted } from './tar.ts';

/** Where the product lives in its image, relative to the root. */
export const HOME = 'opt/kubeloom';

/** Folders of the repository that run; `policies` only with what was compiled. */
const SOURCES = ['operator', 'agent', 'lib', 'proto', 'cli', 'policies', 'crds'];
const KEPT = new Set(['.ts', '.js', '.mjs', '.cjs', '.json', '.proto', '.wasm', '.yaml', '.sh', '.ovsschema', '']);
const LEFT_OUT = new Set(['node_modules', 'assembly', 'cases', 'examples', 'test']);

/** Processes carry the names that people and tools look for (`pidof kube-ovn-controller`). */
const PROCESS_NAMES = ['kube-ovn-controller', 'kube-ovn-daemon', 'kube-ovn-webhook'];

/** The agent's programs in C, compiled. */
export interface AgentPrograms {
  /** The CNI plugin. */
  readonly shim: string;
  readonly neighbour: string;
  readonly checksum: string;
  readonly netfilterWatch: string;
  readonly starter: string;
  readonly probeProxy: string;
}

/** Entries of the app layer. Cost: one stat per file. */
export function appEntries(repo: string, programs: AgentPrograms): Entry[] {
  const entries: Entry[] = [copyEntry(`${HOME}/package.json`, join(repo, 'package.json'))];
  for (const folder of SOURCES) {
    if (!existsSync(join(repo, folder))) continue;
    entries.push(copyless(folder), ...treeEntries(join(repo, folder), { at: `${HOME}/${folder}`, take: runs }));
  }
  const places: Readonly<Record<string, string>> = {
    'cni/kube-ovn': programs.shim,
    'cni/neighbour': programs.neighbour,
    'cni/checksum': programs.checksum,
    'bin/netfilter-watch': programs.netfilterWatch,
    'bin/starter': programs.starter,
    'bin/probe-proxy': programs.probeProxy,
  };
  for (const [path, program] of Object.entries(places)) entries.push(copyEntry(`${HOME}/${path}`, program, 0o755));
  const scripts = join(repo, 'config', 'images', 'scripts');
  entries.push(...treeEntries(scripts, { at: `${HOME}/scripts`, take: (path) => extname(path) === '.sh' }));
  for (const name of PROCESS_NAMES) entries.push(linkEntry(`${HOME}/bin/${name}`, '/usr/local/bin/node'));
  return whole(entries);
}

const copyless = (folder: string): Entry => ({
  path: `${HOME}/${folder}`,
  mode: 0o755,
  uid: 0,
  gid: 0,
  body: { type: 'directory' },
});

const runs = (path: string, directory: boolean): boolean =>
  directory ? !LEFT_OUT.has(basename(path)) : KEPT.has(extname(path)) && !path.endsWith('.test.ts');

const whole = (entries: readonly Entry[]): Entry[] => sorted([...parents(entries), ...entries]);

interface LockedPackage {
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
  /** A workspace: `resolved` is its folder in this repository. */
  readonly link?: boolean;
  readonly resolved?: string;
}

/**
 * Entries of the packages that production needs, as package-lock.json (lockfile version 3) says. A workspace stays a symlink
 * into lib/, because Node strips types of nothing whose real path is below node_modules. Node itself (`node-linux-*`) is a
 * layer of its own. Throws when a package is not installed.
 */
export function dependencyEntries(repo: string): Entry[] {
  const lock = JSON.parse(readFileSync(join(repo, 'package-lock.json'), 'utf8')) as {
    packages: Readonly<Record<string, LockedPackage>>;
  };
  const entries: Entry[] = [];
  for (const [path, locked] of Object.entries(lock.packages)) {
    if (!path.startsWith('node_modules/') || !inProduction(path, locked)) continue;
    if (locked.link === true) entries.push(workspaceLink(path, locked.resolved ?? ''));
    else entries.push(...packageEntries(repo, path, locked));
  }
  return whole(entries);
}

/** Types alone are of no use at run time. */
const inProduction = (path: string, { dev = false, devOptional = false }: LockedPackage): boolean =>
  !dev && !devOptional && !/^node_modules\/(@types\/|node-(linux|darwin|win)-)/.test(path);

const workspaceLink = (path: string, target: string): Entry =>
  linkEntry(`${HOME}/${path}`, relative(dirname(path), target));

function packageEntries(repo: string, path: string, { optional = false }: LockedPackage): Entry[] {
  const root = join(repo, path);
  if (existsSync(root)) return [...treeEntries(root, { at: `${HOME}/${path}`, take: needed })];
  if (optional) return [];
  throw new Error(`${path} is not installed: npm ci`);
}

const UNUSED = /\.(d\.[cm]?ts|[cm]?tsx?|map|md|markdown|flow|bare|html|coffee)$/;
const LEGAL = /^(licen[cs]e|notice|copying)/i;

/** Nested node_modules are entries of the lock file themselves. */
function needed(path: string, directory: boolean): boolean {
  const name = basename(path);
  if (directory) return name !== 'node_modules' && name !== 'prebuilds' && name !== '.github';
  return LEGAL.test(name) || !UNUSED.test(name);
}
