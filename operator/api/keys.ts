// Keys of the indexes. Addresses are found by block: a prefix at least as long as the block lies in exactly one, so
// that "who covers this address" asks two keys instead of all subnets.
import { addressBits, formatIp, networkAddress, parseCidr, parseIp } from '../../lib/net/index.ts';
import type { Cidr, Family, Ip } from '../../lib/net/index.ts';
import { podIpName } from './refs.ts';
import type { IpRow } from './tables.ts';

/** Blocks are /16 for IPv4 and /48 for IPv6, the sizes of which clusters cut their ranges. */
const blockLength = (family: Family): number => (family === 4 ? 16 : 48);

const wide = (scope: string, family: Family): string => `${scope}|${family}|wide`;
const all = (scope: string): string => `${scope}|all`;

function block(scope: string, ip: Ip): string {
  const host = BigInt(addressBits(ip.family) - blockLength(ip.family));
  return `${scope}|${formatIp({ family: ip.family, value: (ip.value >> host) << host })}`;
}

const isWide = (cidr: Cidr): boolean => cidr.length < blockLength(cidr.family);

/** Where ranges are entered: the block of each CIDR, or the key of those wider than a block; and the key of all. */
export function rangeKeys(scope: string, cidrs: readonly string[]): string[] {
  const parsed = cidrs.map(parseCidr).filter((cidr) => cidr !== undefined);
  const keys = parsed.map((cidr) => (isWide(cidr) ? wide(scope, cidr.family) : block(scope, networkAddress(cidr))));
  return [...new Set([...keys, all(scope)])];
}

/** Where addresses are entered. */
export function addressKeys(scope: string, addresses: readonly string[]): string[] {
  const parsed = addresses.map(parseIp).filter((ip) => ip !== undefined);
  return [...new Set([...parsed.map((ip) => block(scope, ip)), all(scope)])];
}

/** Where to look for ranges that may hold an address. Empty for what is no address. */
export function coveringKeys(scope: string, address: string): string[] {
  const ip = parseIp(address);
  return ip ? [block(scope, ip), wide(scope, ip.family)] : [];
}

/** Where to look for ranges or addresses that may overlap a CIDR: everything when it is wider than a block. */
export function overlapKeys(scope: string, cidr: Cidr): string[] {
  return isWide(cidr) ? [all(scope)] : coveringKeys(scope, formatIp(networkAddress(cidr)));
}

/** Key of a workload whose pods come back under their names. */
export const keeperKey = (kind: string, namespace: string, name: string): string => `${kind}/${namespace}/${name}`;

/** Key of a VPC's port on an external subnet. */
export const uplinkKey = (vpc: string, subnet: string): string => `${vpc}/${subnet}`;

/** The VPC and the subnet of an `uplinkKey`. */
export function partsOfUplink(key: string): readonly [vpc: string, subnet: string] {
  const [vpc = '', subnet = ''] = key.split('/');
  return [vpc, subnet];
}

/** Key of one address of one subnet. */
export const usedKey = (subnet: string, address: string): string => `${subnet}|${address}`;

/** Where the IP object of a further interface of a pod is entered: under the name that the first one's has. */
export function furtherKeys({ meta, namespace, podName }: IpRow): string[] {
  const first = podIpName(namespace, podName);
  return namespace === '' || first === meta.name ? [] : [first];
}
