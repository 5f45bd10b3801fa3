// Network namespaces of pods that pass traffic on: what is wanted of one is a text, a line for each thing. One process reads
// a namespace, one changes it. Ours are the rules and routes with our protocol number in a table of their own, and two chains
// of table nat; of the rest what is wanted is looked at, and nothing removed.
import { canonicalCidr } from '../../lib/net/index.ts';
import type { Run } from '../run.ts';
import { CommandError } from '../run.ts';
import { parseIpJson } from './batch.ts';
import type { Driver, Have, Pending, Want } from './driver.ts';
import { detectBackend } from './iptables.ts';
import type { Backend, Family } from './iptables.ts';
import { EVERYTHING, ROUTE_PROTOCOL } from './route.ts';

/** As Kube-OVN has them, in the pods that are called lb-svc. */
const TABLE = 100;
const PRIORITY = 32_765;

/** A chain of ours, and the one of the kernel's that leads to it. */
const CHAINS = { DNAT: ['LB-SVC-DNAT', 'PREROUTING'], SNAT: ['LB-SVC-SNAT', 'POSTROUTING'] } as const;

const FAMILIES: readonly Family[] = [4, 6];

export const upLine = (link: string): string => `up ${link}`;
export const addressLine = (link: string, address: string): string => `address ${link} ${address}`;
export const forwardingLine = (family: Family): string => `forwarding ${family}`;
/** A source need not be reached by the link that it comes by. */
export const looseLine = (link: string): string => `loose ${link}`;
export const ruleLine = (family: Family, link: string): string => `rule ${family} iif ${link}`;
export const routeLine = (family: Family, dst: string, { via = '', dev }: { via?: string; dev: string }): string =>
  `route ${family} ${dst}${via === '' ? '' : ` via ${via}`} dev ${dev}`;
export const natLine = (family: Family, kind: keyof typeof CHAINS, rule: string): string =>
  `nat ${family} -A ${CHAINS[kind][0]} ${rule}`;

const jumps = (family: Family): string[] =>
  Object.values(CHAINS).map(([own, chain]) => `nat ${family} -A ${chain} -j ${own}`);

/** The canonical text of a namespace. Rules of a chain exclude each other, so their order says nothing. */
export function textOf(lines: Iterable<string>): string {
  const all = new Set(lines);
  for (const family of FAMILIES) if (all.has(forwardingLine(family))) for (const jump of jumps(family)) all.add(jump);
  return [...all].sort().join('\n');
}

const isOurs = (line: string): boolean => /^(?:rule|route|nat) /.test(line);

const MARK = '###';

/** Shows a namespace, in sections. All tables: one without routes is none, which is an error to `ip`. */
const readScript = (backend: Backend): string =>
  [
    section('forwarding 4', 'cat /proc/sys/net/ipv4/ip_forward'),
    section('forwarding 6', 'cat /proc/sys/net/ipv6/conf/all/forwarding'),
    section('filter', 'grep -H . /proc/sys/net/ipv4/conf/*/rp_filter'),
    section('links', 'ip -j address show'),
    ...FAMILIES.flatMap((family) => [
      section(`rules ${family}`, `ip -j -N -${family} rule show`),
      section(`routes ${family}`, `ip -j -N -${family} route show table all proto ${ROUTE_PROTOCOL}`),
      section(`nat ${family}`, `${iptables(family, backend)}-save -t nat`),
    ]),
    'true',
  ].join('\n');

const section = (name: string, command: string): string => `echo '${MARK}${name}'; ${command} 2>/dev/null`;

const iptables = (family: Family, backend: Backend): string => `${family === 6 ? 'ip6tables' : 'iptables'}-${backend}`;

/** All that is there of what is spoken of here. */
export function parseNamespace(output: string): string[] {
  return output
    .split(MARK)
    .slice(1)
    .flatMap((part) => {
      const end = part.indexOf('\n');
      const [what = '', family = ''] = part.slice(0, end).split(' ');
      return [...(parsers[what]?.(part.slice(end + 1), family === '6' ? 6 : 4) ?? [])];
    });
}

const parsers: Readonly<Record<string, (text: string, family: Family) => Iterable<string>>> = {
  forwarding: (text, family) => (text.trim() === '1' ? [forwardingLine(family)] : []),
  filter: (text) =>
    text.split('\n').flatMap((line) => {
      const [, link = '', value = ''] = /conf\/([^/]+)\/rp_filter:(\d)$/.exec(line) ?? [];
      return value === '2' ? [looseLine(link)] : [];
    }),
  links: (text) => parseIpJson(text).flatMap((link) => [...linkLines(link)]),
  rules: (text, family) =>
    parseIpJson(text)
      .filter((rule) => Number(rule['protocol']) === ROUTE_PROTOCOL)
      .map((rule) => {
        const usual = Number(rule['table']) === TABLE && Number(rule['priority']) === PRIORITY;
        const line = ruleLine(family, String(rule['iif']));
        return usual ? line : `${line} pref ${Number(rule['priority'])} table ${Number(rule['table'])}`;
      }),
  routes: (text, family) =>
    parseIpJson(text)
      .filter(({ table }) => Number(table) === TABLE)
      .map(({ dst, gateway, dev }) =>
        routeLine(family, cidrText(String(dst), family), {
          ...(typeof gateway === 'string' && { via: gateway }),
          dev: String(dev),
        }),
      ),
  nat: (text, family) =>
    text
      .split('\n')
      .filter((line) => Object.values(CHAINS).some(([own]) => line.startsWith('-A ') && line.includes(own)))
      .map((line) => `nat ${family} ${line}`),
};

interface ShownLink {
  readonly ifname?: string;
  readonly flags?: readonly string[];
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number }[];
}

function* linkLines({ ifname = '', flags = [], addr_info: addresses = [] }: ShownLink): Iterable<string> {
  if (flags.includes('UP')) yield upLine(ifname);
  for (const { local, prefixlen } of addresses) yield addressLine(ifname, `${local}/${prefixlen}`);
}

const cidrText = (dst: string, family: Family): string => {
  const text = dst === 'default' ? EVERYTHING[family] : dst;
  return canonicalCidr(text.includes('/') ? text : `${text}/${family === 4 ? 32 : 128}`) ?? text;
};

/** Makes of what is there what is wanted: what is passed on first, and the rules that lead there last. */
export function changeScript(wanted: readonly string[], there: readonly string[], backend: Backend): string {
  const [missing, surplus] = [without(wanted, there), without(there, wanted)];
  const script = (lines: readonly string[], kind: string, command: (words: readonly string[]) => string): string[] =>
    lines.filter((line) => line.startsWith(`${kind} `)).map((line) => command(line.split(' ').slice(1)));
  const route = ([family, ...rest]: readonly string[]): string =>
    `ip -${family} route replace ${rest.join(' ')} table ${TABLE} proto ${ROUTE_PROTOCOL}`;
  return [
    'set -e',
    ...script(missing, 'forwarding', ([family]) => `echo 1 > /proc/sys/net/${forwardingFile[family === '6' ? 6 : 4]}`),
    ...script(missing, 'loose', ([link]) => `echo 2 > /proc/sys/net/ipv4/conf/${link}/rp_filter`),
    ...script(missing, 'up', ([link]) => `ip link set dev ${link} up`),
    ...script(missing, 'address', ([link, address = '']) => {
      const flags = address.includes(':') ? ' nodad' : '';
      return `ip address replace ${address} dev ${link}${flags}`;
    }),
    // Those on the link itself before those by its gateways.
    ...script(
      missing.filter((line) => !line.includes(' via ')),
      'route',
      route,
    ),
    ...script(
      missing.filter((line) => line.includes(' via ')),
      'route',
      route,
    ),
    ...script(surplus, 'route', ([family, ...rest]) => {
      return `ip -${family} route del ${rest.join(' ')} table ${TABLE} proto ${ROUTE_PROTOCOL}`;
    }),
    ...FAMILIES.flatMap((family) => restore(family, { wanted, missing, surplus }, backend)),
    ...script(surplus, 'rule', ([family, ...rest]) => `ip -${family} rule del ${ruleText(rest)}`),
    ...script(missing, 'rule', ([family, ...rest]) => `ip -${family} rule add ${ruleText(rest)}`),
    '',
  ].join('\n');
}

const forwardingFile = { 4: 'ipv4/ip_forward', 6: 'ipv6/conf/all/forwarding' } as const;

const ruleText = (words: readonly string[]): string => {
  const usual = words.includes('pref') ? '' : ` pref ${PRIORITY} table ${TABLE}`;
  return `${words.join(' ')}${usual} protocol ${ROUTE_PROTOCOL}`;
};

const without = (lines: readonly string[], others: readonly string[]): string[] => {
  const known = new Set(others);
  return lines.filter((line) => !known.has(line));
};

interface Difference {
  readonly wanted: readonly string[];
  readonly missing: readonly string[];
  readonly surplus: readonly string[];
}

/** Declaring a chain empties it, also without flushing the table (iptables-restore(8)). */
function restore(family: Family, { wanted, missing, surplus }: Difference, backend: Backend): string[] {
  const prefix = `nat ${family} `;
  const of = (lines: readonly string[]): string[] =>
    lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length));
  if (of(missing).length + of(surplus).length === 0) return [];
  const isJump = (line: string): boolean => jumps(family).includes(prefix + line);
  return [
    `${iptables(family, backend)}-restore --noflush <<'END'`,
    '*nat',
    ...Object.values(CHAINS).map(([own]) => `:${own} - [0:0]`),
    ...of(missing).filter(isJump),
    ...of(wanted).filter((line) => !isJump(line)),
    'COMMIT',
    'END',
  ];
}

export class GatewayDriver implements Driver {
  readonly name = 'gateway';
  readonly #run: Run;
  readonly #neighbour: string;
  #backend: Promise<Backend> | undefined;
  /** What was read last, by namespace. */
  #seen = new Map<string, readonly string[]>();

  /** `neighbour` is the program that tells neighbours of an address. */
  constructor(run: Run, neighbour: string) {
    this.#run = run;
    this.#neighbour = neighbour;
  }

  async read(want: Want): Promise<Have> {
    this.#seen = new Map();
    if (want.size === 0) return new Map();
    const script = readScript(await this.#iptables());
    const read = async ([netns, { text }]: readonly [string, { readonly text: string }]): Promise<void> => {
      const wanted = new Set(text.split('\n'));
      const lines = parseNamespace(await this.#inside(netns, script));
      this.#seen.set(
        netns,
        lines.filter((line) => isOurs(line) || wanted.has(line)),
      );
    };
    // A namespace that has gone has nothing.
    await Promise.all([...want].map((one) => read(one).catch(passOver)));
    return new Map([...this.#seen].map(([netns, lines]) => [netns, [...new Set(lines)].sort().join('\n')]));
  }

  async apply({ put }: Pending): Promise<void> {
    const results = await Promise.allSettled([...put].map(([netns, text]) => this.#change(netns, text.split('\n'))));
    for (const result of results) if (result.status === 'rejected') throw result.reason as Error;
  }

  async #change(netns: string, wanted: readonly string[]): Promise<void> {
    const there = this.#seen.get(netns) ?? [];
    await this.#inside(netns, changeScript(wanted, there, await this.#iptables()));
    // Another pod may have had these addresses before.
    if (without(wanted, there).some((line) => line.startsWith('rule '))) await this.#announce(netns, wanted);
  }

  async #announce(netns: string, wanted: readonly string[]): Promise<void> {
    const addresses = wanted.filter((line) => line.startsWith('address ')).map((line) => line.split(' '));
    const tasks = addresses.flatMap(([, , address = '']) => ['announce', address.replace(/\/.*/, '')]);
    const link = addresses[0]?.[1];
    if (link !== undefined) await this.#run([this.#neighbour, netns, link, ...tasks]);
  }

  /** Of the kind that the node's are. */
  #iptables(): Promise<Backend> {
    return (this.#backend ??= detectBackend(this.#run));
  }

  #inside(netns: string, script: string): Promise<string> {
    return this.#run(['nsenter', `--net=${netns}`, 'sh'], script);
  }
}

function passOver(error: unknown): void {
  if (!(error instanceof CommandError)) throw error;
}
