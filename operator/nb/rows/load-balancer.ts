// Rows of load balancing: the balancer of a Service, Kube-OVN's six of a VPC, the group by which the switches of a VPC
// have all of its Services, and what the addresses come to on each chassis. Addresses are members: one backend that
// changes is one key of one row.
import { owner as ownerOf, rowId } from '../../../lib/delta/ids.ts';
import type { MemberFact, Owner, RowFact, RowId } from '../../../lib/delta/fact.ts';
import { nodeRef, vpcRef } from '../../api/refs.ts';
import { balancerGroupName, protocols, vpcBalancerName, type Protocol } from '../names.ts';
import { hairpin } from './policy.ts';
import { map, row, set } from './row.ts';

const vpcOwner = (vpc: string): Owner => ownerOf(vpcRef(vpc));

export const balancerId = (owner: Owner, key: string): RowId => rowId(owner, 'Load_Balancer', key);

const groupId = (vpc: string): RowId => rowId(vpcOwner(vpc), 'Load_Balancer_Group', 'services');

/** How one client is kept with one backend. */
export interface Affinity {
  /** For so many after its last packet. OVN drops the first packet of a client that it has to remember. */
  readonly seconds?: number;
  /** Its address says which, as long as the backends are the same. */
  readonly byAddress?: true;
}

/** OVN counts in 16 bits. */
const longestAffinity = 65_535;

/** For so many seconds, or without an end where OVN cannot count so far. */
export const affinityOf = (seconds: number): Affinity =>
  seconds > longestAffinity ? { byAddress: true } : { seconds };

export interface Balancer {
  readonly owner: Owner;
  /** Unique among the balancers of the owner. */
  readonly key: string;
  readonly name: string;
  readonly protocol: Protocol;
  readonly affinity?: Affinity;
  /** Backends differ from chassis to chassis: the row names variables, all of one family. */
  readonly template?: 4 | 6;
  readonly external?: Readonly<Record<string, string>>;
}

/** Fields by which backends are chosen when a client stays with its own: of both families, unless one is named. */
const clientFields = (family?: 4 | 6): string[] =>
  [family !== 6 && 'ip_src', family !== 4 && 'ipv6_src'].filter((field) => field !== false);

/**
 * Who has no backend refuses; who reaches itself comes from an address that rules know; a UDP client is let go when its
 * backend goes, since nothing else would tell it.
 */
export const balancer = ({
  owner,
  key,
  name,
  protocol,
  affinity: { seconds, byAddress } = {},
  template,
  external = {},
}: Balancer): RowFact =>
  row('Load_Balancer', {
    owner,
    name: key,
    columns: {
      name,
      protocol: set(protocol),
      selection_fields: set(...(byAddress ? clientFields(template) : [])),
      options: map({
        hairpin_snat_ip: `${hairpin[4]} ${hairpin[6]}`,
        reject: 'true',
        ...(protocol === 'udp' && { ct_flush: 'true' }),
        ...(seconds !== undefined && { affinity_timeout: String(seconds) }),
        ...(template && { template: 'true', 'address-family': `ipv${template}` }),
      }),
    },
    external,
  });

/** Balancer of a VPC for a protocol, without and with affinity. */
export const vpcBalancerId = (vpc: string, protocol: Protocol, session: boolean): RowId =>
  balancerId(vpcOwner(vpc), `${protocol}${session ? ' session' : ''}`);

/** Kube-OVN's, which all share that are in such a row. */
const sharedAffinity: Affinity = { seconds: 10_800, byAddress: true };

const kinds = protocols.flatMap((protocol) => [false, true].map((session) => ({ protocol, session })));

/** The group of a VPC's Services, and the six rows that Kube-OVN's users look for. */
export function* vpcBalancers(vpc: string, isDefault: boolean): Generator<RowFact> {
  yield {
    row: 'Load_Balancer_Group',
    id: groupId(vpc),
    owner: vpcOwner(vpc),
    columns: { name: balancerGroupName(vpc) },
  };
  for (const { protocol, session } of kinds) {
    yield balancer({
      owner: vpcOwner(vpc),
      key: `${protocol}${session ? ' session' : ''}`,
      name: vpcBalancerName(vpc, isDefault, { protocol, session }),
      protocol,
      ...(session && { affinity: sharedAffinity }),
    });
  }
}

/** That the balancers of a VPC are on a row: on a switch all of them, on a router those of rules. */
export function* balancersOn(
  place: { readonly row: 'Logical_Switch' | 'Logical_Router'; readonly id: RowId },
  vpc: string,
  owner: Owner,
): Generator<MemberFact> {
  const on = { member: place.row, id: place.id, owner };
  for (const { protocol, session } of kinds)
    yield { ...on, column: 'load_balancer', element: vpcBalancerId(vpc, protocol, session) };
  if (place.row === 'Logical_Switch') yield { ...on, column: 'load_balancer_group', element: groupId(vpc) };
}

/** That the balancer is among those of the VPC's Services. */
export const inGroup = (vpc: string, id: RowId, owner: Owner): MemberFact => ({
  member: 'Load_Balancer_Group',
  id: groupId(vpc),
  column: 'load_balancer',
  element: id,
  owner,
});

/** `address` is address and port, `backends` a list of such, or the names of variables for both. */
export const vip = (id: RowId, address: string, backends: string, owner: Owner): MemberFact => ({
  member: 'Load_Balancer',
  id,
  column: 'vips',
  element: address,
  value: backends,
  owner,
});

/**
 * By which port of a node what comes from outside reaches an address, whose clients are to meet backends of that node:
 * what Kube-OVN's patched OVN reads there.
 */
export const announced = (id: RowId, address: string, port: string, owner: Owner): MemberFact => ({
  member: 'Load_Balancer',
  id,
  column: 'external_ids',
  element: `kube-ovn.io/local-external-vip/${address}`,
  value: port,
  owner,
});

/** What the balancer is asked about an address: as Kube-OVN has it. */
const checkOptions = { timeout: '20', interval: '5', success_count: '3', failure_count: '3' };

export const healthCheck = ({
  owner,
  balancer: id,
  vip: address,
  subnet,
}: {
  readonly owner: Owner;
  readonly balancer: RowId;
  readonly vip: string;
  /** Of the backends. */
  readonly subnet: string;
}): RowFact =>
  row('Load_Balancer_Health_Check', {
    owner,
    name: `${id} ${address}`,
    columns: { vip: address, options: map(checkOptions) },
    external: { switch_lb_subnet: subnet },
    in: { row: 'Load_Balancer', id, column: 'health_check' },
  });

/** By which port a backend is asked, and from which address. */
export const monitored = ({
  owner,
  balancer: id,
  backend,
  port,
  from,
}: {
  readonly owner: Owner;
  readonly balancer: RowId;
  readonly backend: string;
  readonly port: string;
  readonly from: string;
}): MemberFact => ({
  member: 'Load_Balancer',
  id,
  column: 'ip_port_mappings',
  element: backend,
  value: `${port}:${from}`,
  owner,
});

const chassisId = (node: string): RowId => rowId(ownerOf(nodeRef(node)), 'Chassis_Template_Var', 'variables');

/** Where variables have their values on a chassis. */
export const chassisVariables = (node: string, chassis: string): RowFact =>
  row('Chassis_Template_Var', { owner: ownerOf(nodeRef(node)), name: 'variables', columns: { chassis } });

export const variable = (node: string, name: string, value: string, owner: Owner): MemberFact => ({
  member: 'Chassis_Template_Var',
  id: chassisId(node),
  column: 'variables',
  element: name,
  value,
  owner,
});

/** `address:port`, with brackets where there are colons. */
export const withPort = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
