// Equality of facts: a source that yields the same again has changed nothing.
import type { Fact } from './desired.ts';
import type { Columns, MemberFact, RowFact } from './fact.ts';
import { sameValue } from './shape.ts';

export function sameFact(a: Fact, b: Fact): boolean {
  if (a === b) return true;
  if ('row' in a) return 'row' in b && sameRow(a, b);
  return 'member' in b && sameMember(a, b);
}

function sameRow(a: RowFact, b: RowFact): boolean {
  const same = a.row === b.row && a.id === b.id && a.owner === b.owner;
  return same && samePlace(a, b) && sameNeeds(a, b) && sameColumns(a.columns, b.columns);
}

function sameMember(a: MemberFact, b: MemberFact): boolean {
  const same = a.member === b.member && a.id === b.id && a.column === b.column;
  return same && a.element === b.element && a.value === b.value && a.owner === b.owner;
}

function samePlace({ in: a }: RowFact, { in: b }: RowFact): boolean {
  return a?.row === b?.row && a?.id === b?.id && a?.column === b?.column;
}

function sameNeeds({ needs: a = [] }: RowFact, { needs: b = [] }: RowFact): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}

export function sameColumns(a: Columns, b: Columns): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => sameValue(a[name] ?? '', b[name]));
}
