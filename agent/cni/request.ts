// What a runtime asked, parsed once: the CNI_* variables and the network configuration that the shim forwarded.
// CNI specification 1.1.0, section 2 (parameters).
import { COMMANDS, parseConf, statedVersion, SUPPORTED_VERSIONS } from './conf.ts';
import type { Command, NetConf } from './conf.ts';
import { CNI_CODE, CniError } from './error.ts';

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
const IFNAME = /^(?!\.{1,2}$)[^\s/:]{1,15}$/;
const NETNS = /^\/./;

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

/** CNI_ARGS: `K=V;K=V`. Unknown keys are ignored, as every Kubernetes runtime asks with IgnoreUnknown=1. */
function argsOf(args: string): Map<string, string> {
  const pairs = args.split(';').filter((pair) => pair.includes('='));
  return new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
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

type Patterns = Readonly<Record<string, RegExp>>;
const ATTACHED: Patterns = { CNI_CONTAINERID: CONTAINER_ID, CNI_NETNS: NETNS, CNI_IFNAME: IFNAME };

/** Which variables each command must have; the others may be absent. Specification, section 2, "CNI operations". */
const REQUIRED: Readonly<Record<Command, Patterns>> = {
  ADD: ATTACHED,
  CHECK: ATTACHED,
  DEL: { CNI_CONTAINERID: CONTAINER_ID, CNI_IFNAME: IFNAME },
  GC: {},
  STATUS: {},
  VERSION: {},
};

/** The message has to name all that are wrong (section 5, code 4). */
function requireVariables(env: ReadonlyMap<string, string>, patterns: Patterns): void {
  const wrong = Object.entries(patterns).filter(([name, pattern]) => !pattern.test(env.get(name) ?? ''));
  if (wrong.length === 0) return;
  const told = wrong.map(([name]) => `${name} is missing or not valid: "${env.get(name) ?? ''}"`);
  throw new CniError(CNI_CODE.invalidEnvironment, told.join('; '));
}

/** The first version that has each command. */
const SINCE: Readonly<Partial<Record<Command, string>>> = { CHECK: '0.4.0', GC: '1.1.0', STATUS: '1.1.0' };

function requireVersion(command: Command, version: string): void {
  const at = SUPPORTED_VERSIONS.indexOf(version);
  if (at < 0)
    throw new CniError(
      CNI_CODE.incompatibleVersion,
      `cniVersion ${version} is not supported`,
      `supported: ${SUPPORTED_VERSIONS.join(', ')}`,
    );
  if (at < SUPPORTED_VERSIONS.indexOf(SINCE[command] ?? ''))
    throw new CniError(CNI_CODE.incompatibleVersion, `cniVersion ${version} has no ${command}`);
}

const NO_CONF: NetConf = { cniVersion: '', name: '', type: '', provider: '', routes: [], dns: {} };

/** The request of one call; throws CniError for what the specification or we refuse. */
export function parseRequest(env: ReadonlyMap<string, string>, stdin: string): CniRequest {
  const command = commandOf(env);
  requireVariables(env, REQUIRED[command]);
  // VERSION must answer whatever its caller believes.
  const asked = { conf: { ...NO_CONF, cniVersion: statedVersion(stdin) }, ipam: false };
  const { conf, ipam } = command === 'VERSION' ? asked : parseConf(stdin, command);
  if (command !== 'VERSION') requireVersion(command, conf.cniVersion);
  return {
    command,
    containerId: env.get('CNI_CONTAINERID') ?? '',
    ifname: env.get('CNI_IFNAME') ?? '',
    netns: env.get('CNI_NETNS') ?? '',
    pod: podOf(argsOf(env.get('CNI_ARGS') ?? '')),
    conf,
    ipam,
  };
}
