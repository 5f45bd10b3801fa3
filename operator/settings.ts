// The operator's settings: files named like the flags in a folder (a mounted ConfigMap), overridden by flags. Checked
// once, here; a bad value ends the start with a sentence that names it. Flags are Kube-OVN's where it has them.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalIp, parseCidrs, parseRange } from '../lib/net/index.ts';

/** A setting that cannot be used: which, its value, where it is from, and what is allowed. */
export class SettingError extends Error {
  constructor(where: string, allowed: string) {
    super(`${where}: ${allowed}`);
    this.name = 'SettingError';
  }
}

interface Definition<T> {
  readonly flag: string;
  /** As text, so that it is checked like any other. */
  readonly fallback: string;
  /** What is allowed, for the error. */
  readonly allowed: string;
  /** Undefined for a value that is not allowed. */
  readonly read: (text: string) => T | undefined;
}

const define = <T>(
  flag: string,
  fallback: string,
  allowed: string,
  read: (text: string) => T | undefined,
): Definition<T> => ({ flag, fallback, allowed, read });

const text = (flag: string, fallback: string): Definition<string> =>
  define(flag, fallback, 'any text', (value) => value);

const flag = (name: string, fallback: boolean): Definition<boolean> =>
  define(name, String(fallback), 'must be true or false', (value) =>
    value === 'true' || value === 'false' ? value === 'true' : undefined,
  );

const integer = (name: string, fallback: number, [least, most]: readonly [number, number]): Definition<number> =>
  define(name, String(fallback), `must be an integer from ${least} to ${most}`, (value) => {
    const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
    return number >= least && number <= most ? number : undefined;
  });

const oneOf = <T extends string>(name: string, values: readonly [T, ...T[]]): Definition<T> =>
  define(name, values[0], `must be one of ${values.join(', ')}`, (value) => values.find((known) => known === value));

// Names become names of objects and of rows.
const objectName = (name: string, fallback: string): Definition<string> =>
  define(name, fallback, 'must be a DNS label: lower-case letters, digits and "-", at most 63', (value) =>
    /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(value) ? value : undefined,
  );

const cidrs = (name: string, fallback: string): Definition<string> =>
  define(name, fallback, 'must be a CIDR, or an IPv4 and an IPv6 one with a comma between', (value) => {
    const parsed = parseCidrs(value);
    return parsed === undefined || parsed.length === 0 || parsed.length > 2 ? undefined : value;
  });

const list = (name: string, allowed: string, isGood: (part: string) => boolean): Definition<readonly string[]> =>
  define(name, '', allowed, (value) => {
    const parts = value.split(',').map((part) => part.trim());
    const good = parts.filter((part) => part !== '');
    return good.every(isGood) ? good : undefined;
  });

const addresses = (name: string): Definition<readonly string[]> =>
  list(name, 'must be addresses with commas between', (part) => canonicalIp(part) !== undefined);

const portRange = [1, 65_535] as const;

const definitions = {
  defaultVpc: objectName('cluster-router', 'ovn-cluster'),
  defaultSubnet: objectName('default-ls', 'ovn-default'),
  defaultCidr: cidrs('default-cidr', '10.16.0.0/16'),
  defaultGateway: addresses('default-gateway'),
  defaultExcludeIps: list('default-exclude-ips', 'must be addresses or ranges a..b with commas between', isRange),
  joinSubnet: objectName('node-switch', 'join'),
  joinCidr: cidrs('node-switch-cidr', '100.64.0.0/16'),
  joinGateway: addresses('node-switch-gateway'),
  externalSubnet: objectName('external-gateway-switch', 'external'),
  serviceCidrs: cidrs('service-cluster-ip-range', '10.96.0.0/12'),
  networkType: oneOf('network-type', ['geneve', 'vxlan', 'stt']),
  keepVmIp: flag('keep-vm-ip', true),
  nonPrimary: flag('non-primary-cni-mode', false),
  podNicType: oneOf('pod-nic-type', ['veth-pair', 'offload-port', 'dpdk-port']),
  enableLb: flag('enable-lb', true),
  serviceLbLayout: oneOf('service-lb-layout', ['own', 'shared']),
  preferLocal: flag('enable-ovn-lb-prefer-local', false),
  enableLbSvc: flag('enable-lb-svc', false),
  enableNp: flag('enable-np', true),
  npEnforcement: oneOf('np-enforcement', ['standard', 'lax']),
  enableAnp: flag('enable-anp', false),
  enableDnsNameResolver: flag('enable-dns-name-resolver', false),
  enableMetrics: flag('enable-metrics', true),
  enableSsl: flag('enable-ssl', false),
  northboundPort: integer('nb-port', 6641, portRange),
  southboundPort: integer('sb-port', 6642, portRange),
  /** Seconds for a transaction with the northbound database. */
  ovnTimeout: integer('ovn-timeout', 60, [1, 3600]),
  planPort: integer('plan-port', 10_670, portRange),
  /** Health and metrics; Kube-OVN's name for it. */
  healthPort: integer('pprof-port', 10_660, portRange),
  /** Where the webhook takes reviews, and where it tells of itself: on the node's address, as all of ours. */
  webhookPort: integer('webhook-port', 10_680, portRange),
  webhookHealthPort: integer('webhook-health-port', 10_681, portRange),
  /** Seconds; others take the lease after this much silence. */
  leaseDuration: integer('lease-duration', 15, [3, 3600]),
  /** Seconds; the holder stops writing after this much silence. */
  leaseRenewDeadline: integer('lease-renew-deadline', 10, [2, 3600]),
  leaseRetryPeriod: integer('lease-retry-period', 2, [1, 600]),
  /** '' in a cluster: the ServiceAccount of the pod. */
  kubeconfig: text('kubeconfig', ''),
  logLevel: oneOf('log-level', ['info', 'trace', 'debug', 'warn', 'error', 'fatal']),
} as const;

/** Lists of two families have IPv4 and IPv6 as one text, as in Kube-OVN's objects. */
export type Settings = {
  readonly [K in keyof typeof definitions]: Exclude<ReturnType<(typeof definitions)[K]['read']>, undefined>;
};

/** Settings of the shared ConfigMap that the agent reads. */
const agents = [
  'iface',
  'mtu',
  'datapath-type',
  'node-name',
  'bind-socket',
  'ovs-socket',
  'cni-conf-dir',
  'cni-conf-name',
  'cni-add-deadline',
  'plan-file',
  'plan-token-file',
  'netfilter-watch',
  'enable-tproxy',
  'service-account-dir',
  'health-address',
  'agent-port',
];

/** Flags of kube-ovn-controller that its manifests set and that change nothing here. */
const withoutEffect = [
  'worker-num',
  'gc-interval',
  'inspect-interval',
  'logtostderr',
  'alsologtostderr',
  'log_file',
  'log_file_max_size',
  'log-perm',
  'v',
  'enable-pprof',
];

export interface ReadSettings {
  readonly settings: Settings;
  /** One sentence each: settings that nobody reads. */
  readonly warnings: readonly string[];
}

/** Pure: `files` by name of the file, `argv` without the program. Throws SettingError. */
export function settingsOf(files: ReadonlyMap<string, string>, argv: readonly string[]): ReadSettings {
  const flags = flagsOf(argv);
  const warnings: string[] = [];
  for (const name of files.keys()) if (!isKnown(name)) warnings.push(`setting ${name} is not known and has no effect`);
  for (const name of flags.keys()) {
    if (withoutEffect.includes(name)) warnings.push(`flag --${name} has no effect`);
    else if (!isKnown(name)) throw new SettingError(`--${name}`, 'there is no such flag');
  }
  const values = Object.entries(definitions).map(([key, definition]) => [key, valueOf(definition, files, flags)]);
  return { settings: consistent(Object.fromEntries(values) as Settings), warnings };
}

/** Reads the folder that `--config-dir` names, if any, and then as `settingsOf`. */
export async function readSettings(argv: readonly string[]): Promise<ReadSettings> {
  const folder = flagsOf(argv).get('config-dir');
  return settingsOf(folder === undefined ? new Map() : await filesOf(folder), argv);
}

async function filesOf(folder: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const entry of await names(folder)) files.set(entry, (await readFile(join(folder, entry), 'utf8')).trim());
  return files;
}

// kubelet keeps the files of a ConfigMap behind links `..data` and `..<time>`.
async function names(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((entry) => !entry.startsWith('.'));
  } catch (cause) {
    throw new SettingError(`--config-dir=${folder}`, `cannot be read: ${cause instanceof Error ? cause.message : ''}`);
  }
}

/** `--name=value`, `--name value`, and `--name` alone for true; one dash does as well. */
function flagsOf(argv: readonly string[]): Map<string, string> {
  const flags = new Map<string, string>();
  for (let index = 0; index < argv.length; index += 1) {
    const argument = argv[index] ?? '';
    const [, name, value] = /^--?([A-Za-z][\w-]*)(?:=(.*))?$/s.exec(argument) ?? [];
    if (name === undefined) throw new SettingError(argument, 'is not a flag (--name=value)');
    const next = argv[index + 1];
    if (value !== undefined || next === undefined || next.startsWith('-')) {
      flags.set(name, (value ?? 'true').trim());
    } else {
      flags.set(name, next.trim());
      index += 1;
    }
  }
  return flags;
}

function isKnown(name: string): boolean {
  const own = Object.values(definitions).some((definition) => definition.flag === name);
  return own || name === 'config-dir' || agents.includes(name);
}

function valueOf(
  { flag, fallback, allowed, read }: Definition<unknown>,
  files: ReadonlyMap<string, string>,
  flags: ReadonlyMap<string, string>,
): unknown {
  const given = flags.get(flag);
  const file = files.get(flag);
  const [value, where] = given === undefined ? [file ?? '', `setting ${flag}`] : [given, `--${flag}`];
  const result = read(value === '' ? fallback : value);
  if (result === undefined) throw new SettingError(`${where}=${value}`, allowed);
  return result;
}

function consistent(settings: Settings): Settings {
  const { leaseDuration, leaseRenewDeadline, leaseRetryPeriod, defaultSubnet, joinSubnet } = settings;
  if (!(leaseRetryPeriod < leaseRenewDeadline && leaseRenewDeadline < leaseDuration)) {
    const rule = 'lease-retry-period must be less than this, and this less than lease-duration';
    throw new SettingError(`lease-renew-deadline=${leaseRenewDeadline}`, rule);
  }
  if (defaultSubnet === joinSubnet) throw new SettingError(`node-switch=${joinSubnet}`, 'must differ from default-ls');
  return settings;
}

function isRange(part: string): boolean {
  return parseRange(part) !== undefined;
}
