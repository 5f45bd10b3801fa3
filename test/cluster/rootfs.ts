/**
 * Root filesystems from Debian packages: `base` is the product's image and the lower half of every node, `node` is what a
 * Kubernetes node has beyond that. Built once into the cache; nobody may write to them afterwards (nodes mount them as
 * overlay lowers). Building mounts only inside a mount namespace of its own.
 */
import { existsSync, realpathSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { basename, join } from 'node:path';
import { cacheRoot, contentKey, discard, withLock } from './cache.ts';
import { run } from './exec.ts';
import { differences, dropSections, outOfDate, readLock, writeSection } from './packages-lock.ts';
import type { Versions } from './packages-lock.ts';
import { basePackages, installMachinePackages, installedPackages, nodePackages } from './packages.ts';
import { onStderr } from './progress.ts';
import type { Progress } from './progress.ts';

const SUITE = 'trixie';
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** What a layer consists of. Names double as sections of the lock. */
export interface LayerSpec {
  name: string;
  /** Directories below it, uppermost first; none for a layer made by debootstrap. */
  lowers: readonly string[];
  packages: readonly string[];
}

/** Directory of the base root filesystem (Debian trixie with OVN, OVS and the tools of the node). */
export function baseRootfs(progress: Progress = onStderr()): Promise<string> {
  return layer({ name: 'base', lowers: [], packages: basePackages }, { progress });
}

/** Lower directories of a node's overlay, uppermost first. */
export async function nodeRootfs(progress: Progress = onStderr()): Promise<string[]> {
  const base = await baseRootfs(progress);
  return [await layer({ name: 'node', lowers: [base], packages: nodePackages }, { progress }), base];
}

/**
 * Rebuilds from what the archive has now and writes the lock. Layers of others (those of images) are no longer locked
 * afterwards, until they are built.
 */
export async function refreshLock(progress: Progress): Promise<void> {
  await dropSections((section) => section.endsWith(` ${debianArchitecture()}`));
  await nodeRootfs(progress);
}

/**
 * Directory of a layer with these packages installed over `lowers`. Debian's archive keeps current versions only, so after a
 * point release it gives others than the lock says: they are taken, and said, since a build that fails until somebody has
 * written a file anew helps nobody. In the cache the name of what is locked then leads to what was given.
 */
export async function layer(spec: LayerSpec, { progress }: { progress: Progress }): Promise<string> {
  const section = `${spec.name} ${debianArchitecture()}`;
  const present = (): string | undefined => {
    const locked = readLock().get(section);
    const path = locked === undefined ? undefined : layerPath(spec, locked);
    return path !== undefined && existsSync(path) ? realpathSync(path) : undefined;
  };
  const path = present();
  if (path !== undefined) return path;
  return withLock(join(cacheRoot(), 'rootfs', `${spec.name}.lock`), async () => {
    const made = present();
    if (made !== undefined) return made;
    const { path: built, versions } = await build(spec, progress);
    const locked = readLock().get(section);
    if (locked === undefined) await writeSection(section, versions);
    else await inPlaceOf(layerPath(spec, locked), built);
    const lines = differences(locked ?? versions, versions);
    if (lines.length > 0) progress.note(outOfDate(section, lines));
    return built;
  });
}

async function inPlaceOf(locked: string, built: string): Promise<void> {
  if (locked === built) return;
  await rm(locked, { force: true });
  await symlink(built, locked);
}

function debianArchitecture(): string {
  const name = ARCHITECTURES[arch()];
  if (name === undefined) throw new Error(`no root filesystem for the architecture ${arch()}: amd64 and arm64 only`);
  return name;
}

const layerPath = (spec: LayerSpec, versions: Versions): string => {
  const lines = [...versions].map((pair) => pair.join('=')).sort();
  const lowers = spec.lowers.map((lower) => basename(lower));
  const key = contentKey(BOOTSTRAP, INSTALL, CLEAN, SUITE, ...lowers, ...spec.packages, ...lines);
  return join(cacheRoot(), 'rootfs', `${spec.name}-${key}`);
};

async function build(spec: LayerSpec, progress: Progress): Promise<{ path: string; versions: Versions }> {
  const log = join(cacheRoot(), 'log', `rootfs-${spec.name}.log`);
  const work = join(cacheRoot(), 'rootfs', `${spec.name}.tmp`);
  await installMachinePackages(progress, log);
  await discard(work);
  for (const part of ['top', 'work', 'root']) await mkdir(join(work, part), { recursive: true });
  const script = spec.lowers.length === 0 ? BOOTSTRAP : INSTALL;
  const about = spec.lowers.length === 0 ? 'about 80 s' : 'about 15 s';
  const env = await environment(spec, work);
  await progress.step(`root filesystem "${spec.name}" from Debian ${SUITE} (${about})`, (report) =>
    run(['unshare', '--mount', '--pid', '--fork', '--kill-child', 'bash', '-euc', script], {
      env,
      log,
      onLine: packageCounter(report),
      timeoutMs: 1_800_000,
    }),
  );
  const top = join(work, 'top');
  const versions = await ownPackages(spec, top);
  const path = layerPath(spec, versions);
  if (!existsSync(path)) await rename(top, path);
  await discard(work);
  return { path, versions };
}

/** What the layer adds or changes, seen from the layers below. */
async function ownPackages(spec: LayerSpec, top: string): Promise<Versions> {
  const all = await installedPackages(top);
  const below = spec.lowers[0] === undefined ? new Map<string, string>() : await installedPackages(spec.lowers[0]);
  return new Map([...all].filter(([name, version]) => below.get(name) !== version));
}

async function environment(spec: LayerSpec, work: string): Promise<NodeJS.ProcessEnv> {
  const { stdout } = await run(['apt-config', 'dump', '--format', '%f=%v%n']);
  // How this machine reaches its archive (proxy, lenient dates), but not which archive or which files.
  const wanted = /^Acquire::(Check-|http:|https:|Retries|ForceIPv)[^=]*=.+/;
  await writeFile(join(work, 'apt.conf'), aptConfig(stdout.split('\n').filter((line) => wanted.test(line))));
  return {
    WORK: work,
    LOWERS: spec.lowers.join(':'),
    PACKAGES: spec.packages.join(spec.lowers.length === 0 ? ',' : ' '),
    SUITE,
    MIRROR: await mirror(),
    CLEAN,
    DEBIAN_FRONTEND: 'noninteractive',
    LC_ALL: 'C.UTF-8',
  };
}

/** The archive that this machine itself installs from, unless KUBELOOM_DEBIAN_MIRROR names another. */
async function mirror(): Promise<string> {
  const named = process.env['KUBELOOM_DEBIAN_MIRROR'];
  if (named !== undefined && named !== '') return named;
  const format = '$(SITE) $(COMPONENT) $(LABEL)';
  const { stdout } = await run(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages']);
  const found = debianArchive(stdout);
  if (found === undefined) {
    throw new Error('apt knows of no Debian archive here (main): set KUBELOOM_DEBIAN_MIRROR to the URL of one');
  }
  return found;
}

/** The first archive of Debian proper in lines of `site component label`; the label is empty before `apt-get update`. */
export function debianArchive(targets: string): string | undefined {
  const lines = targets.split('\n').map((line) => line.split(' '));
  const proper = lines.find(([, component, label]) => component === 'main' && label === 'Debian');
  const likely = lines.find(([site = '', component]) => component === 'main' && /\/debian\/?$/.test(site));
  return (proper ?? likely)?.[0];
}

const aptConfig = (lines: readonly string[]): string =>
  lines
    .map((line) => `${line.slice(0, line.indexOf('='))} ${JSON.stringify(line.slice(line.indexOf('=') + 1))};\n`)
    .join('');

/** Turns the output of debootstrap(8) and dpkg(1) into "Unpacking openvswitch-switch (57 done)". */
function packageCounter(report: (detail: string) => void): (line: string) => void {
  const seen = new Map<string, number>();
  return (line) => {
    const match = /^(?:I: )?(Retrieving|Validating|Extracting|Unpacking|Configuring|Setting up) ([^ :]+)/.exec(line);
    if (match?.[1] === undefined) return;
    const count = (seen.get(match[1]) ?? 0) + 1;
    seen.set(match[1], count);
    report(`${match[1]} ${match[2]} (${count} so far)`);
  };
}

/**
 * Runs below the new root. /etc/openvswitch/conf.db is a symlink into /var/lib in Debian's package: seen through a hostPath it
 * would point into the container's own layer, and the switch would lose its configuration with the container.
 */
const CLEAN = `
rm -rf etc/openvswitch etc/ovn var/lib/openvswitch var/lib/ovn var/log/openvswitch var/log/ovn
rm -rf var/cache/apt/* var/lib/apt/lists/* var/cache/debconf/*-old var/cache/ldconfig var/log/* tmp/* run/*
rm -rf usr/share/doc usr/share/man usr/share/info usr/share/locale usr/share/lintian etc/cni opt/cni
rm -f etc/resolv.conf etc/hostname etc/machine-id etc/passwd- etc/group- etc/shadow- etc/gshadow- var/lib/dpkg/*-old
find usr/lib/python3* usr/share -depth -name __pycache__ -type d -exec rm -rf {} +
`;

const BOOTSTRAP = `
mount --make-rprivate /
debootstrap --variant=minbase --include="$PACKAGES" "$SUITE" "$WORK/top" "$MIRROR"
umount -l "$WORK/top/proc" 2>/dev/null || true
umount -l "$WORK/top/sys" 2>/dev/null || true
cd "$WORK/top"
printf '#!/bin/sh\\nexit 101\\n' > usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
eval "$CLEAN"
`;

const INSTALL = `
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$LOWERS,upperdir=$WORK/top,workdir=$WORK/work" "$WORK/root"
cd "$WORK/root"
mount -t proc proc proc
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
cp /etc/resolv.conf etc/resolv.conf
cp "$WORK/apt.conf" etc/apt/apt.conf.d/99machine
chroot . apt-get update -q
chroot . apt-get install -y -q --no-install-recommends $PACKAGES
umount -l proc run tmp
rm -f etc/apt/apt.conf.d/99machine
eval "$CLEAN"
`;

if (import.meta.main) console.log((await nodeRootfs()).join('\n'));
