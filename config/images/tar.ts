/**
 * Writes tar archives whose bytes depend on names, modes and contents alone: entries in the order they are given, one fixed
 * time, no names of users. Format: ustar with pax records for what does not fit (POSIX.1-2017 pax, "ustar Interchange
 * Format"). Never follows a symlink.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

/** What an entry is, beyond its name. `hardlink` names an earlier entry of the same archive. */
export type Body =
  | { readonly type: 'directory' }
  | { readonly type: 'file'; readonly content: Buffer }
  /** Read when it is written; `size` bytes, or the archive is refused. */
  | { readonly type: 'source'; readonly path: string; readonly size: number }
  | { readonly type: 'symlink' | 'hardlink'; readonly target: string };

/** One member of an archive. `path` is relative, without a leading `./` and without a trailing slash. */
export interface Entry {
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly body: Body;
}

/** Length in bytes and SHA-256 (hex) of something written. */
export interface Written {
  readonly size: number;
  readonly sha256: string;
}

const BLOCK = 512;
/** Small files are gathered up to this size; larger ones are copied in pieces of it. */
const CHUNK = 4 << 20;
const TYPE_FLAG = { file: '0', source: '0', hardlink: '1', symlink: '2', directory: '5', pax: 'x' } as const;

/** Entries by name, byte-wise, so that every directory comes before what is in it. */
export const sorted = (entries: Iterable<Entry>): Entry[] =>
  [...entries].sort((a, b) => Buffer.compare(Buffer.from(sortKey(a.path)), Buffer.from(sortKey(b.path))));

/** '/' sorts below everything else, so `a/b` follows `a` at once although `a-c` has the lower byte. */
const sortKey = (path: string): string => path.replaceAll('/', '\0');

/** Writes an archive of `entries` to the new file `out`. */
export async function writeTar(out: string, entries: Iterable<Entry>): Promise<Written> {
  const file = await open(out, 'wx');
  try {
    const sink = new Sink(file);
    for (const entry of entries) await writeEntry(sink, entry);
    // Two zero blocks end an archive.
    await sink.write(Buffer.alloc(2 * BLOCK));
    return await sink.end();
  } finally {
    await file.close();
  }
}

async function writeEntry(sink: Sink, entry: Entry): Promise<void> {
  const { body } = entry;
  const size = body.type === 'file' ? body.content.length : body.type === 'source' ? body.size : 0;
  for (const block of headers(entry, size)) await sink.write(block);
  if (body.type === 'file') await sink.write(body.content);
  if (body.type === 'source') await copySource(sink, body.path, size);
  await sink.write(Buffer.alloc(padding(size)));
}

async function copySource(sink: Sink, path: string, size: number): Promise<void> {
  if (size <= CHUNK) {
    const content = readFileSync(path);
    if (content.length !== size) throw new Error(`${path} changed while it was being packed`);
    return sink.write(content);
  }
  const source = await open(path);
  try {
    let left = size;
    while (left > 0) {
      const { bytesRead, buffer } = await source.read(Buffer.alloc(Math.min(CHUNK, left)));
      if (bytesRead === 0) throw new Error(`${path} became shorter while it was being packed`);
      await sink.write(buffer.subarray(0, bytesRead));
      left -= bytesRead;
    }
  } finally {
    await source.close();
  }
}

const padding = (size: number): number => (BLOCK - (size % BLOCK)) % BLOCK;

/** The header of an entry, preceded by a pax header when a name is too long or not ASCII. */
function headers(entry: Entry, size: number): Buffer[] {
  const { body } = entry;
  const name = body.type === 'directory' ? `${entry.path}/` : entry.path;
  const link = body.type === 'symlink' || body.type === 'hardlink' ? body.target : '';
  const records = [...paxRecord('path', name), ...paxRecord('linkpath', link)];
  const own = header({ name: fit(name), link: fit(link), flag: TYPE_FLAG[body.type], size, entry });
  if (records.length === 0) return [own];
  const pax = Buffer.concat(records);
  const plain = { ...entry, mode: 0o644, uid: 0, gid: 0 };
  const head = header({ name: fit('PaxHeader'), link: fit(''), flag: TYPE_FLAG.pax, size: pax.length, entry: plain });
  return [head, pax, Buffer.alloc(padding(pax.length)), own];
}

const FIELD = 100;
const fits = (text: string): boolean => Buffer.byteLength(text) <= FIELD && /^[ -~]*$/.test(text);
const fit = (text: string): Buffer => Buffer.from(text).subarray(0, FIELD);

/** `<length> key=value\n`, where the length counts itself. */
function paxRecord(key: string, value: string): Buffer[] {
  if (fits(value)) return [];
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + String(rest).length;
  if (String(length).length > String(rest).length) length = rest + String(length).length;
  return [Buffer.from(`${length} ${key}=${value}\n`)];
}

interface Header {
  name: Buffer;
  link: Buffer;
  flag: string;
  size: number;
  entry: Pick<Entry, 'mode' | 'uid' | 'gid'>;
}

function header({ name, link, flag, size, entry }: Header): Buffer {
  const block = Buffer.alloc(BLOCK);
  name.copy(block, 0);
  block.write(octal(entry.mode & 0o7777, 8), 100, 'latin1');
  block.write(octal(entry.uid, 8), 108, 'latin1');
  block.write(octal(entry.gid, 8), 116, 'latin1');
  block.write(octal(size, 12), 124, 'latin1');
  block.write(octal(0, 12), 136, 'latin1');
  block.fill(' ', 148, 156);
  block.write(flag, 156, 'latin1');
  link.copy(block, 157);
  block.write('ustar\u000000', 257, 'latin1');
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Octal digits filling a field of `width` bytes with its closing NUL. */
function octal(value: number, width: number): string {
  const digits = value.toString(8);
  if (digits.length >= width) throw new RangeError(`${value} does not fit into ${width - 1} octal digits`);
  return `${digits.padStart(width - 1, '0')}\0`;
}

/** Gathers writes into large ones and hashes them on the way. */
class Sink {
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  #pending: Buffer[] = [];
  #length = 0;
  #size = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async write(bytes: Buffer): Promise<void> {
    if (bytes.length === 0) return;
    this.#pending.push(bytes);
    this.#length += bytes.length;
    if (this.#length >= CHUNK) await this.#flush();
  }

  async end(): Promise<Written> {
    await this.#flush();
    return { size: this.#size, sha256: this.#hash.digest('hex') };
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#pending, this.#length);
    this.#pending = [];
    this.#length = 0;
    this.#hash.update(bytes);
    this.#size += bytes.length;
    await this.#file.writeFile(bytes);
  }
}
