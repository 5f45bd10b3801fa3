/**
 * Images in the nodes' containerd. They are imported once, into a "golden" containerd root in the cache; each node gets a copy
 * of that made of hard links, because blobs and unpacked layers are only ever read. The two databases are real copies.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { cacheRoot, cached, contentKey, discard } from './cache.ts';
import { attempt, run } from './exec.ts';
import type { Progress } from './progress.ts';

const DATABASES = ['io.containerd.metadata.v1.bolt/meta.db', 'io.containerd.snapshotter.v1.overlayfs/metadata.db'];
/** How many golden roots stay in the cache; a node's hard links don't need the original. */
const KEEP = 3;

/** What identifies the images in an OCI tar: its index, which holds the digest of everything else. */
export async function imageIndex(tar: string): Promise<string> {
  if (!existsSync(tar)) throw new Error(`no image at ${tar}`);
  const { code, stdout } = await attempt([
    'tar',
    '--extract',
    '--to-stdout',
    '--occurrence=1',
    '--file',
    tar,
    'index.json',
  ]);
  if (code !== 0) throw new Error(`${tar} is not an image in OCI layout (no index.json in it)`);
  return stdout;
}

/** A containerd root with these image tars imported, by the containerd of the nodes' root filesystem. */
export async function goldenRoot(
  tars: readonly string[],
  lowers: readonly string[],
  progress: Progress,
): Promise<string> {
  const indexes = await Promise.all(tars.map(imageIndex));
  const folder = join(cacheRoot(), 'golden');
  const path = join(folder, contentKey(basename(lowers[0] ?? ''), IMPORT, ...indexes));
  await cached(path, (target) =>
    progress.step(`importing ${tars.length} images for all nodes`, async (report) => {
      // Layers that an earlier one has need not be unpacked again; containerd drops what no image uses any more.
      const seed = (await newest(folder))[0];
      await mkdir(target);
      if (seed !== undefined) await cloneGolden(seed, target);
      const log = join(cacheRoot(), 'log', 'golden.log');
      await run(['unshare', '--mount', '--pid', '--fork', '--kill-child', 'bash', '-euc', IMPORT, 'import', ...tars], {
        env: { TARGET: target, LOWERS: lowers.join(':'), ROOT: `${target}.root` },
        log,
        onLine: report,
        timeoutMs: 300_000,
      });
      await rm(`${target}.root`, { recursive: true, force: true });
    }),
  );
  await prune(folder, path);
  return path;
}

/** Copies a golden root into the empty directory `target`. */
export async function cloneGolden(golden: string, target: string): Promise<void> {
  const { code } = await attempt(['cp', '-al', `${golden}/.`, target]);
  // Hard links don't reach across filesystems; then it takes a second more.
  if (code !== 0) await run(['cp', '-a', '--reflink=auto', '--remove-destination', `${golden}/.`, target]);
  for (const database of DATABASES) {
    await rm(join(target, database), { force: true });
    await cp(join(golden, database), join(target, database));
  }
}

async function prune(folder: string, current: string): Promise<void> {
  const old = (await newest(folder)).filter((path) => path !== current);
  for (const path of old.slice(KEEP - 1)) await discard(path);
}

/** Golden roots in the cache, newest first. */
async function newest(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{16}$/.test(name));
  const aged = await Promise.all(
    names.map(async (name) => ({ path: join(folder, name), made: (await stat(join(folder, name))).mtimeMs })),
  );
  return aged.sort((a, b) => b.made - a.made).map(({ path }) => path);
}

/** Imports an image tar into one running node, given its process 1; layers that the node has may be missing in the tar. */
export async function importImage(tar: string, init: number, env: NodeJS.ProcessEnv): Promise<void> {
  const enter = ['nsenter', `--target=${init}`, '--mount', '--net', '--pid', '--'];
  const command = ['ctr', '--namespace=k8s.io', 'images', 'import', '--snapshotter=overlayfs', '-'];
  await run([...enter, ...command], { inputFile: tar, env, timeoutMs: 300_000 });
}

const IMPORT = `
mount --make-rprivate /
mkdir -p "$ROOT"
mount -t overlay overlay -o "lowerdir=$LOWERS" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount -t tmpfs tmpfs "$ROOT/run"
mount -t tmpfs tmpfs "$ROOT/tmp"
mount --bind "$TARGET" "$ROOT/mnt"
printf 'version = 2\\nroot = "/mnt"\\nstate = "/run/containerd"\\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\\n' > "$ROOT/run/config.toml"
chroot "$ROOT" containerd -c /run/config.toml > "$ROOT/run/log" 2>&1 &
daemon=$!
for ((i = 0; i < 500; i++)); do
  [ -S "$ROOT/run/containerd/containerd.sock" ] && break
  sleep 0.02
done
for tar; do
  chroot "$ROOT" ctr --namespace=k8s.io images import --snapshotter=overlayfs - < "$tar" || { cat "$ROOT/run/log"; exit 1; }
done
kill $daemon
wait $daemon || true
`;
