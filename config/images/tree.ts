/**
 * Turns files on disk into the entries of a layer. Reads names, modes, owners and sizes; contents are read when the layer is
 * written. Never follows a symlink, never leaves the directory it was given.
 */
import { createHash } from 'node:crypto';
import { readdirSync, lstatSync, readFileSync, readlinkSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import type { Body, Entry } from './tar.ts';

export interface TreeOptions {
  /** Where the directory's contents go in the layer, '' for its root. */
  readonly at?: string;
  /** Whether to take this path (relative to the directory); a refused directory is not entered. Default: everything. */
  readonly take?: (path: string, directory: boolean) => boolean;
  /** Owner and modes as on disk. Otherwise root, 755 and 644: what a checkout's umask made of them does not matter. */
  readonly owners?: boolean;
}

/** Entries of everything below `root`, without `root` itself, in readdir order: sort before writing. */
export function* treeEntries(root: string, options: TreeOptions = {}): Generator<Entry> {
  const links = new Map<string, string>();
  yield* below(root, '', { options, links });
}

interface Walk {
  readonly options: TreeOptions;
  /** First path by device and inode, for files with several names. */
  readonly links: Map<string, string>;
}

function* below(root: string, directory: string, walk: Walk): Generator<Entry> {
  // Sorted, so that which of two hard links comes first does not depend on the filesystem.
  for (const name of readdirSync(join(root, directory)).sort()) {
    const path = directory === '' ? name : `${directory}/${name}`;
    const stats = lstatSync(join(root, path));
    if (walk.options.take?.(path, stats.isDirectory()) === false) continue;
    const entry = entryOf(root, path, { stats, walk });
    if (entry !== undefined) yield entry;
    if (stats.isDirectory()) yield* below(root, path, walk);
  }
}

function entryOf(root: string, path: string, { stats, walk }: { stats: Stats; walk: Walk }): Entry | undefined {
  const target = placed(path, walk.options);
  // overlayfs marks a name that its upper layer removed by a 0:0 character device; OCI layers do it by a name.
  if (stats.isCharacterDevice() && stats.rdev === 0) return whiteout(target);
  const body = bodyOf(root, path, { stats, walk });
  if (body === undefined) return undefined;
  if (walk.options.owners !== true) return { path: target, mode: plainMode(stats), uid: 0, gid: 0, body };
  return { path: target, mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid, body };
}

/** Where a path of the directory is in the layer. */
const placed = (path: string, { at = '' }: TreeOptions): string => (at === '' ? path : `${at}/${path}`);

function bodyOf(root: string, path: string, { stats, walk }: { stats: Stats; walk: Walk }): Body | undefined {
  const disk = join(root, path);
  if (stats.isDirectory()) return { type: 'directory' };
  if (stats.isSymbolicLink()) return { type: 'symlink', target: readlinkSync(disk) };
  // Sockets, fifos and devices have no place in an image.
  if (!stats.isFile()) return undefined;
  // Links matter in a root filesystem only; in a checkout they are the accident of some package manager.
  const key = stats.nlink > 1 && walk.options.owners === true ? `${stats.dev}:${stats.ino}` : path;
  const first = walk.links.get(key);
  if (first !== undefined) return { type: 'hardlink', target: placed(first, walk.options) };
  walk.links.set(key, path);
  return { type: 'source', path: disk, size: stats.size };
}

const plainMode = (stats: Stats): number => (stats.isDirectory() || (stats.mode & 0o111) !== 0 ? 0o755 : 0o644);

/** OCI image spec, layer.md, "Whiteouts". */
function whiteout(path: string): Entry {
  const slash = path.lastIndexOf('/') + 1;
  const name = `${path.slice(0, slash)}.wh.${path.slice(slash)}`;
  return fileEntry(name, Buffer.alloc(0));
}

/** A file of root's with this content. */
export const fileEntry = (path: string, content: string | Buffer, mode = 0o644): Entry => ({
  path,
  mode,
  uid: 0,
  gid: 0,
  body: { type: 'file', content: Buffer.from(content) },
});

/** A copy of the file at `source`, with these permissions. */
export const copyEntry = (path: string, source: string, mode = 0o644): Entry => ({
  path,
  mode,
  uid: 0,
  gid: 0,
  body: { type: 'source', path: source, size: lstatSync(source).size },
});

export const linkEntry = (path: string, target: string): Entry => ({
  path,
  mode: 0o777,
  uid: 0,
  gid: 0,
  body: { type: 'symlink', target },
});

/** The directories above each entry that are not among the entries, so that their modes don't depend on who unpacks. */
export function parents(entries: readonly Entry[]): Entry[] {
  const known = new Set(entries.map((entry) => entry.path));
  const missing: Entry[] = [];
  for (const { path } of entries) {
    for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) {
      const above = path.slice(0, cut);
      if (known.has(above)) continue;
      known.add(above);
      missing.push({ path: above, mode: 0o755, uid: 0, gid: 0, body: { type: 'directory' } });
    }
  }
  return missing;
}

/** SHA-256 (hex) over all that ends up in the archive; reads the contents of files unless `sizesOnly`. */
export function treeDigest(entries: readonly Entry[], { sizesOnly = false } = {}): string {
  const hash = createHash('sha256');
  for (const { path, mode, uid, gid, body } of entries) {
    const kind = body.type === 'source' ? 'file' : body.type;
    const content = contentOf(body, sizesOnly);
    hash.update(`${path}\0${kind}\0${mode}\0${uid}:${gid}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function contentOf(body: Body, sizesOnly: boolean): Buffer {
  if (body.type === 'file') return body.content;
  if (body.type === 'source') return sizesOnly ? Buffer.from(String(body.size)) : readFileSync(body.path);
  return Buffer.from(body.type === 'directory' ? '' : body.target);
}
