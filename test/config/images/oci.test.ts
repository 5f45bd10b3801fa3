import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { manifestOf, writeImage } from '../../../config/images/oci.ts';
import type { ImageSpec, Layer } from '../../../config/images/oci.ts';
import { writeTar } from '../../../config/images/tar.ts';
import { fileEntry } from '../../../config/images/tree.ts';

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'kubeloom-oci-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

async function layer(name: string): Promise<Layer> {
  const tar = join(scratch, `${name}.layer`);
  const { size, sha256 } = await writeTar(tar, [fileEntry(name, name)]);
  return { tar, size, digest: `sha256:${sha256}` };
}

const image = (...layers: Layer[]): ImageSpec => ({
  name: 'docker.io/kubeloom/some:1',
  config: { Entrypoint: ['/some'], Env: ['A=b'] },
  layers,
});

const list = (tar: string): string[] => execFileSync('tar', ['-tf', tar], { encoding: 'utf8' }).trim().split('\n');
const content = (tar: string, path: string): Buffer => execFileSync('tar', ['-xOf', tar, path]);
const json = (tar: string, path: string): unknown => JSON.parse(content(tar, path).toString());
const blob = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

it('writes a layout whose digests and sizes are those of its blobs', async () => {
  const layers = [await layer('base'), await layer('app')];
  const out = join(scratch, 'image.tar');
  const digest = await writeImage(out, image(...layers));
  const index = json(out, 'index.json') as { manifests: { digest: string; size: number; annotations: object }[] };
  expect(json(out, 'oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
  expect(index.manifests).toHaveLength(1);
  expect(index.manifests[0]).toMatchObject({
    digest,
    annotations: { 'io.containerd.image.name': 'docker.io/kubeloom/some:1', 'org.opencontainers.image.ref.name': '1' },
  });
  const manifest = json(out, blob(digest)) as {
    config: { digest: string };
    layers: { digest: string; size: number }[];
  };
  expect(manifest.layers).toMatchObject(layers.map(({ digest, size }) => ({ digest, size })));
  expect(json(out, blob(manifest.config.digest))).toMatchObject({
    os: 'linux',
    config: { Entrypoint: ['/some'], Env: ['A=b'] },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.digest) },
  });
  const blobs = list(out).filter((path) => /sha256\/./.test(path));
  expect(blobs).toHaveLength(4);
  for (const path of blobs) {
    expect(createHash('sha256').update(content(out, path)).digest('hex')).toBe(path.slice(-64));
  }
});

it('a thin image names all layers and contains the others; its digest is the whole one', async () => {
  const base = await layer('base');
  const app = await layer('app');
  const digest = await writeImage(join(scratch, 'whole.tar'), image(base, app));
  const thin = join(scratch, 'thin.tar');
  expect(await writeImage(thin, image(base, app), new Set([base.digest]))).toBe(digest);
  expect(list(thin)).toContain(blob(app.digest));
  expect(list(thin)).not.toContain(blob(base.digest));
});

it('the same inputs give the same bytes', async () => {
  const base = await layer('base');
  await writeImage(join(scratch, 'a.tar'), image(base, base));
  await writeImage(join(scratch, 'b.tar'), image(base, base));
  execFileSync('cmp', [join(scratch, 'a.tar'), join(scratch, 'b.tar')]);
  expect(manifestOf(image(base)).manifest.digest).not.toBe(manifestOf(image(base, base)).manifest.digest);
});
