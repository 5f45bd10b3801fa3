// Links between routers of VPCs. Each VPC states its own end; packets pass once both have, and where routes of the user
// send them. An end that cannot be made is left out and named; the others stand. Names of ends are made of two names
// joined by "-", so an end can come to the name of another, or of the port towards a subnet: then it gives way.
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { derivedMac, formatPrefix, parsePrefix } from '../../lib/net/index.ts';
import type { Fact } from '../api/fact.ts';
import { commaList } from '../api/json.ts';
import { vpcRef } from '../api/refs.ts';
import type { VpcRow } from '../api/tables.ts';
import type { VpcSpec } from '../api/vpc.gen.ts';
import { peerPortName, suffixed } from '../nb/names.ts';
import { peerPort } from '../nb/rows/router.ts';
import { clusterOf, problem } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';

interface Peering {
  readonly remote: string;
  /** Addresses with prefix length, as OVN takes them. */
  readonly networks: readonly string[];
}

/** The ports of the router towards other routers. */
export function* peerings(row: VpcRow, read: WorldRead): Generator<Fact> {
  const { name } = row.meta;
  const about = vpcRef(name);
  const { salt } = clusterOf(read);
  for (const { remote, networks } of usable(row, read)) {
    const port = portName(name, remote, read);
    const mac = derivedMac(salt, port);
    const peer = portName(remote, name, read);
    yield peerPort({ owner: ownerOf(about), vpc: name, remote, name: port, mac, networks, peer });
    const plain = peerPortName(name, remote);
    if (port !== plain) yield problem(about, 'NameCollision', `${plain}: another port has this name`);
  }
  for (const given of stated(row)) {
    const wrong = fault(row, given, read);
    if (wrong !== undefined) yield problem(about, 'PeeringInvalid', peeringMessage(given, wrong));
  }
}

/** Keys of the index `vpcsByPeering`: the names of the ports of the VPC's own ends. */
export const peeringKeys = (row: VpcRow): string[] => [
  ...new Set(stated(row).map(({ remoteVpc }) => peerPortName(row.meta.name, remoteVpc))),
];

/** The name of an end, by which both VPCs know it: plain unless a subnet's port or an earlier VPC's end has it. */
function portName(vpc: string, remote: string, read: WorldRead): string {
  const plain = peerPortName(vpc, remote);
  const ofSubnet = read.at('networksByPort', `lrp ${plain}`).length > 0;
  const rivals = read.at('vpcsByPeering', plain).filter((other) => other.meta.name < vpc);
  const taken = ofSubnet || rivals.some((other) => endsOf(other, read).includes(plain));
  return taken ? suffixed(plain, ownerOf(vpcRef(vpc))) : plain;
}

/** Plain names of the ends that can be made. */
const endsOf = (row: VpcRow, read: WorldRead): string[] =>
  usable(row, read).map(({ remote }) => peerPortName(row.meta.name, remote));

/** Names of the VPCs that this one has an end towards. */
export const peersOf = (row: VpcRow, read: WorldRead): string[] =>
  usable(row, read)
    .map(({ remote }) => remote)
    .sort();

type Given = Readonly<Required<NonNullable<VpcSpec['vpcPeerings']>[number]>>;

const stated = (row: VpcRow): Given[] => {
  const { vpcPeerings = [] }: VpcSpec = row.spec;
  return vpcPeerings.map((given) => ({ remoteVpc: '', localConnectIP: '', ...given }));
};

function usable(row: VpcRow, read: WorldRead): Peering[] {
  const good = stated(row).filter((given) => fault(row, given, read) === undefined);
  // Of two with one VPC the first counts: there is one port.
  const first = new Map(good.toReversed().map(({ remoteVpc, localConnectIP }) => [remoteVpc, localConnectIP]));
  return [...first].map(([remote, text]) => ({
    remote,
    networks: networksOf(text).map(({ text: network }) => network),
  }));
}

const networksOf = (text: string): { text: string; family: 4 | 6 | undefined }[] =>
  commaList(text).map((part) => {
    const prefix = parsePrefix(part);
    return { text: prefix === undefined ? part : formatPrefix(prefix), family: prefix?.ip.family };
  });

function fault(row: VpcRow, given: Given, read: WorldRead): string | undefined {
  return malformed(row, given) ?? (read.get('realm', given.remoteVpc) ? undefined : 'this VPC does not exist');
}

/** What is wrong with an end whatever else there is. */
function malformed({ meta: { name } }: VpcRow, { remoteVpc, localConnectIP }: Given): string | undefined {
  if (remoteVpc === name) return 'a VPC has no peering with itself';
  const networks = networksOf(localConnectIP);
  const families = new Set(networks.map(({ family }) => family));
  if (networks.length === 0 || families.has(undefined) || families.size < networks.length) {
    return `localConnectIP ${localConnectIP} is not an address with its prefix length, one per family`;
  }
  return undefined;
}

/** Messages about ends that cannot be made whatever else there is. */
export const peeringFaults = (row: VpcRow): string[] =>
  stated(row).flatMap((given) => {
    const wrong = malformed(row, given);
    return wrong === undefined ? [] : [peeringMessage(given, wrong)];
  });

const peeringMessage = ({ remoteVpc }: Given, wrong: string): string => `peering with ${remoteVpc}: ${wrong}`;
