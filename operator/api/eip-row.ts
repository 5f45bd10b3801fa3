// What is known of ways to physical networks: OvnEips, and the ports that VPCs want there.
import { canonicalIp } from '../../lib/net/index.ts';
import { objectOf, textOf } from './json.ts';
import type { JsonObject } from './fact.ts';
import { metaOf } from './meta.ts';
import type { IpRow, Meta } from './tables.ts';

/** An OvnEip. */
export interface EipRow {
  readonly meta: Meta;
  /** As written; parsed at the place of use. */
  readonly spec: JsonObject;
  /** What it has, IPv4 first; empty before it has any. */
  readonly addresses: readonly string[];
}

/** Its types: of an address that rules use, of a VPC's port, and of a node's. */
export const [nat, lrp, lsp] = ['nat', 'lrp', 'lsp'] as const;

/** The type that is meant. */
export const eipTypeOf = ({ spec }: EipRow): string => textOf(spec['type']) || nat;

/** An address as the fields of spec and status spell it; '' for a family that it has not. */
export function eipFields({ addresses, mac }: Pick<IpRow, 'addresses' | 'mac'>): JsonObject {
  const single = (isV6: boolean): string => addresses.find((text) => text.includes(':') === isV6) ?? '';
  return { v4Ip: single(false), v6Ip: single(true), macAddress: mac };
}

/** That a VPC is to have a port on an external subnet. Computed from `vpc`. */
export interface Uplink {
  readonly vpc: string;
  /** Of the VPC. */
  readonly uid: string;
  readonly subnet: string;
  /** The gateway there is watched by BFD. */
  readonly watched: boolean;
}

/** What is made of an OvnEip is compared with what it is, so its labels are kept. */
export function eipRow(source: unknown): EipRow {
  const object = objectOf(source);
  const status = objectOf(object['status']);
  const addresses = [textOf(status['v4Ip']), textOf(status['v6Ip'])].map(canonicalIp);
  return {
    meta: metaOf(object, { labels: () => true }),
    spec: objectOf(object['spec']),
    addresses: addresses.filter((address) => address !== undefined),
  };
}
