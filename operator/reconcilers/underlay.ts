// An underlay subnet: its switch meets a physical network at a localnet port, by the tag and the provider network of
// its Vlan.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { RowFact } from '../../lib/delta/fact.ts';
import type { Fact } from '../api/fact.ts';
import { laterKey } from '../api/later.ts';
import { subnetRef, vlanRef } from '../api/refs.ts';
import type { Finding, Network, VlanRow } from '../api/tables.ts';
import { Withheld } from '../api/withheld.ts';
import { localnetPort } from '../nb/rows/switch.ts';
import { problem } from './reconciler.ts';
import type { Reconciler, WorldRead } from './reconciler.ts';

/** Key of the index `vlansByTag`. */
export const tagKey = ({ provider, id }: VlanRow): string => `${provider}/${id}`;

/** What of its Vlan keeps a subnet from being used; nothing for an overlay. */
export function vlanFindings(vlan: string, read: WorldRead): Finding[] {
  const fault = vlan === '' ? undefined : vlanFault(vlan, read);
  return fault === undefined ? [] : [{ reason: 'ValidateSubnetVlanFailed', message: fault }];
}

function vlanFault(name: string, read: WorldRead): string | undefined {
  const row = read.get('vlan', name);
  if (!row) return `vlan ${name} does not exist`;
  const rival = olderWithTag(row, read);
  return rival && `vlan ${name} has the provider network and the id of vlan ${rival.meta.name}`;
}

/** Of two Vlans with one tag the older is right, so that a new one never takes a subnet's wire away. */
const olderWithTag = (row: VlanRow, read: WorldRead): VlanRow | undefined =>
  read.at('vlansByTag', tagKey(row)).find((other) => isOlder(other, row));

function isOlder(a: VlanRow, b: VlanRow): boolean {
  return a.created === b.created ? a.meta.uid < b.meta.uid : a.created < b.created;
}

/** The port to the physical network. */
export function localnet(network: Network, read: WorldRead): RowFact {
  const vlan = read.get('vlan', network.vlan);
  // Its network is kept as it was when its Vlan went, and so is the port.
  if (!vlan) throw new Withheld(`vlan ${network.vlan} does not exist`);
  return localnetPort({ subnet: network.name, provider: vlan.provider, tag: vlan.id, cidrs: network.cidrs });
}

/** The other end of the wire is made on the nodes, which nothing does yet. */
export function* underlayProblems({ name, vlan }: Network, read: WorldRead): Generator<Fact> {
  const provider = read.get('vlan', vlan)?.provider;
  if (provider === undefined) return;
  const exists = read.get('later', laterKey({ kind: 'ProviderNetwork', namespace: '', name: provider }));
  const message = exists
    ? `no node has a bridge to provider network ${provider} yet`
    : `provider network ${provider} does not exist`;
  yield problem(subnetRef(name), 'ProviderNetworkNotReady', message);
}

export const vlan: Reconciler<VlanRow> = {
  kind: 'Vlan',
  *desired(row, read) {
    const { name, generation } = row.meta;
    const about = vlanRef(name);
    const rival = olderWithTag(row, read);
    const subnets = read.at('networksByVlan', name).map((network) => network.name);
    const fields = { subnets: subnets.sort(), conflict: rival !== undefined };
    yield { status: about, generation, owner: ownerOf(about), fields };
    if (rival) yield problem(about, 'VlanConflict', `vlan ${rival.meta.name} has the same provider network and id`);
  },
};
