// Rows of a VPC's logical router: the router, its ports towards subnets, its routes and its policies.
import { rowId, owner as ownerOf } from '../../../lib/delta/ids.ts';
import type { Owner, Place, RowFact, RowId } from '../../../lib/delta/fact.ts';
import { vpcRef } from '../../api/refs.ts';
import { map, row, set } from './row.ts';

const vpcOwner = (vpc: string): Owner => ownerOf(vpcRef(vpc));

export const routerId = (vpc: string): RowId => rowId(vpcOwner(vpc), 'Logical_Router', vpc);

const onRouter = (vpc: string, column: string): Place => ({ row: 'Logical_Router', id: routerId(vpc), column });

/**
 * Kube-OVN's options: neighbours age, and are learned from what they answer rather than resolved in advance. A router
 * with neighbours beyond its subnets (`learns`) learns from their requests as well.
 */
export const logicalRouter = (vpc: string, learns = false): RowFact =>
  row('Logical_Router', {
    owner: vpcOwner(vpc),
    name: vpc,
    columns: {
      name: vpc,
      options: map({
        mac_binding_age_threshold: '300',
        dynamic_neigh_routers: 'true',
        ...(!learns && { always_learn_from_arp_request: 'false' }),
      }),
    },
  });

export interface RouterPort {
  readonly owner: Owner;
  readonly vpc: string;
  readonly name: string;
  readonly mac: string;
  /** Addresses with prefix length. */
  readonly networks: readonly string[];
  /** '' for the main table. */
  readonly routeTable: string;
  /** Options of its advertisements (IPv6); it makes none without them. */
  readonly advertised?: Readonly<Record<string, string>>;
}

export const routerPort = ({ owner, vpc, name, mac, networks, routeTable, advertised = {} }: RouterPort): RowFact =>
  row('Logical_Router_Port', {
    owner,
    // There is one per owner: a renamed port is the same row.
    name: 'port',
    columns: {
      name,
      mac,
      networks: set(...networks),
      options: map(routeTable === '' ? {} : { route_table: routeTable }),
      ipv6_ra_configs: map(advertised),
    },
    external: { lr: vpc },
    in: onRouter(vpc, 'ports'),
  });

export interface PeerPort extends Omit<RouterPort, 'routeTable' | 'advertised'> {
  /** The VPC at the other end. */
  readonly remote: string;
  /** Name of the port at the other end. */
  readonly peer: string;
}

export const peerPort = ({ owner, vpc, remote, name, mac, networks, peer }: PeerPort): RowFact =>
  row('Logical_Router_Port', {
    owner,
    // There is one per peer: a renamed port is the same row.
    name: `peer ${remote}`,
    columns: { name, mac, networks: set(...networks), peer: set(peer) },
    external: { lr: vpc },
    in: onRouter(vpc, 'ports'),
  });

export interface BfdPort extends Omit<RouterPort, 'routeTable'> {
  /** Row of the chassis that may host it. */
  readonly group: RowId;
}

/** Carries BFD and no traffic: `bfd-only` keeps an OVN that knows it from making the router a gateway for its sake. */
export const bfdPort = ({ owner, vpc, name, mac, networks, group }: BfdPort): RowFact =>
  row('Logical_Router_Port', {
    owner,
    name: 'bfd',
    columns: {
      name,
      mac,
      networks: set(...networks),
      options: map({ 'bfd-only': 'true' }),
      ha_chassis_group: set(group),
    },
    external: { lr: vpc },
    in: onRouter(vpc, 'ports'),
  });

/** Towards the switch of an external subnet: hosted by one of the chassis in its column gateway_chassis. */
export const externalPort = ({
  owner,
  vpc,
  name,
  mac,
  networks,
}: Omit<RouterPort, 'routeTable' | 'advertised'>): RowFact =>
  row('Logical_Router_Port', {
    owner,
    name: 'port',
    columns: { name, mac, networks: set(...networks) },
    external: { lr: vpc },
    in: onRouter(vpc, 'ports'),
  });

export interface GatewayChassis {
  /** Of the port, too. */
  readonly owner: Owner;
  /** Name of the port. */
  readonly port: string;
  /** Names of chassis, the preferred one first. */
  readonly chassis: readonly string[];
}

/** Which chassis may host a port of `externalPort`, with Kube-OVN's priorities. */
export function* gatewayChassis({ owner, port, chassis }: GatewayChassis): Generator<RowFact> {
  for (const [at, chassisName] of chassis.entries()) {
    const name = `${port}-${chassisName}`;
    yield row('Gateway_Chassis', {
      owner,
      name,
      columns: { name, chassis_name: chassisName, priority: Math.max(firstChassis - at, 0) },
      external: { lrp: port },
      in: { row: 'Logical_Router_Port', id: rowId(owner, 'Logical_Router_Port', 'port'), column: 'gateway_chassis' },
    });
  }
}

const firstChassis = 100;

export interface Route {
  readonly owner: Owner;
  readonly vpc: string;
  readonly prefix: string;
  readonly nexthop: string;
  readonly policy: 'dst-ip' | 'src-ip';
  readonly routeTable: string;
  /** Replies leave by the next hop that the request came from. */
  readonly symmetric?: boolean;
  /** Row of table BFD that watches the next hop. It is somebody else's, and the route waits for it. */
  readonly bfd?: string;
  readonly external?: Readonly<Record<string, string>>;
}

export const staticRoute = (route: Route): RowFact =>
  row('Logical_Router_Static_Route', {
    owner: route.owner,
    name: [route.policy, route.prefix, route.routeTable, route.nexthop].join(' '),
    columns: {
      ip_prefix: route.prefix,
      nexthop: route.nexthop,
      policy: set(route.policy),
      route_table: route.routeTable,
      options: map(route.symmetric === true ? { ecmp_symmetric_reply: 'true' } : {}),
      bfd: set(...(route.bfd === undefined ? [] : [route.bfd])),
    },
    external: route.external ?? {},
    in: onRouter(route.vpc, 'static_routes'),
  });

export interface Policy {
  readonly owner: Owner;
  readonly vpc: string;
  /** Unique among the policies of the owner; what may change (a next hop) is not part of it. */
  readonly name: string;
  readonly priority: number;
  readonly match: string;
  readonly action: 'allow' | 'drop' | 'reroute';
  readonly nexthops?: readonly string[];
  readonly external?: Readonly<Record<string, string>>;
  /** Port groups and address sets that `match` names. */
  readonly needs?: readonly RowId[];
}

export const routerPolicy = (policy: Policy): RowFact =>
  row('Logical_Router_Policy', {
    owner: policy.owner,
    name: policy.name,
    columns: {
      priority: policy.priority,
      match: policy.match,
      action: policy.action,
      nexthops: set(...(policy.nexthops ?? [])),
    },
    external: policy.external ?? {},
    in: onRouter(policy.vpc, 'policies'),
    ...(policy.needs && { needs: policy.needs }),
  });
