// Health checks of rules: OVN asks each backend from an address in its subnet, and leaves out who does not answer. The
// address is kept by a Vip that is named after the subnet, for as long as anything in it is checked.
import type { Owner, RowId } from '../../lib/delta/fact.ts';
import type { Fact } from '../api/fact.ts';
import { usedKey } from '../api/keys.ts';
import { checksManager, ownerAnnotation } from '../api/managers.ts';
import { vipRef } from '../api/refs.ts';
import type { VipRow } from '../api/tables.ts';
import { healthCheck, monitored } from '../nb/rows/load-balancer.ts';
import type { WorldRead } from './reconciler.ts';

export interface Checked {
  readonly owner: Owner;
  readonly subnet: string;
  /** Addresses with ports, and what is behind each, as the row of the balancer has them. IPv4. */
  readonly vips: readonly { readonly balancer: RowId; readonly vip: string; readonly backends: string }[];
}

export function* healthChecks({ owner, subnet, vips }: Checked, read: WorldRead): Generator<Fact> {
  const served = vips.filter(({ backends }) => backends !== '');
  if (served.length === 0 || read.get('network', subnet)?.switched !== true) return;
  const asker = read.get('vip', subnet);
  if (!asker || isOurs(asker)) {
    yield { object: vipRef(subnet), owner, manager: checksManager, generated: true, manifest: { spec: { subnet } } };
  }
  const from = asker && addressIn(subnet, asker);
  if (from === undefined) return;
  for (const { balancer, vip, backends } of served) {
    yield healthCheck({ owner, balancer, vip, subnet });
    for (const { backend, port } of portsOf(subnet, backends, read))
      yield monitored({ owner, balancer, backend, port, from });
  }
}

const addressIn = (subnet: string, { heldIn, addresses }: VipRow): string | undefined =>
  heldIn === subnet ? addresses.find((text) => !text.includes(':')) : undefined;

/** Backends in the subnet, with the names of their ports; others cannot be asked. */
function portsOf(subnet: string, backends: string, read: WorldRead): { backend: string; port: string }[] {
  const addresses = new Set(backends.split(',').map((target) => target.slice(0, target.indexOf(':'))));
  return [...addresses].flatMap((backend) =>
    read
      .at('ipsByAddress', usedKey(subnet, backend))
      .slice(0, 1)
      .map(({ meta }) => ({ backend, port: meta.name })),
  );
}

/** Generated here, and not made by a person. */
const isOurs = ({ meta }: VipRow): boolean => meta.annotations[ownerAnnotation] !== undefined;
