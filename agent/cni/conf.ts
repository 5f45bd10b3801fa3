// The network configuration on standard input, parsed and checked once: CNI specification 1.1.0, section 1 (format) and
// section 3 (what the runtime adds). Authors of NetworkAttachmentDefinitions write it, so nothing of it may reach a program
// as it came.
import { canonicalCidr, familyOf, parseCidr, parsePrefix } from '../../lib/net/index.ts';
import { CNI_CODE, CniError } from './error.ts';

/** 0.3.0 differs from 0.3.1 by a typo of its text alone, and examples for Kube-OVN are full of it. */
export const SUPPORTED_VERSIONS: readonly string[] = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];

export const COMMANDS = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const;
export type Command = (typeof COMMANDS)[number];

interface Attachment {
  readonly containerId: string;
  readonly ifname: string;
}

interface ConfRoute {
  readonly dst: string;
  readonly gw?: string;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** The result of the plugin before (ADD), or of the whole chain (CHECK, DEL). Elements are kept as they came. */
export interface PrevResult {
  readonly interfaces: readonly JsonObject[];
  readonly ips: readonly JsonObject[];
  readonly routes: readonly JsonObject[];
  readonly dns: JsonObject;
}

export interface NetConf {
  readonly cniVersion: string;
  readonly name: string;
  readonly type: string;
  /** `ovn` for the default network. */
  readonly provider: string;
  readonly routes: readonly ConfRoute[];
  readonly dns: JsonObject;
  readonly prevResult?: PrevResult;
  /** GC only: what the runtime still knows. Undefined when the key is absent. */
  readonly validAttachments?: readonly Attachment[];
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function invalid(what: string, value: unknown): CniError {
  const shown = JSON.stringify(value) ?? 'nothing';
  return new CniError(CNI_CODE.invalidConfig, `${what}: ${shown.length > 200 ? `${shown.slice(0, 200)}...` : shown}`);
}

/** '' when absent. A value of another type is an error: `provider: 5` must not mean the default network. */
function text(json: JsonObject, key: string): string {
  const value = json[key];
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw invalid(`"${key}" is not a string`, value);
  return value;
}

function object(json: JsonObject, key: string): JsonObject {
  const value = json[key];
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw invalid(`"${key}" is not an object`, value);
  return value;
}

function objects(json: JsonObject, key: string): readonly JsonObject[] {
  const value = json[key];
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value) || !value.every(isObject)) throw invalid(`"${key}" is not a list of objects`, value);
  return value;
}

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

/** Canonical texts: these become lines of `ip -batch`. */
function routeOf(route: JsonObject): ConfRoute {
  const [dst, gw] = [canonicalCidr(text(route, 'dst')), text(route, 'gw')];
  if (dst === undefined) throw invalid('destination of a route is not a CIDR', route);
  if (gw === '') return { dst };
  const family = familyOf(gw);
  if (family === undefined) throw invalid('gateway of a route is not an address', route);
  if (family !== parseCidr(dst)?.family) throw invalid('gateway of a route is of another family', route);
  return { dst, gw };
}

/** An entry that cannot be read must not make its attachment look unknown: the whole list is refused. */
function attachmentOf(entry: JsonObject): Attachment {
  const attachment = { containerId: text(entry, 'containerID'), ifname: text(entry, 'ifname') };
  if (attachment.containerId === '' || attachment.ifname === '') throw invalid('not an attachment', entry);
  return attachment;
}

/** libcni 1.2.0 to 1.2.2 wrote the list under the second key only, later ones under both. */
const VALID_ATTACHMENTS = ['cni.dev/valid-attachments', 'cni.dev/attachments'] as const;

function attachments(json: JsonObject): readonly Attachment[] | undefined {
  // `null` is what Go writes for an empty list.
  const key = VALID_ATTACHMENTS.find((candidate) => json[candidate] !== undefined);
  return key === undefined ? undefined : objects(json, key).map(attachmentOf);
}

function prevResult(json: JsonObject): PrevResult | undefined {
  if (json['prevResult'] === undefined || json['prevResult'] === null) return undefined;
  const result = object(json, 'prevResult');
  const ips = objects(result, 'ips');
  for (const ip of ips)
    if (parsePrefix(text(ip, 'address')) === undefined) throw invalid('"prevResult" has an address that is none', ip);
  return {
    interfaces: objects(result, 'interfaces'),
    ips,
    routes: objects(result, 'routes'),
    dns: object(result, 'dns'),
  };
}

/** Interfaces that we do not make yet: refused by name, since another kind in their place would be a surprise. */
const UNSUPPORTED = ['deviceID', 'vhost_user_socket_volume_name'] as const;

function requireSupported(json: JsonObject): void {
  for (const key of UNSUPPORTED) {
    const value = text(json, key);
    if (value !== '') throw new CniError(CNI_CODE.unsupportedField, `unsupported field "${key}": "${value}"`);
  }
}

/** Specification, section 1, "name". */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

function nameOf(json: JsonObject): string {
  const name = text(json, 'name');
  if (!NAME.test(name)) throw invalid('"name" of the network is missing or not valid', name);
  return name;
}

type Extras = Omit<NetConf, 'cniVersion' | 'name' | 'type' | 'provider'>;

/** What only some commands read. */
function extras(command: Command, json: JsonObject, own: JsonObject): Extras {
  const previous = prevResult(json);
  const valid = command === 'GC' ? attachments(json) : undefined;
  return {
    routes: command === 'ADD' ? objects(own, 'routes').map(routeOf) : [],
    dns: command === 'ADD' ? object(json, 'dns') : {},
    ...(previous === undefined ? {} : { prevResult: previous }),
    ...(valid === undefined ? {} : { validAttachments: valid }),
  };
}

/** The configuration, and whether another plugin asks for addresses alone, which is what its `ipam` block says. */
interface Parsed {
  readonly conf: NetConf;
  readonly ipam: boolean;
}

const isIpam = (type: unknown, block: JsonObject): boolean => type !== 'kube-ovn' && block['type'] === 'kube-ovn';

/** DEL must not fail for what ADD has refused, or a pod could never go: nothing that is wrong is looked at. */
function delConf(json: JsonObject): Parsed {
  const word = (value: unknown): string => (typeof value === 'string' ? value : '');
  const block = isObject(json['ipam']) ? json['ipam'] : {};
  const ipam = isIpam(json['type'], block);
  const own = ipam ? block : json;
  const [name, type] = [word(json['name']), word(json['type'])];
  const provider = word(own['provider']) || 'ovn';
  return { conf: { cniVersion: text(json, 'cniVersion') || '0.3.1', name, type, provider, routes: [], dns: {} }, ipam };
}

/** Throws CniError for what is wrong. */
export function parseConf(stdin: string, command: Command): Parsed {
  const json = parseJson(stdin);
  if (command === 'DEL') return delConf(json);
  const block = object(json, 'ipam');
  const type = text(json, 'type');
  const ipam = isIpam(type, block);
  const own = ipam ? block : json;
  if (command === 'ADD' && !ipam) requireSupported(json);
  const conf: NetConf = {
    cniVersion: text(json, 'cniVersion') || '0.3.1',
    name: nameOf(json),
    type,
    provider: text(own, 'provider') || 'ovn',
    ...extras(command, json, own),
  };
  return { conf, ipam };
}

/** `cniVersion` as it was given, '' when there is none to be read. */
export function statedVersion(stdin: string): string {
  try {
    return text(parseJson(stdin), 'cniVersion');
  } catch {
    return '';
  }
}

/** The version of an error about a configuration that may be unreadable. */
export function versionOf(stdin: string): string {
  const version = statedVersion(stdin);
  return SUPPORTED_VERSIONS.includes(version) ? version : '0.3.1';
}
