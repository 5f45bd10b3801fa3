// Facts for the schema that the server has: columns that an older one lacks and that rows can do without are left out, and
// so are rows that mean nothing without them. Where rules have no tiers there is none to pass a packet on to: what else
// would be passed on is dropped.
import type { MemberFact, RowFact } from '../../lib/delta/fact.ts';
import type { Atom, ColumnSchema, DatabaseSchema } from '../../lib/ovsdb/index.ts';
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
  const clientFields = allowed(tables.get('Load_Balancer')?.columns.get('selection_fields'));
  if ([...lacks.values()].every((names) => names.length === 0) && clientFields('ipv6_src')) return (facts) => facts;
  const isTierless = lacks.get('ACL')?.includes('tier') === true;
  const means = (fact: NbFact): boolean => !isTierless || 'member' in fact || !needsTiers(fact);
  const fitted = (fact: NbFact): NbFact => {
    if (!('row' in fact)) return fact;
    if (fact.row === 'Load_Balancer') return narrowed(fact, clientFields);
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

/** Which values a column takes that lists them; all, where there is no such list. */
const allowed =
  (column: ColumnSchema | undefined) =>
  (value: Atom): boolean =>
    column?.key.enum?.includes(value) ?? true;

/** Older schemas, such as OVN 23.03's, do not have all fields: there an IPv6 client does not choose its backend. */
function narrowed(fact: RowFact, isAllowed: (value: Atom) => boolean): RowFact {
  const { selection_fields: fields } = fact.columns;
  if (!(fields instanceof Set) || [...(fields as ReadonlySet<Atom>)].every(isAllowed)) return fact;
  const left = new Set([...(fields as ReadonlySet<Atom>)].filter(isAllowed));
  return { ...fact, columns: { ...fact.columns, selection_fields: left } };
}
