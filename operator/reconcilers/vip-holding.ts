// What Vips hold and what they ask for. The address of a Vip is written in its status, as Kube-OVN does, and there is no
// IP object of it; so what it holds enters the allocator in the form of one, and its demand goes the way of all.
import { canonicalIp, canonicalMac, parseIp } from '../../lib/net/index.ts';
import { usedKey } from '../api/keys.ts';
import { vipKey, vipRef } from '../api/refs.ts';
import type { Demand, IpRow, PodRow, VipRow, Wish } from '../api/tables.ts';
import { ownVipKey, reservedLabel } from '../api/vip-row.ts';
import { finalizer } from './assignment.ts';
import { identityOf } from './identity.ts';
import type { Projection, WorldRead } from './reconciler.ts';

/** Of a Vip whose address stands for a load balancer: the router answers for it. */
export const balancer = 'switch_lb_vip';
/** Of one that is the address of a virtual machine in a pod on the host's network. */
export const machine = 'kube_host_vm_vip';

const types: readonly string[] = ['', balancer, machine];

/** Table `holding`. While a pod has the address as its own it is the pod's, and an IP object says so. */
export const holding: Projection<VipRow, IpRow> = function* (vip, read) {
  const { meta } = vip;
  const isLent = borrowerOf(vip, read) !== undefined;
  const held = isLent ? { ...heldBy(vip), addresses: [], mac: '' } : heldBy(vip);
  // One that is being deleted is there without an address, too: somebody has to let it go.
  if (held.addresses.length > 0 || meta.deleting) yield [held.meta.name, held];
};

/** A Vip in the form of an IP object. Without the finalizer it is nobody's yet, and is to be given it. */
export const heldBy = ({ meta, created, heldIn, addresses, mac }: VipRow): IpRow => ({
  meta: { ...meta, name: vipKey(meta.name) },
  created,
  subnet: heldIn,
  podName: meta.name,
  namespace: '',
  podType: '',
  node: '',
  addresses,
  mac,
  ownerUid: meta.finalizers.includes(finalizer) ? meta.uid : '',
  controllerUid: '',
});

/**
 * Name of the IP object of the pod that has the Vip's address as its own; the label remembers it until that object is
 * gone. Of several pods that ask for it the oldest is served.
 */
export function borrowerOf({ meta, addresses, heldIn }: VipRow, read: WorldRead): string | undefined {
  if (addresses.length === 0) return undefined;
  const reserved = meta.labels[reservedLabel] ?? '';
  const object = read.get('ip', reserved);
  if (object?.subnet === heldIn && addresses.some((address) => object.addresses.includes(address))) return reserved;
  const [first] = read.at('podsByVip', meta.name).toSorted((a, b) => (ageOf(a) < ageOf(b) ? -1 : 1));
  return first && identityOf(first, read).ip;
}

/** A pod whose address is that of a Vip: what it asks for, undefined when it names none. */
export function lentAddress(pod: PodRow, read: WorldRead): { wish: Wish; subnets: string[] } | undefined {
  const name = pod.meta.annotations[ownVipKey] ?? '';
  if (name === '') return undefined;
  const vip = read.get('vip', name);
  if (!vip || vip.addresses.length === 0) return { wish: { invalid: `vip ${name} has no address` }, subnets: [] };
  const borrower = borrowerOf(vip, read);
  if (borrower !== identityOf(pod, read).ip) {
    return { wish: { invalid: `vip '${name}' is in use by pod ${borrower ?? ''}` }, subnets: [] };
  }
  return { wish: { fixed: [vip.addresses], ...(vip.mac !== '' && { mac: vip.mac }) }, subnets: [vip.heldIn] };
}

const ageOf = ({ created, meta }: PodRow): string => `${String(created).padStart(15, '0')} ${meta.uid}`;

export const vipDemand: Projection<VipRow, Demand> = function* (vip, read) {
  const { name, uid, deleting } = vip.meta;
  if (deleting || borrowerOf(vip, read) !== undefined) return;
  const wish = wishOf(vip);
  const mac = gatewayMac(vip, read);
  const demand: Demand = {
    ip: vipKey(name),
    owner: vipRef(name),
    uid,
    node: '',
    subnets: [vip.addresses.length > 0 ? vip.heldIn : vip.subnet].filter((subnet) => subnet !== ''),
    podName: name,
    namespace: '',
    podType: '',
    labels: {},
    ...(wish && { wish }),
    ...(mac !== undefined && { mac }),
  };
  yield [vipKey(name), demand];
};

function wishOf({ wanted: { v4, v6, mac }, type }: VipRow): Wish | undefined {
  const addresses = [v4, v6].filter((text) => text !== '').map((text) => canonicalIp(text) ?? '');
  const canonical = canonicalMac(mac);
  const invalid = faultOf(v4, v6, mac, type);
  const wish: Wish = {
    ...(addresses.length > 0 && { fixed: [addresses] }),
    ...(canonical !== undefined && type !== balancer && { mac: canonical }),
    ...(invalid !== undefined && { invalid }),
  };
  return Object.keys(wish).length > 0 ? wish : undefined;
}

/** What is wrong with the spec of a Vip, undefined when nothing is. */
export const vipFault = ({ wanted: { v4, v6, mac }, type, subnet }: VipRow): string | undefined =>
  subnet === '' ? 'no subnet is named' : faultOf(v4, v6, mac, type);

function faultOf(v4: string, v6: string, mac: string, type: string): string | undefined {
  if (!isAddressOf(4, v4)) return `v4ip ${v4} is not an IPv4 address`;
  if (!isAddressOf(6, v6)) return `v6ip ${v6} is not an IPv6 address`;
  if (v6 !== v6.toLowerCase()) return `v6ip ${v6} is not in lower case`;
  if (mac !== '' && canonicalMac(mac) === undefined) return `macAddress ${mac} is not a MAC`;
  return types.includes(type) ? undefined : `unknown type ${type}`;
}

/** Nothing is of any family. */
export const isAddressOf = (family: 4 | 6, text: string): boolean => text === '' || parseIp(text)?.family === family;

/** Of a load balancer's Vip: that of the router port, which is who gets its packets. */
function gatewayMac({ type, subnet }: VipRow, read: WorldRead): string | undefined {
  const mac = type === balancer ? read.get('space', subnet)?.mac : undefined;
  return mac === '' ? undefined : mac;
}

/** Keys of the index `holdingsByAddress`. */
export const holdingKeys = ({ subnet, addresses }: IpRow): string[] =>
  addresses.map((address) => usedKey(subnet, address));
