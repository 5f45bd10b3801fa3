// DHCP of a subnet: one row per family, which the ports of its pods name, and a row of its own for a pod that asks for
// other options. OVN answers on the pod's node; there is no server anywhere.
import type { Owner, RowFact, RowId } from '../../lib/delta/fact.ts';
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { derivedMac } from '../../lib/net/index.ts';
import { dhcpOptions } from '../api/dhcp-options.ts';
import type { Options } from '../api/option-list.ts';
import { subnetRef } from '../api/refs.ts';
import type { Network } from '../api/tables.ts';
import type { Family } from '../nb/rows/address-set.ts';
import { dhcpId, dhcpRow } from '../nb/rows/dhcp.ts';
import { podGateways } from './interconnection.ts';
import { clusterOf, ofFamily } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';

const families = [4, 6] as const;

/** Of a frame that is not encapsulated. */
const ethernetMtu = 1500;

const cidrOf = ({ cidrs }: Network, family: Family): string | undefined =>
  cidrs.find((cidr) => cidr.includes(':') === (family === 6));

/** The rows of the subnet. */
export function* subnetDhcp(network: Network, read: WorldRead): Generator<RowFact> {
  if (!network.dhcp) return;
  const owner = ownerOf(subnetRef(network.name));
  for (const family of families) {
    const given = family === 4 ? network.dhcp.v4 : network.dhcp.v6;
    yield* row(network, { owner, family, given }, read);
  }
}

/** Ids of the subnet's rows, by family. */
export function subnetDhcpIds(network: Network): { readonly v4?: RowId; readonly v6?: RowId } {
  if (!network.dhcp) return {};
  const owner = ownerOf(subnetRef(network.name));
  return {
    ...(cidrOf(network, 4) !== undefined && { v4: dhcpId(owner, 4) }),
    ...(cidrOf(network, 6) !== undefined && { v6: dhcpId(owner, 6) }),
  };
}

/** What a port is answered with: the rows of its subnet, or in the families for which its pod has a text, its own. */
export interface PortDhcp {
  readonly rows: readonly RowFact[];
  readonly ids: { readonly v4?: RowId; readonly v6?: RowId };
  /** One sentence for each option that is left out. */
  readonly faults: readonly string[];
}

/** A port of a pod. */
export interface DhcpPort {
  readonly owner: Owner;
  readonly name: string;
  readonly addresses: readonly string[];
  /** As the pod's annotations have them; '' where it asks for nothing of its own. */
  readonly texts: Readonly<Record<Family, string>>;
}

const unanswered: PortDhcp = { rows: [], ids: {}, faults: [] };

/** Nothing is answered in a family of which the port has no address. */
export function portDhcp(network: Network, port: DhcpPort, read: WorldRead): PortDhcp {
  if (!network.dhcp && families.every((family) => port.texts[family] === '')) return unanswered;
  const own = families.filter((family) => port.addresses.some((text) => text.includes(':') === (family === 6)));
  const lists = own
    .filter((family) => port.texts[family] !== '')
    .map((family) => ({ family, ...dhcpOptions(family, port.texts[family]) }));
  const rows = lists.flatMap(({ family, options }) => [
    ...row(network, { owner: port.owner, family, given: options, port: port.name }, read),
  ]);
  const subnet = subnetDhcpIds(network);
  const idOf = (family: Family): RowId | undefined =>
    rows.find(({ id }) => id === dhcpId(port.owner, family, port.name))?.id;
  const [v4, v6] = [
    own.includes(4) ? (idOf(4) ?? subnet.v4) : undefined,
    own.includes(6) ? (idOf(6) ?? subnet.v6) : undefined,
  ];
  return {
    rows,
    ids: { ...(v4 && { v4 }), ...(v6 && { v6 }) },
    faults: lists.flatMap(({ faults }) => faults),
  };
}

interface Wanted {
  readonly owner: Owner;
  readonly family: Family;
  readonly given: Options;
  readonly port?: string;
}

/** What the user leaves out is filled in, since OVN answers nobody without it. */
function* row(network: Network, { owner, family, given, port }: Wanted, read: WorldRead): Generator<RowFact> {
  const cidr = cidrOf(network, family);
  if (cidr === undefined) return;
  const options = { ...defaults(network, family, read), ...given };
  yield dhcpRow({ owner, subnet: network.name, family, cidr, options, ...(port !== undefined && { port }) });
}

function defaults(network: Network, family: Family, read: WorldRead): Options {
  const cluster = clusterOf(read);
  const mac = derivedMac(cluster.salt, `dhcp ${network.name}`);
  if (family === 6) return { server_id: mac };
  const router = ofFamily(podGateways(network, read), '0.0.0.0');
  return {
    lease_time: '3600',
    ...(router !== undefined && { router }),
    server_id: '169.254.0.254',
    server_mac: mac,
    mtu: String(network.mtu || (network.vlan === '' ? cluster.overlayMtu : ethernetMtu)),
  };
}
