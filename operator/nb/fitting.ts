// Facts for the schema that the server has: columns that an older one lacks and that rows can do without are left out, and
// so are rows that mean nothing without them. Where rules have no tiers there is none to pass a packet on to: what else
// would be passed on is dropped.
import type { MemberFact, RowFact } from '../../lib/delta/fact.ts';
import type { DatabaseSchema } from '../../lib/ovsdb/index.ts';
import { needsTiers, optional } from './columns.ts';

export type NbFact = RowFact | MemberFact;

/** Gives the very list that it got when there is nothing to leave out. */
export type Fit = (facts: readonly NbFact[]) => readonly NbFact[];

export function fitting({ tables }: Pick<DatabaseSchema, 'tables'>): Fit {
  const missing = ([table, names]: readonly [string, readonly string[]]): [string, readonly string[]] => [
    table,
    names.filter((name) => tables.get(table)?.columns.has(name) === false),
  ];
  const lacks = new Map(Object.entries(optional).map(missing));
  if ([...lacks.values()].every((names) => names.length === 0)) return (facts) => facts;
  const isTierless = lacks.get('ACL')?.includes('tier') === true;
  const means = (fact: NbFact): boolean => !isTierless || 'member' in fact || !needsTiers(fact);
  const fitted = (fact: NbFact): NbFact => {
    if (!('row' in fact)) return fact;
    const rest = without(fact, lacks.get(fact.row) ?? []);
    return isTierless && fact.columns['action'] === 'pass'
      ? { ...rest, columns: { ...rest.columns, action: 'drop' } }
      : rest;
  };
  return (facts) => {
    const after = facts.filter(means).map(fitted);
    return after.length === facts.length && after.every((fact, at) => fact === facts[at]) ? facts : after;
  };
}

function without(fact: RowFact, names: readonly string[]): RowFact {
  if (!names.some((name) => name in fact.columns)) return fact;
  const columns = Object.entries(fact.columns).filter(([name]) => !names.includes(name));
  return { ...fact, columns: Object.fromEntries(columns) };
}
