// Whether a policy of the administrator is in force: its priority has to be one that there is room for, and of two
// AdminNetworkPolicies of one priority OVN would choose either, rule by rule.
import type { AdminKind, AdminPolicyRow } from '../api/admin-policy-row.ts';
import type { Fact } from '../api/fact.ts';
import type { Reason } from '../api/reasons.ts';
import { adminPolicyRef } from '../api/refs.ts';
import { adminAcl } from '../nb/priorities.ts';
import { problem } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';

type Prioritised = Exclude<AdminKind, 'BaselineAdminNetworkPolicy'>;

/** The one name that a BaselineAdminNetworkPolicy can have. */
const onlyBaseline = 'default';

const unsupported: Readonly<Record<Prioritised, Reason>> = {
  AdminNetworkPolicy: 'ANPWithUnsupportedPriority',
  ClusterNetworkPolicy: 'CNPWithUnsupportedPriority',
};

/** Index `adminsByPriority`. */
export const priorityKeys = ({ kind, tier, priority }: AdminPolicyRow): string[] =>
  kind === 'BaselineAdminNetworkPolicy' ? [] : [`${kind} ${tier} ${priority}`];

/** Answers whether it is, and says why not. */
export function* standing(row: AdminPolicyRow, read: WorldRead): Generator<Fact, boolean> {
  const { kind, meta, priority } = row;
  const ref = adminPolicyRef(kind, meta.name);
  if (kind === 'BaselineAdminNetworkPolicy') {
    if (meta.name === onlyBaseline) return true;
    yield problem(ref, 'BANPWithUnsupportedName', `only the one named ${onlyBaseline} is in force`);
    return false;
  }
  const last = adminAcl.last[kind];
  if (priority < 0 || priority > last) {
    yield problem(
      ref,
      unsupported[kind],
      `priority ${priority} is not from 0 to ${last}, so the policy is not in force`,
    );
    return false;
  }
  const others = rivals(row, read);
  if (others.length === 0) return true;
  return kind === 'AdminNetworkPolicy' ? yield* oldest(row, others) : yield* together(row, others);
}

const rivals = (row: AdminPolicyRow, read: WorldRead): AdminPolicyRow[] =>
  priorityKeys(row)
    .flatMap((key) => read.at('adminsByPriority', key))
    .filter(({ meta }) => meta.name !== row.meta.name);

const isOlder = (one: AdminPolicyRow, other: AdminPolicyRow): boolean =>
  one.created === other.created ? one.meta.name < other.meta.name : one.created < other.created;

function* oldest(row: AdminPolicyRow, others: readonly AdminPolicyRow[]): Generator<Fact, boolean> {
  const [older] = others.filter((other) => isOlder(other, row)).sort((a, b) => (isOlder(a, b) ? -1 : 1));
  if (!older) return true;
  const message = `${older.meta.name} has priority ${row.priority}, too, and is older, so this policy is not in force`;
  yield problem(adminPolicyRef(row.kind, row.meta.name), 'ANPWithDuplicatePriority', message);
  return false;
}

/** All ClusterNetworkPolicies of a priority are in force, and the API says that any of them may be asked first. */
function* together(row: AdminPolicyRow, others: readonly AdminPolicyRow[]): Generator<Fact, boolean> {
  const names = others.map(({ meta }) => meta.name).sort();
  const several = names.length > most ? [...names.slice(0, most), '...'] : names;
  const message = `${several.join(', ')} in tier ${row.tier} has priority ${row.priority}, too: where rules of both meet one connection, either may decide`;
  yield problem(adminPolicyRef(row.kind, row.meta.name), 'CNPWithDuplicatePriority', message);
  return true;
}

/** Names in a message. */
const most = 5;
