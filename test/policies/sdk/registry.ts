// A registry of packages for one test: those that it is given, packed from where they lie, and nothing else.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { npm } from '../../plain-node.ts';

interface Packed {
  readonly filename: string;
  readonly name: string;
  readonly version: string;
}

export interface PackageRegistry {
  readonly url: string;
  /** Paths that were asked for and are not there. */
  readonly missed: readonly string[];
  stop(): Promise<void>;
}

/** Packs each folder into `directory` and serves them on loopback. */
export async function startRegistry(directory: string, folders: readonly string[]): Promise<PackageRegistry> {
  const answers = new Map<string, Buffer>();
  const missed: string[] = [];
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    const answer = answers.get(path);
    if (!answer) missed.push(path);
    response.writeHead(answer ? 200 : 404).end(answer ?? '{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const folder of folders) {
    const told = await npm(folder, 'pack', '--json', '--ignore-scripts', '--pack-destination', directory);
    const [{ filename, name, version }] = JSON.parse(told) as [Packed];
    const tarball = await readFile(join(directory, filename));
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as object;
    const shasum = createHash('sha1').update(tarball).digest('hex');
    const dist = { tarball: `${url}/${filename}`, shasum };
    const document = { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } };
    answers.set(`/${name}`, Buffer.from(JSON.stringify(document)));
    answers.set(`/${filename}`, tarball);
  }
  return { url, missed, stop: () => new Promise((resolve) => server.close(() => resolve())) };
}
