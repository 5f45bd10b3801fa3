// Addresses that pods take over from each other (spec.vips): OVN binds each to the pod that answered for it last, of
// those whose annotation `port_vips` names it.
import type { Owner, RowFact } from '../../lib/delta/fact.ts';
import { addressesIn } from '../api/port-wish.ts';
import type { Network, PodRow } from '../api/tables.ts';
import { subnetVipPortName } from '../nb/names.ts';
import { virtualPort } from '../nb/rows/switch.ts';
import { needsAddress } from './demand.ts';
import type { WorldRead } from './reconciler.ts';
import { portsIn } from './vip-pair.ts';

/** Keys of the index `podsByVipAddress`: of all interfaces together. */
export const vipKeys = ({ meta }: PodRow): string[] => [
  ...new Set(
    Object.entries(meta.annotations)
      .filter(([key]) => key.endsWith('.kubernetes.io/port_vips'))
      .flatMap(([, text]) => addressesIn(text)),
  ),
];

export function* virtualPorts(owner: Owner, { name, vips }: Network, read: WorldRead): Generator<RowFact> {
  for (const address of vips) {
    const parents = read
      .at('podsByVipAddress', address)
      .filter(needsAddress)
      .flatMap((pod) => portsIn(pod, name, read))
      .filter(({ port }) => port.vips.includes(address))
      .map(({ ip }) => ip);
    const port = subnetVipPortName(name, address);
    yield virtualPort({ owner, name: port, subnet: name, address, parents: [...new Set(parents)].sort() });
  }
}
