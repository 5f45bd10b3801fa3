/**
 * Debian packages: what the machine itself needs for the cluster and for tests that start real servers, and what goes into
 * the root filesystems. Installing on the machine must not start a daemon there.
 */
import { existsSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheRoot, withLock } from './cache.ts';
import { attempt, run } from './exec.ts';
import type { RunOptions } from './exec.ts';
import type { Progress } from './progress.ts';

/** On the machine: each with what it is for. */
export const machinePackages: Readonly<Record<string, string>> = {
  debootstrap: 'root filesystem of nodes and images',
  'debian-archive-keyring': 'its signatures',
  'util-linux': 'unshare, nsenter, flock',
  iproute2: 'ip',
  ethtool: 'offloads of the nodes NICs',
  procps: 'sysctl, ps',
  openssl: 'certificates',
  tar: 'images',
  'ca-certificates': 'downloads',
  gcc: 'the CNI shim and pause, both static',
  'libc6-dev': 'static libc for them',
  'openvswitch-switch': 'ovsdb-server for server tests',
  'ovn-central': 'ovn-northd and the schemas for server tests',
  'ovn-host': 'ovn-controller and ovn-trace for server tests',
  'etcd-server': 'etcd under the API server of server tests',
  iptables: 'node driver tests',
  ipset: 'node driver tests',
  nftables: 'node driver tests',
  'iputils-ping': 'packets between pods in tests of the agent',
};

/** Inside the base root filesystem, hence inside the product's base image. */
export const basePackages: readonly string[] = [
  'openvswitch-switch',
  'ovn-central',
  'ovn-host',
  'iproute2',
  'iptables',
  'ipset',
  'nftables',
  'procps',
  'iputils-ping',
  'ethtool',
  'tcpdump',
  'conntrack',
  // loopback, portmap and macvlan, which the init container install-cni puts on the nodes.
  'containernetworking-plugins',
  // modprobe, for the kernel datapath.
  'kmod',
  'bash',
  'openssl',
  'ca-certificates',
  // Node.js is linked against these two.
  'libstdc++6',
  'libatomic1',
];

/** What a node (and the control plane, for etcd) has beyond the base. */
export const nodePackages: readonly string[] = ['containerd', 'runc', 'etcd-server', 'etcd-client', 'curl'];

/** Package to version, of everything installed below `root`. */
export async function installedPackages(root = '/'): Promise<Map<string, string>> {
  const format = '${db:Status-Abbrev}${Package}=${Version}\\n';
  const { stdout } = await run(['dpkg-query', `--admindir=${root}/var/lib/dpkg`, '-W', '-f', format]);
  const installed = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const match = /^.i. ?([^=]+)=(.+)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) installed.set(match[1], match[2]);
  }
  return installed;
}

/** Installs what is missing of `machinePackages`; needs root only when something is. */
export async function installMachinePackages(progress: Progress, log: string): Promise<void> {
  const installed = await installedPackages();
  const missing = Object.keys(machinePackages).filter((name) => !installed.has(name));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0)
    throw new Error(`not installed: ${missing.join(' ')}\nas root: apt-get install ${missing.join(' ')}`);
  await withLock(join(cacheRoot(), 'locks', 'packages.lock'), () =>
    progress.step(`installing on this machine: ${missing.join(' ')}`, (report) =>
      withoutDaemons(() => install(missing, { log, onLine: (line) => report(line.slice(0, 80)) })),
    ),
  );
}

async function install(names: readonly string[], output: Pick<RunOptions, 'log' | 'onLine'>): Promise<void> {
  const options = { ...output, env: { DEBIAN_FRONTEND: 'noninteractive' }, timeoutMs: 900_000 };
  // One unreachable repository of many is no reason to stop: what counts is whether the packages can be had.
  const update = await attempt(['apt-get', 'update', '-qq'], options);
  const argv = ['apt-get', 'install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...names];
  const { code, stderr } = await attempt(argv, options);
  if (code === 0) return;
  const why = [stderr.trim(), update.code === 0 ? '' : `apt-get update said: ${update.stderr.trim()}`].join('\n');
  throw new Error(`could not install ${names.join(' ')}\n${why}\nwhole output: ${output.log}`);
}

/** invoke-rc.d(8) and deb-systemd-invoke(1p) ask this program before they start a service; 101 means no. */
async function withoutDaemons(work: () => Promise<void>): Promise<void> {
  const policy = '/usr/sbin/policy-rc.d';
  if (existsSync(policy)) return work();
  await writeFile(policy, '#!/bin/sh\nexit 101\n');
  await chmod(policy, 0o755);
  try {
    await work();
  } finally {
    await rm(policy, { force: true });
  }
}
