// Short words for the facts of tests: rows of a few northbound tables, marked as rows of ours are.
import { owner as ownerOf, rowId } from '../../../lib/delta/ids.ts';
import type { Columns, MemberFact, Owner, Place, RowFact, RowId } from '../../../lib/delta/fact.ts';
import type { Owns } from '../../../lib/delta/options.ts';

const marks = ['vendor', 'kubeloom-owner', 'kubeloom-id'];

export const owns: Owns = {
  NB_Global: { options: ['ours', 'mine'], external_ids: ['version'] },
  Logical_Switch: { external_ids: marks, other_config: ['a', 'b'], load_balancer: 'all' },
  Logical_Switch_Port: { external_ids: [...marks, 'pod'], options: ['requested-chassis'] },
  Logical_Router: { external_ids: marks, load_balancer: 'ours' },
  Logical_Router_Port: { external_ids: marks },
  Port_Group: { external_ids: marks, ports: 'all' },
  Address_Set: { external_ids: marks, addresses: 'all' },
  ACL: { external_ids: marks },
  DHCP_Options: { external_ids: marks, options: 'all' },
  Load_Balancer: { external_ids: marks, vips: 'all' },
  Meter: { external_ids: marks },
  Meter_Band: { external_ids: marks },
};

export const object = (name: string, kind = 'Pod'): Owner => ownerOf({ kind, namespace: 'n', name });

export interface RowParts {
  readonly columns?: Columns;
  readonly in?: Place;
  readonly needs?: readonly RowId[];
  readonly ids?: Readonly<Record<string, string>>;
}

export function row(table: string, owner: Owner, name: string, parts: RowParts = {}): RowFact {
  const id = rowId(owner, table, name);
  const { columns = {}, ids = {}, ...rest } = parts;
  const external = new Map(Object.entries({ ...ids, vendor: 'kube-ovn', 'kubeloom-owner': owner, 'kubeloom-id': id }));
  return { row: table, id, owner, columns: { ...columns, external_ids: external }, ...rest };
}

const named =
  (table: string) =>
  (owner: Owner, name: string, parts: RowParts = {}): RowFact =>
    row(table, owner, name, { ...parts, columns: { name, ...parts.columns } });

export const logicalSwitch = named('Logical_Switch');
export const portGroup = named('Port_Group');
export const addressSet = named('Address_Set');

export const on = (parent: RowFact, column: string): Place => ({ row: parent.row, id: parent.id, column });

export const port = (owner: Owner, name: string, parent: RowFact, parts: RowParts = {}): RowFact =>
  named('Logical_Switch_Port')(owner, name, { in: on(parent, 'ports'), ...parts });

export const acl = (owner: Owner, group: RowFact, match: string, parts: RowParts = {}): RowFact =>
  row('ACL', owner, `acl ${match}`, {
    in: on(group, 'acls'),
    ...parts,
    columns: { direction: 'to-lport', priority: 1000, match, action: 'drop', ...parts.columns },
  });

export const member = (of: RowFact, column: string, element: string, owner: Owner): MemberFact => ({
  member: of.row,
  id: of.id,
  column,
  element,
  owner,
});

export const entry = (of: RowFact, column: string, pair: readonly [string, string], owner: Owner): MemberFact => ({
  ...member(of, column, pair[0], owner),
  value: pair[1],
});
