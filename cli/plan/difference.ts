// From two sets of facts to what changes, by owner: rows that come, go, or have other columns, and single elements of
// sets and maps that others own.
import type { Columns, MemberFact, Owner, RowFact, RowId, Value } from '../../lib/delta/fact.ts';
import { equalValues } from './value.ts';

export type Verb = 'add' | 'change' | 'remove';

/** One row, or one element of a row's column. */
export interface Change {
  readonly verb: Verb;
  readonly owner: Owner;
  readonly table: string;
  readonly id: RowId;
  /** For a row: its columns (of `change`, those that differ), before and after. */
  readonly before?: Columns;
  readonly after?: Columns;
  /** Where a row of a table that is not a root hangs. */
  readonly in?: RowFact['in'];
  /** For an element. */
  readonly member?: Pick<MemberFact, 'column' | 'element' | 'value'>;
}

type Facts = readonly (RowFact | MemberFact)[];

/** Several owners of one element count once, for the first of them in text order. */
export function difference(before: Facts, after: Facts): Change[] {
  const [old, now] = [keyed(before), keyed(after)];
  const changes: Change[] = [];
  for (const [key, fact] of now) changes.push(...changed(old.get(key), fact));
  for (const [key, fact] of old) if (!now.has(key)) changes.push(whole('remove', fact));
  return changes;
}

function keyed(facts: Facts): Map<string, RowFact | MemberFact> {
  const all = new Map<string, RowFact | MemberFact>();
  for (const fact of facts.toSorted((a, b) => (a.owner < b.owner ? -1 : 1))) {
    const key = 'row' in fact ? fact.id : `${fact.id} ${fact.column} ${String(fact.element)}`;
    if (!all.has(key)) all.set(key, fact);
  }
  return all;
}

function changed(old: RowFact | MemberFact | undefined, now: RowFact | MemberFact): Change[] {
  if (old === undefined) return [whole('add', now)];
  if ('row' in now && 'row' in old) {
    const names = [...new Set([...Object.keys(old.columns), ...Object.keys(now.columns)])];
    const differing = names.filter((name) => !equalValues(old.columns[name], now.columns[name]));
    if (differing.length === 0) return [];
    const only = (columns: Columns): Columns =>
      Object.fromEntries(differing.flatMap((name) => pair(name, columns[name])));
    return [{ ...whole('change', now), before: only(old.columns), after: only(now.columns) }];
  }
  if ('member' in now && 'member' in old && old.value !== now.value) return [whole('change', now)];
  return [];
}

const pair = (name: string, value: Value | undefined): [string, Value][] =>
  value === undefined ? [] : [[name, value]];

function whole(verb: Verb, fact: RowFact | MemberFact): Change {
  const { owner, id } = fact;
  if ('member' in fact) {
    const { column, element, value } = fact;
    return { verb, owner, id, table: fact.member, member: { column, element, ...(value !== undefined && { value }) } };
  }
  const columns = verb === 'remove' ? { before: fact.columns } : { after: fact.columns };
  return { verb, owner, id, table: fact.row, ...columns, ...(fact.in && { in: fact.in }) };
}
