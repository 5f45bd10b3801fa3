/**
 * The layers of our images, each made once per content of its inputs and kept in the cache as `layers/<name>-<key>/`. A key
 * also covers the sources of this folder, so a change of how layers are made never meets an old one.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { basename, join } from 'node:path';
import { ensureBuilt } from '../../policies/build.ts';
import { cached, contentKey } from '../../test/cluster/cache.ts';
import { appEntries, dependencyEntries } from './app.ts';
import { compiled } from './compile.ts';
import type { Layer } from './oci.ts';
import { sorted, writeTar } from './tar.ts';
import type { Entry } from './tar.ts';
import { copyEntry, parents, treeDigest, treeEntries } from './tree.ts';

/** Where things are read from and kept. */
export interface Places {
  /** Root of this repository. */
  readonly repo: string;
  /** Folder of the images in the cache. */
  readonly cache: string;
}

/** Hash of the TypeScript of this folder. */
export function recipe(): string {
  const folder = import.meta.dirname;
  const sources = readdirSync(folder).filter((name) => name.endsWith('.ts'));
  return contentKey(...sources.sort().map((name) => readFileSync(join(folder, name))));
}

/** The layer `name` for this key, made from `entries` if it is not there yet. */
async function layer(places: Places, name: string, key: string, entries: () => readonly Entry[]): Promise<Layer> {
  const folder = await cached(join(places.cache, 'layers', `${name}-${contentKey(recipe(), key)}`), async (tmp) => {
    await mkdir(tmp, { recursive: true });
    const { size, sha256 } = await writeTar(join(tmp, 'layer.tar'), entries());
    await writeFile(join(tmp, 'layer.json'), JSON.stringify({ digest: `sha256:${sha256}`, size }));
  });
  const now = new Date();
  // What is removed is what was not used for longest.
  await utimes(folder, now, now);
  const made = JSON.parse(readFileSync(join(folder, 'layer.json'), 'utf8')) as { digest: string; size: number };
  return { tar: join(folder, 'layer.tar'), ...made };
}

/** Paths whose contents belong to the machine that runs the image, or to nobody. The directories themselves stay. */
const EMPTY = new Set(['proc', 'sys', 'dev', 'run', 'tmp', 'var/tmp', 'var/cache', 'var/log', 'var/lib/apt/lists']);
const LEFT_OUT = /^(usr\/share\/(doc|man|info|locale|lintian|bug)(\/|$)|var\/lib\/dpkg\/info\/.*\.(md5sums|triggers)$)/;
/** Of Debian's CNI plugins (4 MB each) those that the network needs besides its own. */
const PLUGIN = /^usr\/lib\/cni\/(?!(loopback|portmap|macvlan)$)/;

const ofRootfs = (path: string): boolean => {
  if (LEFT_OUT.test(path) || PLUGIN.test(path)) return false;
  for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
    if (EMPTY.has(path.slice(0, cut))) return false;
  }
  return true;
};

/** A root filesystem directory (or the upper half of an overlay) as a layer; its name must be a key of its contents. */
export const rootfsLayer = (places: Places, name: string, rootfs: string): Promise<Layer> =>
  layer(places, name, basename(rootfs), () => sorted(treeEntries(rootfs, { owners: true, take: ofRootfs })));

/** Node 26 itself, from the npm package of this architecture. */
export function nodeLayer(places: Places): Promise<Layer> {
  const root = join(places.repo, 'node_modules', `node-linux-${arch()}`);
  if (!existsSync(join(root, 'bin', 'node'))) throw new Error(`node-linux-${arch()} is not installed: npm ci`);
  return layer(places, 'node', readFileSync(join(root, 'package.json'), 'utf8'), () =>
    rootOwned([copyEntry('usr/local/bin/node', join(root, 'bin', 'node'), 0o755)]),
  );
}

/** Packages that production needs. Keyed by the lock file and the sizes of the files, since there are thousands. */
export function dependencyLayer(places: Places): Promise<Layer> {
  const entries = dependencyEntries(places.repo);
  const lock = readFileSync(join(places.repo, 'package-lock.json'), 'utf8');
  return layer(places, 'deps', contentKey(lock, treeDigest(entries, { sizesOnly: true })), () => entries);
}

/** This repository's own part; keyed by every byte of it. */
export async function appLayer(places: Places): Promise<Layer> {
  await ensureBuilt();
  const program = (source: string): Promise<string> => compiled(join(places.repo, 'agent', source), places.cache);
  const programs = {
    shim: await program('cni/shim.c'),
    neighbour: await program('cni/neighbour.c'),
    checksum: await program('cni/checksum.c'),
    netfilterWatch: await program('netfilter-watch.c'),
    starter: await program('starter.c'),
    probeProxy: await program('probe-proxy.c'),
  };
  const entries = appEntries(places.repo, programs);
  return layer(places, 'app', treeDigest(entries), () => entries);
}

/** Static programs of this folder, each under a path in the image. */
export async function programLayer(
  places: Places,
  name: string,
  programs: Readonly<Record<string, string>>,
): Promise<Layer> {
  const entries: Entry[] = [];
  for (const [path, source] of Object.entries(programs)) {
    const program = await compiled(join(import.meta.dirname, source), places.cache);
    entries.push(copyEntry(path, program, 0o755));
  }
  return layer(places, name, treeDigest(entries), () => rootOwned(entries));
}

/** A program that was built elsewhere. */
export const builtLayer = (places: Places, name: string, program: string): Promise<Layer> => {
  const entries = [copyEntry(name, program, 0o755)];
  return layer(places, name, treeDigest(entries), () => rootOwned(entries));
};

const rootOwned = (entries: readonly Entry[]): Entry[] => sorted([...parents(entries), ...entries]);
