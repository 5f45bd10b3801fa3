// Allowed address pairs: the Vips that pods may hold beside their own addresses, and by which ports. A pod names them in
// its annotation `aaps`, and the Vip says of which namespace and labels its holders are.
import { commaList } from '../api/json.ts';
import { pairsKey } from '../api/project.ts';
import { vipKey } from '../api/refs.ts';
import type { PodRow, VipRow } from '../api/tables.ts';
import { keepsAddresses } from './assignment.ts';
import { identityOf } from './identity.ts';
import { nicsOf } from './nics.ts';
import type { Nic } from './nics.ts';
import type { WorldRead } from './reconciler.ts';

/** Most pods name none: they shall cost nothing. */
const none: readonly string[] = [];

/** Ports of the pods that may hold a Vip, one for each pod: the first that it has in this subnet. */
export function pairParents(row: VipRow, subnet: string, read: WorldRead): string[] {
  const pods = read.at('podsByPair', row.meta.name).filter((pod) => mayHold(row, pod));
  return [...new Set(pods.flatMap((pod) => portsIn(pod, subnet, read).slice(0, 1)).map(({ ip }) => ip))].sort();
}

/** What a pod may answer for by its ports in a subnet, by `aaps`. */
export function pairAddresses(pod: PodRow, subnet: string, read: WorldRead): readonly string[] {
  const listed = pod.meta.annotations[pairsKey];
  if (listed === undefined) return none;
  const names = new Set(commaList(listed));
  return [...names].flatMap((name) => {
    const row = read.get('vip', name);
    const held = read.get('holding', vipKey(name));
    const isHis = row !== undefined && !row.meta.deleting && mayHold(row, pod);
    return isHis && held?.subnet === subnet && keepsAddresses(held, read) ? held.addresses : [];
  });
}

/** The interfaces of a pod that have ports in a subnet. */
export const portsIn = (pod: PodRow, subnet: string, read: WorldRead): Nic[] =>
  nicsOf(pod, identityOf(pod, read), read).nics.filter(
    ({ ip, isForeign }) => !isForeign && read.get('ip', ip)?.subnet === subnet,
  );

/** Nobody may hold what belongs to no namespace. */
function mayHold({ type, namespace, selector }: VipRow, { meta }: PodRow): boolean {
  if (type !== '' || namespace === '' || namespace !== meta.namespace) return false;
  return selector.flatMap(pairOf).every(([key, value]) => meta.labels[key] === value);
}

/** What is no `key:value` selects nothing away, as with Kube-OVN. */
function pairOf(text: string): [key: string, value: string][] {
  const colon = text.indexOf(':');
  return colon < 0 ? [] : [[text.slice(0, colon).trim(), text.slice(colon + 1).trim()]];
}
