// Links that the agent looks after: ovn0, and for the userspace datapath br-phy with the tunnel interface in it. State is
// known by the links' names; of their addresses only those of the global scope count.
//
// Keys: `NAME up`, `NAME txqueuelen`, `NAME offload`, `NAME address A/len`, `NAME without A/len` for one that must not be there,
// and `NAME exclusive` for a link whose addresses are all ours to say: those that are not wanted go. The last two are part of the
// want, so that they can never be of another moment.
import type { Run } from '../run.ts';
import { ipBatch, parseIpJson } from './batch.ts';
import type { Driver, Have, Pending, Want } from './driver.ts';

/** A link as `ip -j address show` tells of it. */
export interface Link {
  readonly name: string;
  readonly index: number;
  readonly up: boolean;
  /** There is something at the other end of the cable. */
  readonly carrier: boolean;
  readonly mtu: number;
  readonly mac: string;
  readonly txqueuelen: number;
  /** With prefix length, global scope. */
  readonly addresses: readonly string[];
}

type Aspect = 'up' | 'txqueuelen' | 'offload' | 'exclusive' | `address ${string}` | `without ${string}`;

export const linkKey = (name: string, what: Aspect): string => `${name} ${what}`;

interface AddressInfo {
  readonly local?: unknown;
  readonly prefixlen?: unknown;
  readonly scope?: unknown;
}

function addressesOf(info: unknown): string[] {
  if (!Array.isArray(info)) return [];
  return (info as AddressInfo[]).flatMap(({ local, prefixlen, scope }) =>
    typeof local === 'string' && typeof prefixlen === 'number' && scope === 'global' ? [`${local}/${prefixlen}`] : [],
  );
}

/** All links of the agent's network namespace. */
export async function readLinks(run: Run): Promise<Map<string, Link>> {
  const links = new Map<string, Link>();
  for (const link of parseIpJson(await run(['ip', '-j', 'address', 'show']))) {
    const name = typeof link['ifname'] === 'string' ? link['ifname'] : '';
    const flags: readonly unknown[] = Array.isArray(link['flags']) ? link['flags'] : [];
    links.set(name, {
      name,
      index: Number(link['ifindex']),
      up: flags.includes('UP'),
      carrier: flags.includes('LOWER_UP'),
      mtu: Number(link['mtu']),
      mac: typeof link['address'] === 'string' ? link['address'] : '',
      txqueuelen: Number(link['txqlen'] ?? 0),
      addresses: addressesOf(link['addr_info']),
    });
  }
  return links;
}

/** Routes over ovn0 are all the route driver's, so that one deleted by hand comes back. */
const noPrefixRoute = (name: string): string => (name === 'ovn0' ? ' noprefixroute' : '');

export class LinkDriver implements Driver {
  readonly name = 'link';
  readonly #run: Run;
  readonly #onRead: (links: ReadonlyMap<string, Link>) => void;
  #links: ReadonlyMap<string, Link> = new Map();
  /** ifindex of links whose offload has been set by this process; asking costs as much as setting. */
  readonly #offloaded = new Map<string, number>();

  constructor(run: Run, onRead: (links: ReadonlyMap<string, Link>) => void = () => undefined) {
    this.#run = run;
    this.#onRead = onRead;
  }

  async read(want: Want): Promise<Have> {
    this.#links = await readLinks(this.#run);
    this.#onRead(this.#links);
    const have = new Map<string, string>();
    for (const link of this.#links.values()) for (const [key, text] of this.#have(link, want)) have.set(key, text);
    return have;
  }

  *#have(link: Link, want: Want): Iterable<[string, string]> {
    const { name } = link;
    const keys = {
      up: linkKey(name, 'up'),
      txqueuelen: linkKey(name, 'txqueuelen'),
      offload: linkKey(name, 'offload'),
      exclusive: linkKey(name, 'exclusive'),
    };
    if (want.has(keys.up)) yield [keys.up, String(link.up)];
    if (want.has(keys.txqueuelen)) yield [keys.txqueuelen, String(link.txqueuelen)];
    if (want.has(keys.offload)) yield [keys.offload, this.#offloaded.get(name) === link.index ? 'off' : 'unknown'];
    if (want.has(keys.exclusive)) yield [keys.exclusive, 'true'];
    for (const key of want.keys()) if (key.startsWith(`${name} without `)) yield [key, 'true'];
    for (const address of link.addresses) {
      const key = linkKey(name, `address ${address}`);
      const ours = [key, keys.exclusive, linkKey(name, `without ${address}`)];
      if (ours.some((one) => want.has(one))) yield [key, 'present'];
    }
  }

  async apply({ put, remove }: Pending): Promise<void> {
    const lines = [...remove.keys()].map((key) => {
      const [name, , address] = key.split(' ');
      return `address del ${address} dev ${name}`;
    });
    for (const [key, text] of put) lines.push(...this.#line(key, text));
    await ipBatch(this.#run, lines);
    for (const key of put.keys()) if (key.endsWith(' offload')) await this.#offload(key.split(' ')[0] ?? '');
  }

  #line(key: string, text: string): string[] {
    const [name = '', what, address = ''] = key.split(' ');
    switch (what) {
      case 'up':
        return [`link set dev ${name} up`];
      case 'txqueuelen':
        return [`link set dev ${name} txqueuelen ${text}`];
      case 'address':
        return [`address replace ${address} dev ${name}${noPrefixRoute(name)}${address.includes(':') ? ' nodad' : ''}`];
      default:
        return [];
    }
  }

  async #offload(name: string): Promise<void> {
    const index = this.#links.get(name)?.index;
    await this.#run(['ethtool', '-K', name, 'tx', 'off']);
    if (index !== undefined) this.#offloaded.set(name, index);
  }
}
