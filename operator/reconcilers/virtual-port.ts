// Addresses that pods take over from each other (spec.vips): OVN binds each to the pod that answered for it last, of
// those whose annotation `port_vips` names it.
import type { Owner, RowFact } from '../../lib/delta/fact.ts';
import { canonicalIp } from '../../lib/net/index.ts';
import { commaList } from '../api/json.ts';
import { podIpName } from '../api/refs.ts';
import type { Network, PodRow } from '../api/tables.ts';
import { subnetVipPortName } from '../nb/names.ts';
import { virtualPort } from '../nb/rows/switch.ts';
import { needsAddress } from './demand.ts';
import type { WorldRead } from './reconciler.ts';

/** Keys of the index `podsByVipAddress`. */
export const vipKeys = ({ meta }: PodRow): string[] =>
  commaList(meta.annotations['ovn.kubernetes.io/port_vips'] ?? '').map((text) => canonicalIp(text) ?? text);

export function* virtualPorts(owner: Owner, { name, vips }: Network, read: WorldRead): Generator<RowFact> {
  for (const address of vips) {
    const parents = read
      .at('podsByVipAddress', address)
      .filter(needsAddress)
      .map(({ meta }) => podIpName(meta.namespace, meta.name))
      .filter((port) => read.get('ip', port)?.subnet === name);
    const port = subnetVipPortName(name, address);
    yield virtualPort({ owner, name: port, subnet: name, address, parents: [...new Set(parents)].sort() });
  }
}
