// Multicast of a subnet that snoops: its switch asks who wants which group, from an address of the subnet's own, and
// sends a group's packets to those alone.
import type { Owner, RowFact } from '../../lib/delta/fact.ts';
import { formatIp, parseMac } from '../../lib/net/index.ts';
import type { JsonObject } from '../api/fact.ts';
import { querierIpName } from '../api/refs.ts';
import type { Network } from '../api/tables.ts';
import { vifPort } from '../nb/rows/switch.ts';
import { ownAddress } from './own-address.ts';
import type { WorldRead } from './reconciler.ts';

/** Keys of the switch's other_config. Without its address the switch snoops already, and asks nobody. */
export function snooping(network: Network, read: WorldRead): Readonly<Record<string, string>> {
  if (!network.multicastSnoop) return {};
  const querier = ownAddress(network, 'querier', read);
  if (!querier) return { mcast_snoop: 'true', mcast_querier: 'false' };
  const v4 = querier.addresses.find((address) => !address.includes(':'));
  return {
    mcast_snoop: 'true',
    mcast_querier: 'true',
    mcast_eth_src: querier.mac,
    ...(v4 !== undefined && { mcast_ip4_src: v4 }),
    ...(network.cidrs.some((cidr) => cidr.includes(':')) && { mcast_ip6_src: linkLocal(querier.mac) }),
  };
}

/** The port that holds the address: nobody is behind it, and OVN answers for it. */
export function* querierPort(owner: Owner, network: Network, read: WorldRead): Generator<RowFact> {
  const querier = ownAddress(network, 'querier', read);
  if (!querier) return;
  const { mac, addresses } = querier;
  yield vifPort({ owner, name: querierIpName(network.name), subnet: network.name, mac, addresses, chassis: '' });
}

export function querierFields(network: Network, read: WorldRead): JsonObject {
  const querier = ownAddress(network, 'querier', read);
  return { mcastQuerierIP: querier?.addresses.join(',') ?? '', mcastQuerierMAC: querier?.mac ?? '' };
}

/** RFC 4291 appendix A; RFC 3810 section 5.1.14 wants such a source of queries. */
function linkLocal(mac: string): string {
  const bits = BigInt(parseMac(mac) ?? 0) ^ (1n << 41n);
  const interfaceId = ((bits >> 24n) << 40n) | (0xfffen << 24n) | (bits & 0xffffffn);
  return formatIp({ family: 6, value: (0xfe80n << 112n) | interfaceId });
}
