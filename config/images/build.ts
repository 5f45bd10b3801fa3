/**
 * The images of Kubeloom, without Docker: which layers and settings each has, and one tar per image in the cache. Whatever
 * stands in the cache for the same inputs is not made again.
 */
import { statSync } from 'node:fs';
import { mkdir, readdir, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, cached, contentKey, discard, repoRoot } from '../../test/cluster/cache.ts';
import { goTools } from '../../test/cluster/go.ts';
import { onStderr } from '../../test/cluster/progress.ts';
import type { Progress } from '../../test/cluster/progress.ts';
import { baseRootfs, layer as packagesOver } from '../../test/cluster/rootfs.ts';
import { appLayer, builtLayer, dependencyLayer, nodeLayer, programLayer, recipe, rootfsLayer } from './layers.ts';
import type { Places } from './layers.ts';
import { manifestOf, writeImage } from './oci.ts';
import type { ImageSpec, Layer } from './oci.ts';

/** `kubeloom` is the product, `gateway` what pods have that pass traffic on, `test` what tests run in pods, `pause` the sandbox, `coredns` the DNS of the test cluster. */
export type ImageKey = 'kubeloom' | 'gateway' | 'test' | 'pause' | 'coredns';

export const imageNames: Readonly<Record<ImageKey, string>> = {
  kubeloom: 'docker.io/kubeloom/kubeloom:dev',
  gateway: 'docker.io/kubeloom/vpc-nat-gateway:dev',
  test: 'docker.io/kubeloom/test:dev',
  pause: 'docker.io/kubeloom/pause:1',
  coredns: 'docker.io/kubeloom/coredns:dev',
};

export interface BuildOptions {
  /** Which images; default all. */
  readonly only?: readonly ImageKey[];
  /**
   * Leaves the layers out of the tars that change only with Debian's or Node's versions (base, node, test packages). For a
   * containerd that has imported the whole image before.
   */
  readonly thin?: boolean;
  /** The tars are imported one after the other: what an earlier one has is left out of those behind it. */
  readonly together?: boolean;
  /** Digests of further layers that the importing side has; they are left out too. */
  readonly have?: readonly string[];
  /** The base root filesystem, a directory named after its contents; default: the one of test/cluster/rootfs.ts. */
  readonly rootfs?: string;
  readonly repo?: string;
  readonly progress?: Progress;
}

export interface BuiltImage {
  readonly name: string;
  /** Path of the OCI layout in a tar, in the cache; a later build may remove it. */
  readonly tar: string;
  /** Of the manifest, `sha256:<hex>`. */
  readonly digest: string;
  /** Digests of all layers, lowest first, whether or not the tar contains them. */
  readonly layers: readonly string[];
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Compiled code of a program's modules, kept over restarts of its container by a volume; starts are three times as fast. */
const COMPILE_CACHE = 'NODE_COMPILE_CACHE=/var/cache/kubeloom';

/** How many variants of one layer or image stay in the cache. */
const KEEP = 3;

/** A whole image and which of its layers are stable enough to be left out of a thin tar. */
interface Plan {
  readonly spec: ImageSpec;
  readonly stable: readonly Layer[];
}

/** Builds what is out of date and returns where all of it is. */
export async function buildImages(options: BuildOptions = {}): Promise<BuiltImage[]> {
  const progress = options.progress ?? onStderr();
  const places: Places = { repo: options.repo ?? repoRoot, cache: join(cacheRoot(), 'images') };
  await mkdir(places.cache, { recursive: true });
  const built: BuiltImage[] = [];
  for (const key of options.only ?? (Object.keys(imageNames) as ImageKey[])) {
    const earlier = options.together === true ? built.flatMap(({ layers }) => layers) : [];
    built.push(await buildOne(key, places, { ...options, progress, have: [...(options.have ?? []), ...earlier] }));
  }
  for (const part of ['layers', 'tars']) await prune(join(places.cache, part));
  return built;
}

type Options = BuildOptions & { readonly progress: Progress };

async function buildOne(key: ImageKey, places: Places, options: Options): Promise<BuiltImage> {
  const { spec, stable } = await plans[key](places, options);
  const omit = new Set([...(options.thin === true ? stable.map(({ digest }) => digest) : []), ...(options.have ?? [])]);
  const { manifest } = manifestOf(spec);
  const folder = join(places.cache, 'tars');
  const tar = join(folder, `${key}-${contentKey(recipe(), spec.name, manifest.digest, ...[...omit].sort())}.tar`);
  await cached(tar, (tmp) =>
    options.progress.step(`image ${spec.name}`, async (report) => {
      await discard(tmp);
      await writeImage(tmp, spec, omit);
      report(`${Math.ceil(statSync(tmp).size / 1e6)} MB`);
    }),
  );
  const now = new Date();
  await utimes(tar, now, now);
  return { name: spec.name, tar, digest: manifest.digest, layers: spec.layers.map(({ digest }) => digest) };
}

const plans: Readonly<Record<ImageKey, (places: Places, options: Options) => Promise<Plan>>> = {
  async kubeloom(places, options) {
    const rootfs = await rootfsOf(options);
    const base = await rootfsLayer(places, 'base', rootfs);
    const spec = { name: 'tools', lowers: [rootfs], packages: TOOLS };
    const tools = await rootfsLayer(places, 'tools', await packagesOver(spec, { progress: options.progress }));
    const node = await nodeLayer(places);
    const layers = [base, tools, node, await dependencyLayer(places), await appLayer(places)];
    const config = { Env: [PATH, COMPILE_CACHE], WorkingDir: '/opt/kubeloom', Cmd: ['/bin/bash'] };
    return { spec: { name: imageNames.kubeloom, config, layers }, stable: [base, tools, node] };
  },
  // Programs to look inside with: what such pods do is done by the agents.
  async gateway(places, options) {
    const base = await rootfsLayer(places, 'base', await rootfsOf(options));
    const config = { Env: [PATH], Cmd: ['sleep', 'infinity'] };
    return { spec: { name: imageNames.gateway, config, layers: [base] }, stable: [base] };
  },
  async test(places, options) {
    const rootfs = await rootfsOf(options);
    const spec = { name: 'test', lowers: [rootfs], packages: TEST_PACKAGES };
    const base = await rootfsLayer(places, 'base', rootfs);
    const tools = await rootfsLayer(places, 'tools', await packagesOver(spec, { progress: options.progress }));
    const programs = await programLayer(places, 'programs', {
      'usr/local/bin/echo-server': 'test/echo-server.c',
      'usr/local/bin/client': 'test/client.c',
      'usr/local/bin/prober': 'test/prober.c',
    });
    const config = { Env: [PATH], Cmd: ['/usr/local/bin/echo-server'] };
    return { spec: { name: imageNames.test, config, layers: [base, tools, programs] }, stable: [base, tools] };
  },
  async pause(places) {
    const layers = [await programLayer(places, 'pause', { pause: 'pause.c' })];
    return { spec: { name: imageNames.pause, config: { Entrypoint: ['/pause'] }, layers }, stable: [] };
  },
  async coredns(places, options) {
    const layers = [await builtLayer(places, 'coredns', join(await goTools('coredns', options.progress), 'coredns'))];
    return { spec: { name: imageNames.coredns, config: { Entrypoint: ['/coredns'] }, layers }, stable: layers };
  },
};

/**
 * Programs that nothing of ours starts: people look at a network with them, from the pods of a node or from pods of this
 * image, as Kube-OVN's own tests do.
 */
const TOOLS = ['curl', 'traceroute', 'netcat-openbsd', 'arping'];

/** What pods of tests have beyond the base, where ping and tcpdump are already. */
const TEST_PACKAGES = ['curl', 'iperf3', 'isc-dhcp-client'];

const rootfsOf = async (options: Options): Promise<string> => options.rootfs ?? baseRootfs(options.progress);

/** Removes what was not used for longest, of each name beyond the limit. Names end in a key: `app-0123456789abcdef.tar`. */
async function prune(folder: string): Promise<void> {
  const entries = (await readdir(folder)).filter((entry) => /-[0-9a-f]{16}(\.tar)?$/.test(entry));
  const dated = await Promise.all(
    entries.map(async (entry) => ({ entry, used: (await stat(join(folder, entry))).mtimeMs })),
  );
  const variants = Object.values(Object.groupBy(dated, ({ entry }) => entry.replace(/-[0-9a-f]{16}(\.tar)?$/, '')));
  for (const list of variants) {
    const old = (list ?? []).sort((a, b) => b.used - a.used).slice(KEEP);
    for (const { entry } of old) {
      await discard(join(folder, entry));
      await discard(join(folder, `${entry}.lock`));
    }
  }
}
