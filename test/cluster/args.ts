/** The command line of `npm run cluster`: text to a checked command, or a `UsageError`. Pure. */
import { parseArgs } from 'node:util';
import { families } from './family.ts';
import { kubeProxyModes, MAX_NODES } from './spec.ts';
import type { ClusterOptions } from './spec.ts';

export type Command =
  | { verb: 'up'; options: ClusterOptions }
  | { verb: 'down'; name: string; keepLogs: boolean }
  | { verb: 'status'; name: string }
  | { verb: 'kubectl'; name: string; args: readonly string[] }
  | { verb: 'load-image'; name: string; tar: string }
  | { verb: 'lock' }
  | { verb: 'help' };

export const USAGE = `usage: npm run cluster -- COMMAND [OPTIONS]

  up           start a cluster and deploy Kubeloom
  down         stop it, whatever state it is in
  status       its nodes, processes and versions
  kubectl ...  kubectl against it (options of ours go before the word kubectl)
  load-image TAR   import an OCI image into all running nodes
  lock         take the Debian packages the archive has now into config/images/packages.lock

  --name NAME      which cluster (default dev); several can run side by side
  --nodes N        up: number of nodes (default 2)
  --bare           up: no network plugin
  --ovn-members N  up: 1 or 3 members of OVN's databases; 3 implies 3 nodes (default 1)
  --family F       up: ipv4, ipv6 or dual (default ipv4)
  --kube-proxy M   up: iptables or nftables (default iptables)
  --keep-logs      down: leave .cluster/NAME/logs
`;

/** The command line makes no sense; its message says why. */
export class UsageError extends Error {}

interface Values {
  name?: string | undefined;
  nodes?: string | undefined;
  'ovn-members'?: string | undefined;
  family?: string | undefined;
  'kube-proxy'?: string | undefined;
  bare?: boolean | undefined;
  'keep-logs'?: boolean | undefined;
  help?: boolean | undefined;
}

/** Parses what follows `npm run cluster --`. All behind the word `kubectl` is kubectl's own. */
export function parseCommand(argv: readonly string[]): Command {
  const end = argv.indexOf('kubectl');
  const { values, positionals } = read(end < 0 ? argv : argv.slice(0, end));
  const name = clusterName(values.name ?? 'dev');
  if (end >= 0 && positionals.length === 0) return { verb: 'kubectl', name, args: argv.slice(end + 1) };
  const [verb, ...words] = positionals;
  if (values.help === true || verb === undefined) return { verb: 'help' };
  return named(verb, words, { ...values, name });
}

function read(args: readonly string[]): { values: Values; positionals: string[] } {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        nodes: { type: 'string' },
        'ovn-members': { type: 'string' },
        family: { type: 'string' },
        'kube-proxy': { type: 'string' },
        bare: { type: 'boolean' },
        'keep-logs': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function named(verb: string, words: readonly string[], values: Values & { name: string }): Command {
  const { name } = values;
  if (verb === 'load-image') return { verb, name, tar: onlyWord(verb, words) };
  if (words.length > 0) throw new UsageError(`${verb} takes no "${words.join(' ')}"`);
  switch (verb) {
    case 'up':
      return { verb, options: upOptions(values) };
    case 'down':
      return { verb, name, keepLogs: values['keep-logs'] === true };
    case 'status':
      return { verb, name };
    case 'lock':
    case 'help':
      return { verb };
    default:
      throw new UsageError(`unknown command "${verb}"`);
  }
}

function onlyWord(verb: string, words: readonly string[]): string {
  const [word, ...more] = words;
  if (word === undefined || more.length > 0)
    throw new UsageError(`${verb} takes one argument, the path of an image tar`);
  return word;
}

function upOptions({ name, bare, ...values }: Values & { name: string }): ClusterOptions {
  const ovnMembers = membersOf(values['ovn-members'] ?? '1');
  const nodes = nodesOf(values.nodes, ovnMembers);
  const family = oneOf('family', families, values.family ?? 'ipv4');
  const kubeProxy = oneOf('kube-proxy', kubeProxyModes, values['kube-proxy'] ?? 'iptables');
  return { name, nodes, bare: bare === true, ovnMembers, family, kubeProxy };
}

function membersOf(text: string): 1 | 3 {
  if (text !== '1' && text !== '3') throw new UsageError(`--ovn-members is 1 or 3, not ${text}`);
  return text === '3' ? 3 : 1;
}

/** Each member is on a node of its own. */
function nodesOf(text: string | undefined, ovnMembers: 1 | 3): number {
  const nodes = Number(text ?? (ovnMembers === 3 ? 3 : 2));
  if (Number.isInteger(nodes) && nodes >= ovnMembers && nodes <= MAX_NODES) return nodes;
  throw new UsageError(`--nodes is a number from ${ovnMembers} to ${MAX_NODES}, not ${text}`);
}

function oneOf<T extends string>(option: string, all: readonly T[], text: string): T {
  const known = all.find((one) => one === text);
  if (known !== undefined) return known;
  throw new UsageError(`--${option} is ${all.slice(0, -1).join(', ')} or ${all.at(-1)}, not ${text}`);
}

/** Names become parts of paths and cgroups. */
function clusterName(name: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,30}$/.test(name)) return name;
  throw new UsageError(`--name is up to 31 lower-case letters, digits and "-", not "${name}"`);
}
