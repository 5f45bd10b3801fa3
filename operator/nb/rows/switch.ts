// Rows of a subnet's logical switch: the switch, its ports towards the router and a physical network, and the ports of
// pods and nodes. These are plain, unless somebody asks for more: no `unknown` address, no tag, no QoS in options, or
// northd cannot handle them one by one.
import { owner as ownerOf, rowId } from '../../../lib/delta/ids.ts';
import type { Owner, Place, RowFact, RowId } from '../../../lib/delta/fact.ts';
import { subnetRef } from '../../api/refs.ts';
import { localnetPortName } from '../names.ts';
import { map, row, set } from './row.ts';

const subnetOwner = (subnet: string): Owner => ownerOf(subnetRef(subnet));

export const switchId = (subnet: string): RowId => onSwitch(subnet).id;

/** Where ports of a switch hang, by subnet: every port has the place, and its id is a hash. Emptied when it is full. */
const places = new Map<string, Place>();

const mostPlaces = 10_000;

function onSwitch(subnet: string): Place {
  const known = places.get(subnet);
  if (known) return known;
  if (places.size >= mostPlaces) places.clear();
  const id = rowId(subnetOwner(subnet), 'Logical_Switch', subnet);
  const place: Place = { row: 'Logical_Switch', id, column: 'ports' };
  places.set(subnet, place);
  return place;
}

/** Where the rules of a switch hang. */
export const acls = (subnet: string): Place => ({ row: 'Logical_Switch', id: switchId(subnet), column: 'acls' });

/** `config` are keys of other_config. */
export const logicalSwitch = (subnet: string, config: Readonly<Record<string, string>> = {}): RowFact =>
  row('Logical_Switch', {
    owner: subnetOwner(subnet),
    name: subnet,
    columns: { name: subnet, other_config: map(config) },
  });

export interface RouterTypePort {
  readonly subnet: string;
  readonly name: string;
  readonly routerPort: string;
  /** Addresses on the switch that the router answers for. */
  readonly proxied: readonly string[];
}

/** The switch's end of the link to the router; northd copies the addresses of the router's end. */
export const routerTypePort = ({ subnet, name, routerPort, proxied }: RouterTypePort): RowFact =>
  row('Logical_Switch_Port', {
    owner: subnetOwner(subnet),
    name: 'router',
    columns: {
      name,
      type: 'router',
      addresses: set('router'),
      options: map({ 'router-port': routerPort, ...(proxied.length > 0 && { arp_proxy: proxied.join(' ') }) }),
    },
    external: { ls: subnet },
    in: onSwitch(subnet),
  });

/** The end of the link to a router that meets the subnet as an external one; it is the VPC's. */
export const externalRouterTypePort = ({
  owner,
  subnet,
  name,
  routerPort,
}: Omit<RouterTypePort, 'proxied'> & { readonly owner: Owner }): RowFact =>
  row('Logical_Switch_Port', {
    owner,
    name: 'router',
    columns: { name, type: 'router', addresses: set('router'), options: map({ 'router-port': routerPort }) },
    external: { ls: subnet },
    in: onSwitch(subnet),
  });

export interface LocalnetPort {
  readonly subnet: string;
  /** As `ovn-bridge-mappings` of the nodes names it. */
  readonly provider: string;
  /** 0 is untagged. */
  readonly tag: number;
  readonly cidrs: readonly string[];
}

/** Where the switch meets a physical network; everybody there is behind it. */
export const localnetPort = ({ subnet, provider, tag, cidrs }: LocalnetPort): RowFact => {
  const v4 = cidrs.find((cidr) => !cidr.includes(':'));
  const v6 = cidrs.find((cidr) => cidr.includes(':'));
  return row('Logical_Switch_Port', {
    owner: subnetOwner(subnet),
    name: 'localnet',
    columns: {
      name: localnetPortName(subnet),
      type: 'localnet',
      addresses: set('unknown'),
      options: map({ network_name: provider }),
      tag: new Set(tag > 0 ? [tag] : []),
    },
    external: { ls: subnet, ...(v4 && { ipv4_network: v4 }), ...(v6 && { ipv6_network: v6 }) },
    in: onSwitch(subnet),
  });
};

export interface VifPort {
  readonly owner: Owner;
  /** Logical_Switch_Port.name, the `iface-id` of the interface. */
  readonly name: string;
  readonly subnet: string;
  readonly mac: string;
  /** IPv4 first. */
  readonly addresses: readonly string[];
  /**
   * Name or hostname of the only chassis that may bind the port (ovn-nb(5)); '' is any. `a,b` while a virtual machine
   * moves from a to b: nothing passes at b before the machine has announced itself there by a RARP.
   */
  readonly chassis: string;
  /** Rows of DHCP that the port is answered with. */
  readonly dhcp?: { readonly v4?: RowId; readonly v6?: RowId };
  readonly external?: Readonly<Record<string, string>>;
  /** Takes what no other port of the switch has. */
  readonly forwards?: boolean;
  /** The addresses that it may send from, with the MAC; absent leaves the column to others. */
  readonly security?: readonly string[];
}

const none = set();

/** Id of a port that a pod or node has under this name. */
export const vifPortId = (owner: Owner, name: string): RowId => rowId(owner, 'Logical_Switch_Port', name);

export const vifPort = (port: VifPort): RowFact =>
  row('Logical_Switch_Port', {
    owner: port.owner,
    name: port.name,
    columns: {
      name: port.name,
      addresses: set([port.mac, ...port.addresses].join(' '), ...(port.forwards === true ? ['unknown'] : [])),
      ...(port.security && { port_security: port.security.length > 0 ? set(port.security.join(' ')) : none }),
      options: map(binding(port.chassis)),
      dhcpv4_options: port.dhcp?.v4 ? set(port.dhcp.v4) : none,
      dhcpv6_options: port.dhcp?.v6 ? set(port.dhcp.v6) : none,
    },
    external: { ...port.external, ls: port.subnet },
    in: onSwitch(port.subnet),
  });

const binding = (chassis: string): Readonly<Record<string, string>> => ({
  ...(chassis !== '' && { 'requested-chassis': chassis }),
  ...(chassis.includes(',') && { 'activation-strategy': 'rarp' }),
});

export interface VirtualPort {
  readonly owner: Owner;
  readonly name: string;
  readonly subnet: string;
  /** One address: OVN takes no two. */
  readonly address: string;
  /** Names of the ports of which one answers for it at a time. */
  readonly parents: readonly string[];
}

/** An address that wanders between ports: it is where it was last announced. */
export const virtualPort = ({ owner, name, subnet, address, parents }: VirtualPort): RowFact =>
  row('Logical_Switch_Port', {
    owner,
    name: `virtual ${address}`,
    columns: {
      name,
      type: 'virtual',
      options: map({ 'virtual-ip': address, ...(parents.length > 0 && { 'virtual-parents': parents.join(',') }) }),
    },
    external: { ls: subnet },
    in: onSwitch(subnet),
  });
