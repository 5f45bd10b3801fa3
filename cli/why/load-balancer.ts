// Load balancers of a switch: which backends a virtual address has.
import { parseIp, type Ip } from '../../lib/net/index.ts';
import type { Row } from '../../lib/ovsdb/index.ts';
import type { Protocol } from './packet.ts';
import { entries, text } from './rows.ts';
import { ownerOf, type Owner } from './rule.ts';

export interface Backend {
  readonly address: Ip;
  /** 0 keeps the port of the packet. */
  readonly port: number;
}

export interface Vip {
  /** Name of the load balancer. */
  readonly name: string;
  readonly owner?: Owner;
  readonly address: Ip;
  /** 0 for one that takes every protocol and port. */
  readonly port: number;
  readonly protocol: Protocol;
  readonly backends: readonly Backend[];
  /** Whether a connection is refused, rather than dropped, when there is no backend. */
  readonly rejects: boolean;
  /** What a backend sees that reaches itself, per family; the virtual address otherwise. */
  readonly hairpin: readonly Ip[];
}

/** The virtual addresses of a load balancer; those that OVN cannot read are left out. */
export function vipsOf(row: Row): Vip[] {
  const options = entries(row, 'options');
  const owner = ownerOf(row);
  return [...entries(row, 'vips')].flatMap(([key, backends]) => {
    const vip = placeOf(key);
    if (vip === undefined) return [];
    return [
      {
        name: text(row, 'name'),
        ...(owner && { owner }),
        ...vip,
        protocol: (text(row, 'protocol') || 'tcp') as Protocol,
        backends: backends
          .split(',')
          .map(placeOf)
          .filter((place) => place !== undefined)
          .filter(({ address }) => address.family === vip.address.family),
        rejects: options.get('reject') === 'true',
        hairpin: (options.get('hairpin_snat_ip') ?? '')
          .split(/[\s,]+/)
          .map(parseIp)
          .filter((ip) => ip !== undefined),
      },
    ];
  });
}

/** `10.0.0.1`, `10.0.0.1:80`, `fd00::1`, `[fd00::1]:80`. */
export function placeOf(text: string): Backend | undefined {
  const [, bracketed, dotted, port = '0'] = /^(?:\[(.*)\]|([^:]*))(?::([0-9]+))?$/.exec(text.trim()) ?? [];
  const address = parseIp(bracketed ?? dotted ?? text.trim());
  return address && { address, port: Number(port) };
}

/** The virtual addresses of a switch. */
export class Vips {
  readonly any: boolean;
  readonly #vips = new Map<string, Vip>();

  constructor(vips: readonly Vip[]) {
    this.any = vips.length > 0;
    for (const vip of vips) this.#vips.set(key(vip.address, vip.port, vip.protocol), vip);
  }

  /** One with the port goes before one without. */
  find(address: Ip, protocol: Protocol, port: number): Vip | undefined {
    return this.#vips.get(key(address, port, protocol)) ?? this.#vips.get(key(address, 0, protocol));
  }
}

const key = ({ family, value }: Ip, port: number, protocol: Protocol): string =>
  `${family}/${value}/${port === 0 ? '' : `${protocol}/${port}`}`;
