// What isolation is in OVN: groups of ports that drop what nothing allows, shared by all policies. Beside the drop each
// holds what keeps an isolated pod working, and at least one rule that tracks connections: a switch that has none tracks
// nothing, and replies to an isolated pod are then judged like packets of their own (OVN 25.03).
import { owner as ownerOf, rowId } from '../../lib/delta/ids.ts';
import type { Owner, RowFact, RowId } from '../../lib/delta/fact.ts';
import type { Enforcement, JudgedFacet } from '../api/facet.ts';
import { directions } from '../api/policy-row.ts';
import type { Direction } from '../api/policy-row.ts';
import { isolationRef } from '../api/refs.ts';
import type { SecurityGroupRow } from '../api/security-row.ts';
import { denyGroupName, dhcpGroupName } from '../nb/names.ts';
import { aclTier, adminAcl, networkPolicyAcl as priority } from '../nb/priorities.ts';
import { collectionRow, groupAcl, hairpin, peerField, portField } from '../nb/rows/policy.ts';
import type { GroupAcl, Log } from '../nb/rows/policy.ts';
import type { Entry, Projection, Reconciler } from './reconciler.ts';
import { securityDenial, securityIsolation } from './security-deny.ts';

const enforcements: readonly Enforcement[] = ['standard', 'lax'];

/** Keys of table `isolation`: the groups that somebody is in. */
export const anyIsolation = 'any';
export const dhcpIsolation = 'dhcp';
/** Rules of the administrator's are asked of what goes to some pods, before all others. */
export const judgedIsolation = 'judged';
/** Rules of the administrator's are asked of what leaves some pods, behind all others. */
export const baselineIsolation = 'baseline';
export const denyIsolation = (direction: Direction, enforcement: Enforcement): string => `${direction}.${enforcement}`;

const isolationOwner = (key: string): Owner => ownerOf(isolationRef(key));

const groupKey = 'group';

const idOf = (direction: Direction, enforcement: Enforcement): RowId =>
  rowId(isolationOwner(denyIsolation(direction, enforcement)), 'Port_Group', groupKey);

const denyGroupIds = {
  ingress: { standard: idOf('ingress', 'standard'), lax: idOf('ingress', 'lax') },
  egress: { standard: idOf('egress', 'standard'), lax: idOf('egress', 'lax') },
} as const;

export const denyGroupId = (direction: Direction, enforcement: Enforcement): RowId =>
  denyGroupIds[direction][enforcement];

export const dhcpGroupId: RowId = rowId(isolationOwner(dhcpIsolation), 'Port_Group', groupKey);

/** What an isolated pod may still be sent, by the kind of enforcement. */
const dropped: Readonly<Record<Enforcement, string>> = { standard: 'ip', lax: '(tcp || udp || sctp)' };

export interface Denial {
  readonly owner: Owner;
  /** Of the group that the rules hang in. */
  readonly group: { readonly id: RowId; readonly name: string };
  readonly direction: Direction;
  readonly enforcement: Enforcement;
  readonly log?: Log;
  /** Tells these rules from those that hang in another group of the owner; behind their keys. */
  readonly place?: string;
}

/** The drop of a group in one direction, and what it spares. */
export function* denial(wanted: Denial): Generator<RowFact> {
  const { owner, group, direction, enforcement, log, place = '' } = wanted;
  const subject = `${portField[direction]} == @${group.name}`;
  const rule = (key: string, match: string, rest: Pick<GroupAcl, 'action' | 'priority' | 'log'>): RowFact =>
    groupAcl({
      owner,
      key: `${direction}/${key}${place}`,
      group: group.id,
      direction,
      tier: aclTier.namespace,
      match,
      external: { parent: group.name },
      needs: [],
      ...rest,
    });
  yield rule('deny', `${subject} && ${dropped[enforcement]}`, {
    action: 'drop',
    priority: priority.deny,
    ...(log && { log }),
  });
  for (const family of [4, 6] as const) {
    const self = `ip${family}.${peerField[direction]} == ${hairpin[family]}`;
    // Nobody but a pod behind its own Service is met from there: in the group it is told by where it comes from, and
    // whoever in the group only says so is dropped as he sends. Towards it the rule meets nothing, and makes the switch track.
    const match =
      direction === 'ingress' ? `${subject} && inport == @${group.name} && ${self}` : `${subject} && ${self}`;
    yield rule(`hairpin/${family}`, match, { action: 'allow-related', priority: priority.allow });
    if (direction === 'ingress') yield forged(wanted, family);
  }
}

/**
 * Two rules that meet nothing, since nobody has that address. A switch none of whose rules tracks connections judges replies
 * like packets of their own; and what the last tier that is asked passes on begins no connection (OVN 25.03).
 */
export function* tracking(owner: Owner, group: Denial['group'], key: string): Generator<RowFact> {
  for (const direction of directions) {
    yield groupAcl({
      owner,
      key: `${key}/${direction}`,
      group: group.id,
      direction,
      tier: aclTier.namespace,
      priority: priority.allow,
      match: `${portField[direction]} == @${group.name} && ip4.dst == ${hairpin[4]}`,
      action: 'allow-related',
      external: { parent: group.name },
      needs: [],
    });
  }
}

const forged = ({ owner, group, place = '' }: Denial, family: 4 | 6): RowFact =>
  groupAcl({
    owner,
    key: `forged/${family}${place}`,
    group: group.id,
    direction: 'egress',
    tier: aclTier.namespace,
    priority: priority.forged,
    match: `inport == @${group.name} && ip${family}.src == ${hairpin[family]}`,
    action: 'drop',
    external: { parent: group.name },
    needs: [],
  });

/** Likewise, for pods that policies of the administrator's judge in these directions. */
export function* judgedIsolations(tier: JudgedFacet['tier'], judged: readonly Direction[]): Generator<Entry> {
  yield* isolationOf(judged, 'by itself');
  const key = tier === 'admin' ? judgedIsolation : baselineIsolation;
  if (judged.includes(tier === 'admin' ? 'ingress' : 'egress')) yield { entry: 'isolation', key, value: key };
}

/** Rows of table `isolation`, shared: what has to be there for whoever isolates pods in these directions. */
export function* isolationOf(isolated: readonly Direction[], enforcement: Enforcement | 'by itself'): Generator<Entry> {
  const entry = (key: string): Entry => ({ entry: 'isolation', key, value: key });
  if (isolated.length > 0) yield entry(anyIsolation);
  if (isolated.includes('egress')) yield entry(dhcpIsolation);
  if (enforcement !== 'by itself') for (const direction of isolated) yield entry(denyIsolation(direction, enforcement));
}

/** Table `isolation`, too: whoever is in a SecurityGroup may do what its rules say, and no more. */
export const securityIsolations: Projection<SecurityGroupRow, string> = function* () {
  yield [anyIsolation, anyIsolation];
  yield [securityIsolation, securityIsolation];
};

/** Rules of the groups that are in use, by a key of table `isolation`. */
export const isolation: Reconciler<string> = {
  kind: 'Isolation',
  *desired(key) {
    if (key === dhcpIsolation) yield* dhcp();
    if (key === securityIsolation) yield* securityDenial();
    for (const direction of directions) {
      for (const enforcement of enforcements) {
        if (key === denyIsolation(direction, enforcement)) yield* shared(direction, enforcement);
      }
    }
  },
};

const emptyGroup = (owner: Owner, group: Denial['group']): RowFact =>
  collectionRow({ row: 'Port_Group', owner, key: groupKey, external: {}, ...group });

function* shared(direction: Direction, enforcement: Enforcement): Generator<RowFact> {
  const owner = isolationOwner(denyIsolation(direction, enforcement));
  const group = { id: denyGroupId(direction, enforcement), name: denyGroupName(direction, enforcement) };
  yield emptyGroup(owner, group);
  yield* denial({ owner, group, direction, enforcement });
}

/** What leaves a pod is judged before OVN's own DHCP server sees it. */
function* dhcp(): Generator<RowFact> {
  const owner = isolationOwner(dhcpIsolation);
  yield emptyGroup(owner, { id: dhcpGroupId, name: dhcpGroupName });
  for (const [family, client, server] of [
    [4, 68, 67],
    [6, 546, 547],
  ] as const) {
    yield groupAcl({
      owner,
      key: `client/${family}`,
      group: dhcpGroupId,
      direction: 'egress',
      tier: aclTier.admin,
      priority: adminAcl.alive,
      match: `inport == @${dhcpGroupName} && ip${family} && udp.src == ${client} && udp.dst == ${server}`,
      action: 'allow-related',
      external: { parent: dhcpGroupName },
      needs: [],
    });
  }
}
