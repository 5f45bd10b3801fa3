// The agent's settings: files named like the flags in the configuration folder, overridden by flags, both checked once.
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface Settings {
  /** Name of the Kubernetes node. */
  readonly nodeName: string;
  /** `system` is the kernel's datapath, `netdev` the userspace one. */
  readonly datapathType: 'system' | 'netdev';
  /** Tunnel interface: a name, or a comma-separated list of names and regular expressions; '' is the node address's. */
  readonly iface: string;
  /** MTU of pods, 0 for the tunnel interface's less the encapsulation. */
  readonly mtu: number;
  /** Another plugin makes the first interface of pods, and says whether the node's network is up. */
  readonly nonPrimary: boolean;
  readonly encapType: 'geneve' | 'vxlan' | 'stt';
  /** Tunnel address when no `iface` is set and the plan does not tell the node's address yet. */
  readonly podIp: string;
  readonly namespace: string;
  readonly socket: string;
  readonly ovsdb: string;
  readonly conflist: string;
  readonly planFile: string;
  /** Path of the program that tells of changes to iptables and ipsets. */
  readonly netfilterWatch: string;
  readonly planTokenFile: string;
  readonly serviceAccount: string;
  readonly addDeadlineMs: number;
  /** Whether the kubelet's probes reach pods of VPCs of their own, by way of `probeProxy`. */
  readonly tproxy: boolean;
  readonly probeProxy: string;
  /** The program that starts others. */
  readonly starter: string;
  /** The program that makes a pod's interface compute its checksums. */
  readonly checksum: string;
  /** The program that talks to the neighbours of pods. */
  readonly neighbour: string;
  /** Whether ADD asks there for addresses that are in use. */
  readonly detectsConflicts: boolean;
  /** '' is every address of every family that the node has. */
  readonly healthAddress: string;
  readonly healthPort: number;
  readonly logLevel: string;
}

/** Flags that this program does not use are others': the configuration is shared. Values are trimmed. */
export type RawSettings = ReadonlyMap<string, string>;

export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** `--name=value`; a name alone is `true`. */
export function parseFlags(argv: readonly string[]): Map<string, string> {
  const flags = new Map<string, string>();
  for (const argument of argv) {
    const [, name, value] = /^--([a-z0-9-]+)(?:=(.*))?$/s.exec(argument) ?? [];
    if (name === undefined) throw new SettingsError(`not a flag: ${argument} (--name=value)`);
    flags.set(name, (value ?? 'true').trim());
  }
  return flags;
}

/** Files of the folder; none when there is no folder. Entries of the kubelet's atomic writer (`..data`) are skipped. */
export async function readFolder(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const settings = new Map<string, string>();
  for (const name of names)
    if (!name.startsWith('..')) settings.set(name, (await readFile(join(folder, name), 'utf8')).trim());
  return settings;
}

function oneOf<T extends string>(raw: RawSettings, name: string, values: readonly [T, ...T[]]): T {
  const value = raw.get(name) ?? '';
  if (value === '') return values[0];
  const found = values.find((known) => known === value);
  if (found === undefined) throw new SettingsError(`${name}: ${value} is not one of ${values.join(', ')}`);
  return found;
}

function integer(raw: RawSettings, name: string, fallback: number, most: number): number {
  const text = raw.get(name) ?? '';
  const value = text === '' ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw new SettingsError(`${name}: ${text} is not an integer from 0 to ${most}`);
  return value;
}

/** A path is a unix socket; a remote in OVSDB's own words is taken as it is. */
const remoteOf = (text: string): string => (text.startsWith('/') ? `unix:${text}` : text);

type Environment = Readonly<Record<string, string | undefined>>;

/** The settings of this process; throws SettingsError naming the setting. */
export function settingsOf(raw: RawSettings, env: Environment): Settings {
  const text = (name: string, fallback: string): string => raw.get(name) || fallback;
  const nodeName = text('node-name', env['NODE_NAME'] ?? '');
  if (nodeName === '') throw new SettingsError('node-name: not set, and no NODE_NAME in the environment');
  return {
    nodeName,
    datapathType: oneOf(raw, 'datapath-type', ['system', 'netdev']),
    iface: text('iface', ''),
    mtu: integer(raw, 'mtu', 0, 65_535),
    nonPrimary: oneOf(raw, 'non-primary-cni-mode', ['false', 'true']) === 'true',
    encapType: oneOf(raw, 'network-type', ['geneve', 'vxlan', 'stt']),
    podIp: env['POD_IP'] ?? '',
    namespace: env['POD_NAMESPACE'] ?? 'kube-system',
    socket: text('bind-socket', '/run/openvswitch/kube-ovn-daemon.sock'),
    ovsdb: remoteOf(text('ovs-socket', '/run/openvswitch/db.sock')),
    conflist: `${text('cni-conf-dir', '/etc/cni/net.d')}/${text('cni-conf-name', '01-kube-ovn.conflist')}`,
    planFile: text('plan-file', '/var/lib/kube-ovn/plan.json'),
    netfilterWatch: text('netfilter-watch', '/opt/kubeloom/bin/netfilter-watch'),
    planTokenFile: text('plan-token-file', '/var/run/secrets/kubeloom/token'),
    serviceAccount: text('service-account-dir', '/var/run/secrets/kubernetes.io/serviceaccount'),
    tproxy: oneOf(raw, 'enable-tproxy', ['false', 'true']) === 'true',
    probeProxy: text('probe-proxy-program', '/opt/kubeloom/bin/probe-proxy'),
    starter: text('starter-program', '/opt/kubeloom/bin/starter'),
    neighbour: text('neighbour-program', '/opt/kubeloom/cni/neighbour'),
    checksum: text('checksum-program', '/opt/kubeloom/cni/checksum'),
    detectsConflicts: oneOf(raw, 'enable-arp-detect-ip-conflict', ['true', 'false']) === 'true',
    addDeadlineMs: integer(raw, 'cni-add-deadline', 30, 100) * 1000,
    healthAddress: text('health-address', ''),
    healthPort: integer(raw, 'agent-port', 10_665, 65_535),
    logLevel: text('log-level', 'info'),
  };
}
