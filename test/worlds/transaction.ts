// All rows of a scenario as one transaction, for a database that is empty: what the differ sends at a first start, made
// without it, so that a mistake of the rows is not hidden by one of the differ's, nor the other way round.
import type { Atom, Columns, MemberFact, RowFact, Value } from '../../lib/delta/fact.ts';

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

// References are sets in all rows of ours; a uuid in a map is text.
const element = (value: Atom): unknown => (uuid.test(String(value)) ? ['uuid', value] : value);

function encoded(value: Value): unknown {
  if (value instanceof Map) return ['map', [...(value as ReadonlyMap<Atom, Atom>)]];
  if (value instanceof Set) return ['set', [...(value as ReadonlySet<Atom>)].map(element)];
  return value;
}

/** RFC 7047 operations, with the `uuid` member of insert. */
export function operations(facts: readonly (RowFact | MemberFact)[]): unknown[] {
  const filled = new Map<string, Map<string, Map<Atom, Atom> | Set<Atom>>>();
  const add = (id: string, column: string, [element, value]: readonly [Atom, Atom?]): void => {
    const columns = filled.get(id) ?? new Map<string, Map<Atom, Atom> | Set<Atom>>();
    const elements = columns.get(column) ?? (value === undefined ? new Set<Atom>() : new Map<Atom, Atom>());
    if (elements instanceof Set) elements.add(element);
    else elements.set(element, value ?? '');
    filled.set(id, columns.set(column, elements));
  };
  for (const fact of facts) {
    if ('member' in fact) {
      add(fact.id, fact.column, fact.value === undefined ? [fact.element] : [fact.element, fact.value]);
    } else if (fact.in) add(fact.in.id, fact.in.column, [fact.id]);
  }
  return facts
    .filter((fact) => 'row' in fact)
    .map(({ row, id, columns }) => {
      const whole: Columns = { ...columns, ...Object.fromEntries(filled.get(id) ?? []) };
      const entries = Object.entries(whole).map(([column, value]) => [column, encoded(value)] as const);
      return { op: 'insert', table: row, uuid: id, row: Object.fromEntries(entries) };
    });
}
