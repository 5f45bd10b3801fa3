// Which groups and sets a pod's port is in: what is wanted of the selections that match the pod, as far as it concerns
// this port. Costs as many facets as the pod has, whatever the number of policies. What modules tell apart (table
// `classed`) counts as a selection. Members are the pod's own facts: they are written with its port, and its address is
// free only when they are gone.
import type { MemberFact } from '../../lib/delta/fact.ts';
import type { Enforcement, Facet } from '../api/facet.ts';
import type { Direction } from '../api/policy-row.ts';
import type { PortRow } from '../api/policy-tables.ts';
import { groupMember, nodeGroupId } from '../nb/rows/group.ts';
import { memberOf } from '../nb/rows/policy.ts';
import { denyGroupId, dhcpGroupId } from './default-deny.ts';
import type { RowReconciler, WorldRead } from './reconciler.ts';
import { securityMembers } from './security-membership.ts';

const none: readonly string[] = [];

export const membership: RowReconciler<PortRow> = {
  kind: 'Membership',
  *desired(port, read) {
    const facets = facetsOf(port, read).filter((facet) => concerns(facet, port, read));
    for (const facet of facets) if (!isDropped(facet, facets)) yield* members(facet, port);
    yield* asItSends(facets, port);
    yield* securityMembers(port, read);
  },
};

const facetsOf = ({ pod }: PortRow, read: WorldRead): Facet[] =>
  [...(read.get('matched', pod) ?? none), ...(read.get('classed', pod) ?? none)].flatMap((selection) =>
    read.at('facetsBySelection', selection),
  );

/** Groups of ports of which something that they send may be dropped. */
function* asItSends(facets: readonly Facet[], { id, owner, dhcp, node }: PortRow): Generator<MemberFact> {
  const isolated = facets.some((facet) => isolates(facet, 'egress'));
  const judged = facets.some((facet) => facet.kind === 'judged' && facet.direction === 'egress');
  if (dhcp && (isolated || judged)) yield memberOf({ row: 'Port_Group', id: dhcpGroupId }, id, owner);
  if (node !== '' && !isolated && facets.some(isBaseline)) yield groupMember(nodeGroupId(node, 'baseline'), id, owner);
}

const isBaseline = (facet: Facet): boolean =>
  facet.kind === 'judged' && facet.tier === 'baseline' && facet.direction === 'egress';

/** A group of its own drops what the shared one would, and its log is to say so. */
function isDropped(facet: Facet, all: readonly Facet[]): boolean {
  if (facet.kind !== 'deny') return false;
  const { direction, enforcement } = facet;
  const covers = (own: Enforcement): boolean => own === 'standard' || enforcement === 'lax';
  return all.some(
    (other) =>
      other.kind === 'group' &&
      other.isolates?.directions.includes(direction) === true &&
      covers(other.isolates.enforcement),
  );
}

function concerns(facet: Facet, port: PortRow, read: WorldRead): boolean {
  if (facet.providers.length > 0 && !facet.providers.includes(port.provider)) return false;
  if (facet.kind === 'group' && facet.vpc !== port.vpc) return false;
  if (facet.kind === 'set' && !isReachable(facet.vpc, port, read)) return false;
  if (facet.among && !isAmong(facet.among, port, read)) return false;
  return facet.port === undefined || hasPort(facet.port, port, read);
}

/** Addresses mean something in one VPC, in those that it peers with, and everywhere when the network is physical. */
const isReachable = (vpc: string, port: PortRow, read: WorldRead): boolean =>
  vpc === port.vpc || port.underlay || (read.get('realm', vpc)?.peers.includes(port.vpc) ?? false);

const isAmong = (selections: readonly string[], { pod }: PortRow, read: WorldRead): boolean =>
  read.get('matched', pod)?.some((selection) => selections.includes(selection)) === true;

function hasPort({ name, protocol, number }: NonNullable<Facet['port']>, port: PortRow, read: WorldRead): boolean {
  const ports = read.get('namedPorts', port.pod) ?? [];
  return ports.some((own) => own.name === name && own.protocol === protocol && own.number === number);
}

const isolates = (facet: Facet, direction: Direction): boolean =>
  (facet.kind === 'deny' && facet.direction === direction) ||
  (facet.kind === 'group' && facet.isolates?.directions.includes(direction) === true);

function* members(facet: Facet, { id, addresses, owner }: PortRow): Generator<MemberFact> {
  switch (facet.kind) {
    case 'group':
      yield memberOf(facet.into, id, owner);
      return;
    case 'deny':
      yield memberOf({ row: 'Port_Group', id: denyGroupId(facet.direction, facet.enforcement) }, id, owner);
      return;
    case 'set':
      for (const address of addresses)
        if (address.includes(':') === (facet.family === 6)) yield memberOf(facet.into, address, owner);
      return;
    case 'judged':
    case 'nodes':
    case 'domain':
  }
}
