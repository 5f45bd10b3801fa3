// The plan as a whole: what changes and what is wrong, by owner, with an exit code. Pure; text.ts and json.ts show it.
import type { MemberFact, Owner, RowFact, RowId } from '../../lib/delta/fact.ts';
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import type { ProblemFact } from '../../operator/api/fact.ts';
import { advisory, passing } from '../../operator/api/reasons.ts';
import { adoptBy } from '../../operator/nb/owns.ts';
import type { Desired } from './desired.ts';
import { difference, type Change } from './difference.ts';
import { traffic, type Traffic } from './traffic.ts';
import { shown } from './value.ts';

export interface Problem {
  readonly reason: string;
  readonly message: string;
  /** It keeps the object from working whatever the cluster does; others are remarks. */
  readonly grave: boolean;
}

/** One object of the API and what becomes of it. */
export interface Group {
  readonly owner: Owner;
  readonly changes: readonly Change[];
  /** Those that are there after the change and were not before. */
  readonly problems: readonly Problem[];
}

export interface Report {
  readonly groups: readonly Group[];
  /** Names of rows by id, of both sides; of rows without, what they are known by. */
  readonly names: ReadonlyMap<string, string>;
  readonly counts: Readonly<Record<Change['verb'], number>>;
  /** Sentences about manifests that could not be read, and about mistakes of ours. */
  readonly errors: readonly string[];
  /** Sentences about what is not planned. */
  readonly remarks: readonly string[];
  /** Whom the change lets in or keeps out. */
  readonly traffic: Traffic;
}

/** 0 nothing changes, 2 something does, 1 something is wrong. */
export function exitCodeOf({ groups, errors }: Report): 0 | 1 | 2 {
  if (errors.length > 0 || groups.some(({ problems }) => problems.some(({ grave }) => grave))) return 1;
  return groups.some(({ changes }) => changes.length > 0) ? 2 : 0;
}

interface Sides {
  readonly before: Desired;
  readonly after: Desired;
  readonly errors: readonly string[];
  readonly remarks: readonly string[];
}

export function report({ before, after, errors, remarks }: Sides): Report {
  const changes = difference(before.facts, after.facts);
  const known = new Set(before.problems.map(textOf));
  const problems = after.problems.filter((fact) => !known.has(textOf(fact)));
  const byOwner = Map.groupBy(changes, ({ owner }) => owner);
  const wrong = Map.groupBy(problems, ({ problem }) => ownerOf(problem));
  const owners = [...new Set([...byOwner.keys(), ...wrong.keys()])].sort();
  const count = (verb: Change['verb']): number => changes.filter((change) => change.verb === verb).length;
  const names = new Map([...namesOf(before.facts), ...namesOf(after.facts)]);
  const place = ({ table, id, member }: Change): string =>
    `${table} ${names.get(id) ?? ''} ${id} ${member ? `${member.column} ${String(member.element)}` : ''}`;
  return {
    groups: owners.map((owner) => ({
      owner,
      changes: (byOwner.get(owner) ?? []).toSorted((a, b) => (place(a) < place(b) ? -1 : 1)),
      problems: (wrong.get(owner) ?? []).map(problemOf),
    })),
    names,
    counts: { add: count('add'), change: count('change'), remove: count('remove') },
    errors: [...errors, ...after.failures],
    remarks,
    traffic: traffic(before, after),
  };
}

const textOf = ({ problem, reason, message }: ProblemFact): string => `${ownerOf(problem)} ${reason} ${message}`;

const problemOf = ({ reason, message }: ProblemFact): Problem => ({
  reason,
  message,
  grave: !advisory.has(reason) && !passing.has(reason),
});

function* namesOf(facts: readonly (RowFact | MemberFact)[]): Iterable<[RowId, string]> {
  for (const fact of facts) {
    if (!('row' in fact)) continue;
    const name = knownBy(fact);
    if (name !== '') yield [fact.id, name];
  }
}

/** The columns by which people tell a row from its neighbours: its name, or what stands for one. */
export const tellingColumns = (table: string): readonly string[] =>
  table === 'DHCP_Options' ? ['cidr'] : (adoptBy[table] ?? ['name']);

const knownBy = ({ row, columns }: RowFact): string =>
  tellingColumns(row)
    .flatMap((column) => columns[column] ?? [])
    .map((value) => shown(value, String))
    .filter((text) => text !== '')
    .join(' ');
