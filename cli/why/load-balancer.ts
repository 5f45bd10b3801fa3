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

/** What names in a load balancer stand for, on one chassis. */
export type Variables = ReadonlyMap<string, string>;

const noVariables: Variables = new Map();

/** Whether its addresses or backends are named, so that they differ between chassis. */
export const isTemplate = (row: Row): boolean => entries(row, 'options').get('template') === 'true';

/** A name that has no value says nothing that could be read. */
const expanded = (text: string, variables: Variables): string =>
  text.replaceAll(/\^([A-Za-z_][\w.]*)/g, (found, name: string) => variables.get(name) ?? found);

/** With brackets, as an address of IPv6 needs them before a port. */
const bracketed = (text: string): string => text.replace(/^([0-9a-f:]*:[0-9a-f:]*:[0-9a-f]*):(\d+)$/, '[$1]:$2');

/** The virtual addresses of a load balancer on a chassis; those that OVN cannot read are left out. */
export function vipsOf(row: Row, variables: Variables = noVariables): Vip[] {
  const read = (text: string): string => (isTemplate(row) ? expanded(text, variables) : text);
  const options = entries(row, 'options');
  const owner = ownerOf(row);
  return [...entries(row, 'vips')].flatMap(([key, backends]) => {
    const vip = placeOf(isTemplate(row) ? bracketed(read(key)) : key);
    if (vip === undefined) return [];
    return [
      {
        name: text(row, 'name'),
        ...(owner && { owner }),
        ...vip,
        protocol: (text(row, 'protocol') || 'tcp') as Protocol,
        backends: read(backends)
          .split(',')
          .map(placeOf)
          .filter((place) => place !== undefined)
          .filter(({ address }) => address.family === vip.address.family && !isNowhere(address)),
        rejects: options.get('reject') === 'true' && !isTemplate(row),
        hairpin: (options.get('hairpin_snat_ip') ?? '')
          .split(/[\s,]+/)
          .map(parseIp)
          .filter((ip) => ip !== undefined),
      },
    ];
  });
}

/** Where routers drop what goes there: what stands for no backend where one has to stand. */
const isNowhere = ({ family, value }: Ip): boolean => (family === 4 ? value >> 24n === 127n : value >> 120n === 0xffn);

/** What the names stand for, by chassis. */
export function variablesOf(rows: Iterable<readonly [string, Row]>): ReadonlyMap<string, Variables> {
  return new Map([...rows].map(([, row]) => [text(row, 'chassis'), entries(row, 'variables')] as const));
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

  /** `any`: whether there are others, of which each chassis has its own. */
  constructor(vips: readonly Vip[], any = false) {
    this.any = any || vips.length > 0;
    for (const vip of vips) this.#vips.set(key(vip.address, vip.port, vip.protocol), vip);
  }

  /** One with the port goes before one without. */
  find(address: Ip, protocol: Protocol, port: number): Vip | undefined {
    return this.#vips.get(key(address, port, protocol)) ?? this.#vips.get(key(address, 0, protocol));
  }
}

const key = ({ family, value }: Ip, port: number, protocol: Protocol): string =>
  `${family}/${value}/${port === 0 ? '' : `${protocol}/${port}`}`;
