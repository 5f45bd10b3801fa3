// Reading an assignment: the IP object that the API server holds for a port, and whether it is really for this port.
import { usedKey } from '../api/keys.ts';
import type { Ref } from '../api/fact.ts';
import type { IpRow, Network } from '../api/tables.ts';
import { Withheld } from '../api/withheld.ts';
import type { WorldRead } from './reconciler.ts';

export const finalizer = 'kubeovn.io/kube-ovn-controller';

/** Whom the address should be for. */
export interface Claimant {
  /** Name of the IP object. */
  readonly ip: string;
  /** As the object names its owner. */
  readonly ref: Ref;
  readonly uid: string;
  /** Another plugin makes the interface, whose MAC is not known here. */
  readonly isForeign?: boolean;
}

export interface Assignment {
  readonly ip: IpRow;
  readonly network: Network;
}

/**
 * The claimant's assignment, undefined as long as it has none. Throws Withheld when it has one whose subnet cannot be
 * used now: what stands on it must neither be built nor torn down.
 */
export function assignment(claimant: Claimant, read: WorldRead): Assignment | undefined {
  const ip = read.get('ip', claimant.ip);
  if (!ip || !isFor(ip, claimant) || !keepsAddresses(ip, read)) return undefined;
  const network = read.get('network', ip.subnet);
  // An object without addresses is one of a subnet without.
  if (network) return ip.addresses.length > 0 || network.cidrs.length === 0 ? { ip, network } : undefined;
  if (read.get('checked', ip.subnet)) throw new Withheld(`subnet ${ip.subnet} of ${claimant.ip} cannot be used now`);
  return undefined;
}

/**
 * Objects that Kube-OVN made before us carry no UID: they count by name, when its finalizer says that it gave the
 * address out. One made by hand is a wish, not an assignment.
 */
function isFor(ip: IpRow, { ref, uid, isForeign }: Claimant): boolean {
  if (ip.mac === '' && isForeign !== true) return false;
  if (ip.ownerUid !== '') return ip.ownerUid === uid;
  const named = ip.podName === ref.name && ip.namespace === ref.namespace;
  return named && ip.meta.finalizers.includes(finalizer);
}

/**
 * Whether of all IP objects and Vips with one of these addresses in the subnet this one is in the right: the older, then
 * the lower UID. The others yield nothing and are allocated anew.
 */
export function keepsAddresses(ip: IpRow, read: WorldRead): boolean {
  return ip.addresses.every((address) => {
    const key = usedKey(ip.subnet, address);
    return [...read.at('ipsByAddress', key), ...read.at('holdingsByAddress', key)].every((other) => !older(other, ip));
  });
}

function older(a: IpRow, b: IpRow): boolean {
  return a.created === b.created ? a.meta.uid < b.meta.uid : a.created < b.created;
}
