// Rows of policies: port groups and address sets of selections, and the ACLs that hang in a group.
import type { MemberFact, Owner, Place, RowFact, RowId } from '../../../lib/delta/fact.ts';
import type { Collection } from '../../api/facet.ts';
import type { Direction } from '../../api/policy-row.ts';
import { row, set } from './row.ts';

/** As ovn-nb(5) has it: what goes to a pod is judged on its way to the port, what comes from it behind the load balancer. */
export const toOvn = { ingress: 'to-lport', egress: 'from-lport' } as const satisfies Record<Direction, string>;

/** The port of the subject in a match. */
export const portField = { ingress: 'outport', egress: 'inport' } as const satisfies Record<Direction, string>;

/** The address of the other side in a match. */
export const peerField = { ingress: 'src', egress: 'dst' } as const satisfies Record<Direction, string>;

/** Address from which a pod is reached that reaches itself through a Service: `hairpin_snat_ip` of load balancers. */
export const hairpin = { 4: '169.254.0.5', 6: 'fd69::5' } as const;

export const collectionRow = ({ row: table, id, owner, key, name, external }: Collection): RowFact =>
  row(table, { owner, name: key, id, columns: { name }, external });

/** Where the rules of a group hang. */
export const groupAcls = (group: RowId): Place => ({ row: 'Port_Group', id: group, column: 'acls' });

export interface Log {
  readonly name: string;
  readonly severity: 'warning' | 'info';
  /** Name of a Meter; absent: every packet. */
  readonly meter?: string;
}

export interface GroupAcl {
  readonly owner: Owner;
  /** Unique among the rules of the owner. */
  readonly key: string;
  /** ACL.name, for people. */
  readonly name?: string;
  readonly group: RowId;
  readonly direction: Direction;
  readonly tier: number;
  readonly priority: number;
  readonly match: string;
  readonly action: 'allow-related' | 'allow' | 'drop' | 'reject' | 'pass';
  readonly log?: Log;
  readonly external?: Readonly<Record<string, string>>;
  /** Groups and sets that the match names. */
  readonly needs: readonly RowId[];
}

const none = set();
const noOptions: ReadonlyMap<string, string> = new Map();
const behindLoadBalancers: ReadonlyMap<string, string> = new Map([['apply-after-lb', 'true']]);

/** ACL.name is limited in the schema. */
const longestName = 63;

/** A rule of a group; from the port it is judged after load balancing, so that tiers mean the same in both directions. */
export const groupAcl = (acl: GroupAcl): RowFact => {
  const { owner, key, name, group, direction, tier, priority, match, action, log, external = {}, needs } = acl;
  const label = log?.name ?? name;
  return row('ACL', {
    owner,
    name: key,
    columns: {
      direction: toOvn[direction],
      priority,
      match,
      action,
      tier,
      options: direction === 'egress' ? behindLoadBalancers : noOptions,
      log: log !== undefined,
      name: label === undefined ? none : set(label.slice(0, longestName)),
      severity: log ? set(log.severity) : none,
      meter: log?.meter === undefined ? none : set(log.meter),
    },
    external,
    in: groupAcls(group),
    needs: [group, ...needs],
  });
};

export const memberOf = (
  { row: table, id }: Pick<Collection, 'row' | 'id'>,
  element: string,
  owner: Owner,
): MemberFact => ({
  member: table,
  id,
  column: table === 'Port_Group' ? 'ports' : 'addresses',
  element,
  owner,
});

export interface Meter {
  readonly owner: Owner;
  readonly name: string;
  /** Packets per second that are logged. */
  readonly rate: number;
}

/** A meter that log entries of ACLs go through; all who name it share the rate. */
export function* meter({ owner, name, rate }: Meter): Generator<RowFact> {
  const whole = row('Meter', { owner, name, columns: { name, unit: 'pktps' } });
  yield whole;
  yield row('Meter_Band', {
    owner,
    name,
    columns: { action: 'drop', rate, burst_size: 0 },
    in: { row: 'Meter', id: whole.id, column: 'bands' },
  });
}
