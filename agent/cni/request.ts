// What a runtime asked, parsed once: the CNI_* variables and the network configuration that the shim forwarded.
// CNI specification 1.1.0, section 2 (parameters) and section 1 (configuration format).
import { CNI_CODE, CniError } from './error.ts';

export const SUPPORTED_VERSIONS: readonly string[] = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

const COMMANDS = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const;
export type Command = (typeof COMMANDS)[number];

export interface Attachment {
  readonly containerId: string;
  readonly ifname: string;
}

export interface NetConf {
  readonly cniVersion: string;
  readonly name: string;
  readonly type: string;
  /** `ovn` for the default network. */
  readonly provider: string;
  readonly routes: readonly { readonly dst: string; readonly gw?: string }[];
  readonly dns: Readonly<Record<string, unknown>>;
  /** GC only: what the runtime still knows. Undefined when the key is absent. */
  readonly validAttachments?: readonly Attachment[];
}

export interface CniRequest {
  readonly command: Command;
  readonly containerId: string;
  /** Path of the network namespace, '' when the runtime named none. */
  readonly netns: string;
  readonly ifname: string;
  /** Pod from CNI_ARGS; '' where a runtime other than a kubelet's names none. */
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly conf: NetConf;
  /** Called by another plugin for addresses only: no interface is ours. */
  readonly ipam: boolean;
}

/** The specification's own rules for the two names. */
const CONTAINER_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const IFNAME = /^[^\s/:]{1,15}$/;

/** Splits the shim's body: `NAME=value\0`..., `\0`, standard input. */
export function splitBody(body: Buffer): { env: Map<string, string>; stdin: string } {
  const env = new Map<string, string>();
  let at = 0;
  for (;;) {
    const end = body.indexOf(0, at);
    if (end < 0) throw new CniError(CNI_CODE.io, 'request is cut short');
    if (end === at) return { env, stdin: body.toString('utf8', at + 1) };
    const [name, ...value] = body.toString('utf8', at, end).split('=');
    env.set(name ?? '', value.join('='));
    at = end + 1;
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function parseJson(stdin: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(stdin);
  } catch (error) {
    throw new CniError(CNI_CODE.undecodable, 'network configuration is not JSON', String(error), { cause: error });
  }
  if (!isObject(value)) throw new CniError(CNI_CODE.undecodable, 'network configuration is not an object');
  return value;
}

function routesOf(value: unknown): NetConf['routes'] {
  if (!Array.isArray(value)) return [];
  return value.filter(isObject).map((route) => ({
    dst: text(route['dst']),
    ...(text(route['gw']) === '' ? {} : { gw: text(route['gw']) }),
  }));
}

function attachmentsOf(value: unknown): readonly Attachment[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value
    .filter(isObject)
    .map((entry) => ({ containerId: text(entry['containerID']), ifname: text(entry['ifname']) }));
}

/** The version of an answer to a configuration that may be unreadable. */
export function versionOf(stdin: string): string {
  try {
    const version = text(parseJson(stdin)['cniVersion']);
    return SUPPORTED_VERSIONS.includes(version) ? version : '0.3.1';
  } catch {
    return '0.3.1';
  }
}

function netConf(json: JsonObject): { conf: NetConf; ipam: boolean } {
  const ipamKey = isObject(json['ipam']) ? json['ipam'] : {};
  const ipam = text(json['type']) !== 'kube-ovn' && text(ipamKey['type']) === 'kube-ovn';
  const own = ipam ? ipamKey : json;
  const valid = attachmentsOf(json['cni.dev/valid-attachments']);
  const conf: NetConf = {
    cniVersion: text(json['cniVersion']) || '0.3.1',
    name: text(json['name']),
    type: text(json['type']),
    provider: text(own['provider']) || 'ovn',
    routes: routesOf(own['routes']),
    dns: isObject(json['dns']) ? json['dns'] : {},
    ...(valid === undefined ? {} : { validAttachments: valid }),
  };
  return { conf, ipam };
}

/** CNI_ARGS: `K=V;K=V`. Unknown keys are ignored, as every Kubernetes runtime asks with IgnoreUnknown=1. */
function argsOf(args: string): Map<string, string> {
  const pairs = args.split(';').filter((pair) => pair.includes('='));
  return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

function required(env: ReadonlyMap<string, string>, name: string, pattern: RegExp): string {
  const value = env.get(name) ?? '';
  if (value === '.' || value === '..' || !pattern.test(value))
    throw new CniError(CNI_CODE.invalidEnvironment, `${name} is missing or not valid: "${value}"`);
  return value;
}

function commandOf(env: ReadonlyMap<string, string>): Command {
  const command = COMMANDS.find((known) => known === env.get('CNI_COMMAND'));
  if (command === undefined)
    throw new CniError(CNI_CODE.invalidEnvironment, `CNI_COMMAND is not known: "${env.get('CNI_COMMAND') ?? ''}"`);
  return command;
}

function podOf(args: ReadonlyMap<string, string>): CniRequest['pod'] {
  const value = (key: string): string => args.get(key) ?? '';
  return { namespace: value('K8S_POD_NAMESPACE'), name: value('K8S_POD_NAME'), uid: value('K8S_POD_UID') };
}

const ANYTHING = /^/;

/** Which variables each command must have; the others may be absent. Specification, section 2, "Parameters". */
const PATTERNS: Readonly<Record<Command, readonly [containerId: RegExp, ifname: RegExp, netns: RegExp]>> = {
  ADD: [CONTAINER_ID, IFNAME, /^\/./],
  CHECK: [CONTAINER_ID, IFNAME, /^\/./],
  DEL: [CONTAINER_ID, IFNAME, ANYTHING],
  GC: [ANYTHING, ANYTHING, ANYTHING],
  STATUS: [ANYTHING, ANYTHING, ANYTHING],
  VERSION: [ANYTHING, ANYTHING, ANYTHING],
};

/** The request of one call; throws CniError for what the specification or we refuse. */
export function parseRequest(env: ReadonlyMap<string, string>, stdin: string): CniRequest {
  const command = commandOf(env);
  const { conf, ipam } = netConf(stdin.trim() === '' && command === 'VERSION' ? {} : parseJson(stdin));
  if (command !== 'VERSION' && !SUPPORTED_VERSIONS.includes(conf.cniVersion))
    throw new CniError(CNI_CODE.incompatibleVersion, `cniVersion ${conf.cniVersion} is not supported`);
  const [containerId, ifname, netns] = PATTERNS[command];
  return {
    command,
    containerId: required(env, 'CNI_CONTAINERID', containerId),
    ifname: required(env, 'CNI_IFNAME', ifname),
    netns: required(env, 'CNI_NETNS', netns),
    pod: podOf(argsOf(env.get('CNI_ARGS') ?? '')),
    conf,
    ipam,
  };
}
