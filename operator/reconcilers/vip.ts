// A Vip: the address that it keeps, said in its labels and status, and its port in OVN. One that pods may hold beside
// their own address is a virtual port, bound where the pod is that answers for it; one for a load balancer is answered
// for by the router (subnet.ts); one of a virtual machine on the host's network is a port like a pod's.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { canonicalIp, canonicalMac } from '../../lib/net/index.ts';
import type { Fact } from '../api/fact.ts';
import { manager } from '../api/managers.ts';
import { podIpName, vipKey, vipRef } from '../api/refs.ts';
import type { IpRow, Network, VipRow } from '../api/tables.ts';
import { reservedLabel, subnetLabel } from '../api/vip-row.ts';
import { Withheld } from '../api/withheld.ts';
import { virtualPortName } from '../nb/names.ts';
import { vifPort, virtualPort } from '../nb/rows/switch.ts';
import { keepsAddresses } from './assignment.ts';
import { defaultProvider } from './nics.ts';
import { problem } from './reconciler.ts';
import type { Reconciler, WorldRead } from './reconciler.ts';
import { freePortName } from './router-port-name.ts';
import { unassigned } from './unassigned.ts';
import { balancer, borrowerOf, machine, vipFault } from './vip-holding.ts';
import { pairParents } from './vip-pair.ts';

export const vip: Reconciler<VipRow> = {
  kind: 'Vip',
  *desired(row, read) {
    const about = vipRef(row.meta.name);
    const wrong = [...problems(row, read)];
    yield* wrong;
    // Its status is no subresource, so that writing it makes a new generation: there is none to speak of. While the
    // address is on its way nothing is said.
    const fields = { type: row.type, selector: row.selector };
    if (row.addresses.length > 0 || wrong.length > 0)
      yield { status: about, generation: 0, owner: ownerOf(about), fields };
    if (row.meta.deleting || row.addresses.length === 0) return;
    const borrower = borrowerOf(row, read);
    yield labels(row, borrower ?? '');
    const held = read.get('holding', vipKey(row.meta.name));
    if (borrower === undefined && held && keepsAddresses(held, read)) yield* ports(row, held, read);
  },
};

function* problems(row: VipRow, read: WorldRead): Generator<Fact> {
  const about = vipRef(row.meta.name);
  const fault = vipFault(row);
  if (fault !== undefined) yield problem(about, 'VipInvalid', fault);
  else yield* unassigned(vipKey(row.meta.name), about, read);
  if (row.addresses.length === 0 || fault !== undefined) return;
  const changed = changes(row).join(', ');
  if (changed !== '')
    yield problem(about, 'VipInvalid', `${changed}: a Vip that has its address cannot be given another`);
}

/** Fields of the spec that want something else than what the Vip has; an empty one wants nothing. */
function changes({ wanted, subnet, heldIn, addresses, mac }: VipRow): string[] {
  const asks = {
    v4ip: wanted.v4 !== '' && !addresses.includes(canonicalIp(wanted.v4) ?? ''),
    v6ip: wanted.v6 !== '' && !addresses.includes(canonicalIp(wanted.v6) ?? ''),
    macAddress: wanted.mac !== '' && canonicalMac(wanted.mac) !== mac,
    subnet: subnet !== heldIn,
  };
  return Object.entries(asks).flatMap(([field, differs]) => (differs ? [field] : []));
}

const labels = ({ meta: { name, uid }, heldIn }: VipRow, borrower: string): Fact => ({
  object: vipRef(name),
  uid,
  owner: ownerOf(vipRef(name)),
  manager,
  generated: false,
  manifest: { metadata: { labels: { [subnetLabel]: heldIn, [reservedLabel]: borrower } } },
});

function* ports(row: VipRow, held: IpRow, read: WorldRead): Generator<Fact> {
  const network = read.get('network', held.subnet);
  if (!network && read.get('checked', held.subnet))
    throw new Withheld(`subnet ${held.subnet} of Vip ${row.meta.name} cannot be used now`);
  if (network?.switched !== true || row.type === balancer) return;
  if (row.type === machine) yield* machinePort(row, network, held, read);
  // Nobody may hold what belongs to no namespace.
  else if (row.type === '' && row.namespace !== '') yield* virtualPorts(row, network, held, read);
}

function* machinePort(row: VipRow, { provider }: Network, held: IpRow, read: WorldRead): Generator<Fact> {
  const { namespace, meta } = row;
  const { name } = meta;
  const owner = ownerOf(vipRef(name));
  const { port, taken } = freePortName(vipRef(name), portName(podIpName(namespace, name), provider), read);
  yield vifPort({
    owner,
    name: port,
    subnet: held.subnet,
    mac: held.mac,
    addresses: held.addresses,
    chassis: '',
    external: { pod: `${namespace}/${name}` },
  });
  yield* taken;
}

function* virtualPorts(row: VipRow, network: Network, held: IpRow, read: WorldRead): Generator<Fact> {
  const { name } = row.meta;
  const parents = pairParents(row, network.name, read);
  for (const [at, address] of held.addresses.entries()) {
    const { port, taken } = freePortName(vipRef(name), virtualPortName(name, at), read);
    yield virtualPort({ owner: ownerOf(vipRef(name)), name: port, subnet: network.name, address, parents });
    yield* taken;
  }
}

/** As a pod's: in a subnet of an attached network with the provider behind it. */
const portName = (first: string, provider: string): string =>
  provider === defaultProvider ? first : `${first}.${provider}`;
