// The plan for programs. Its shape is stable: fields are added, never renamed.
import { refOfOwner } from '../../operator/api/refs.ts';
import type { Columns } from '../../lib/delta/fact.ts';
import type { Change } from './difference.ts';
import type { Report } from './report.ts';
import { atom, plain } from './value.ts';

/**
 * `{objects: [{apiVersion, kind, namespace, name, changes, problems}], counts, errors, remarks, traffic}`, indented;
 * `traffic`: `{changes: [{from?, to?, protocol, port?, now}], left}`, the ends being `{namespace, labels, pods}`.
 */
export function json({ groups, counts, errors, remarks, traffic }: Report): string {
  const objects = groups.map(({ owner, changes, problems }) => {
    const [kind = '', namespace = '', name = ''] = owner.split('/');
    const { apiVersion = 'v1' } = refOfOwner(owner) ?? {};
    return { apiVersion, kind, namespace, name, changes: changes.map(changeOf), problems };
  });
  return `${JSON.stringify({ objects, counts, errors, remarks, traffic }, undefined, 2)}\n`;
}

function changeOf({ verb, table, id, before, after, member, ...rest }: Change): object {
  const home = rest.in && { in: { table: rest.in.row, uuid: rest.in.id, column: rest.in.column } };
  if (member === undefined) {
    return {
      verb,
      table,
      uuid: id,
      ...home,
      ...(before && { before: columnsOf(before) }),
      ...(after && { after: columnsOf(after) }),
    };
  }
  const { column, element, value } = member;
  return { verb, table, uuid: id, column, element: atom(element), ...(value !== undefined && { value: atom(value) }) };
}

const columnsOf = (columns: Columns): object =>
  Object.fromEntries(Object.entries(columns).map(([name, value]) => [name, plain(value)]));
