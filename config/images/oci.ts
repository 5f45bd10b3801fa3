/**
 * Writes OCI images (image-spec v1.1) as tars that `ctr images import` takes: layout, index, manifest, config, layers. Layers
 * are not compressed: they never travel over a network. Nothing in an image tells when or where it was made.
 */
import { createHash } from 'node:crypto';
import { arch } from 'node:os';
import { fileEntry, parents } from './tree.ts';
import { sorted, writeTar } from './tar.ts';
import type { Entry } from './tar.ts';

/** An uncompressed layer on disk. `digest` is `sha256:<hex>` of the file, hence also the layer's diff_id. */
export interface Layer {
  readonly tar: string;
  readonly digest: string;
  readonly size: number;
}

/** The part of an image's config that says how to run it (image-spec config.md). */
export interface RunConfig {
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

export interface ImageSpec {
  /** Fully qualified, with tag: docker.io/kubeloom/pause:1. */
  readonly name: string;
  readonly config: RunConfig;
  /** Lowest first. */
  readonly layers: readonly Layer[];
}

interface Blob {
  readonly digest: string;
  readonly content: Buffer;
}

/** Names as Go and the image spec have them. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

function blob(value: unknown): Blob {
  const content = Buffer.from(JSON.stringify(value));
  return { digest: `sha256:${createHash('sha256').update(content).digest('hex')}`, content };
}

const descriptor = (mediaType: string, digest: string, size: number): object => ({ mediaType, digest, size });

const architecture = (): string => ARCHITECTURES[arch()] ?? arch();

/** Config and manifest of an image; the manifest's digest is the image's. */
export function manifestOf(spec: ImageSpec): { manifest: Blob; config: Blob } {
  const config = blob({
    created: '1970-01-01T00:00:00Z',
    architecture: architecture(),
    os: 'linux',
    config: spec.config,
    rootfs: { type: 'layers', diff_ids: spec.layers.map(({ digest }) => digest) },
  });
  const layers = spec.layers.map(({ digest, size }) =>
    descriptor('application/vnd.oci.image.layer.v1.tar', digest, size),
  );
  const manifest = blob({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config.digest, config.content.length),
    layers,
  });
  return { manifest, config };
}

/**
 * Writes the image to the new file `out` and returns the digest of its manifest. Layers in `omit` are named but not
 * contained: the importing side must have them already, else its import fails.
 */
export async function writeImage(out: string, spec: ImageSpec, omit: ReadonlySet<string> = new Set()): Promise<string> {
  const { manifest, config } = manifestOf(spec);
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest.digest, manifest.content.length),
        platform: { architecture: architecture(), os: 'linux' },
        annotations: {
          'io.containerd.image.name': spec.name,
          'org.opencontainers.image.ref.name': spec.name.slice(spec.name.lastIndexOf(':') + 1),
        },
      },
    ],
  };
  const entries = [
    fileEntry('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' })),
    fileEntry('index.json', JSON.stringify(index)),
    ...[manifest, config].map(({ digest, content }) => fileEntry(blobPath(digest), content)),
    ...layerBlobs(spec.layers.filter(({ digest }) => !omit.has(digest))),
  ];
  await writeTar(out, sorted([...parents(entries), ...entries]));
  return manifest.digest;
}

const blobPath = (digest: string): string => `blobs/${digest.replace(':', '/')}`;

/** A layer that occurs twice is one blob. */
function layerBlobs(layers: readonly Layer[]): Entry[] {
  const byDigest = new Map(layers.map((layer) => [layer.digest, layer]));
  return [...byDigest.values()].map(({ tar, digest, size }) => ({
    path: blobPath(digest),
    mode: 0o644,
    uid: 0,
    gid: 0,
    body: { type: 'source', path: tar, size },
  }));
}
