// What the evaluation reads: rows of the northbound database by table and uuid, in the value types of ovsdb-client. A
// replica is one, and `nbOf` makes one of facts. Columns that a row leaves out have their default.
import type { Atom, MemberFact, RowFact, Value } from '../../lib/delta/fact.ts';
import type { Row } from '../../lib/ovsdb/index.ts';

export interface Nb {
  row(table: string, uuid: string): Row | undefined;
  rows(table: string): Iterable<readonly [string, Row]>;
}

/** Tables and columns that are read. */
export const read = {
  ACL: ['action', 'direction', 'external_ids', 'match', 'name', 'options', 'priority', 'tier'],
  Address_Set: ['addresses', 'name'],
  Chassis_Template_Var: ['chassis', 'variables'],
  DHCP_Options: ['cidr', 'options'],
  Load_Balancer: ['external_ids', 'name', 'options', 'protocol', 'vips'],
  Load_Balancer_Group: ['load_balancer', 'name'],
  Logical_Router: ['load_balancer', 'name', 'ports'],
  Logical_Router_Port: ['mac', 'name', 'networks', 'peer'],
  Logical_Switch: ['acls', 'load_balancer', 'load_balancer_group', 'name', 'ports'],
  Logical_Switch_Port: [
    'addresses',
    'dhcpv4_options',
    'dhcpv6_options',
    'dynamic_addresses',
    'enabled',
    'external_ids',
    'name',
    'options',
    'type',
  ],
  NB_Global: ['options'],
  Port_Group: ['acls', 'external_ids', 'name', 'ports'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

const isMap = (value: Value | undefined): value is ReadonlyMap<Atom, Atom> => value instanceof Map;
const isSet = (value: Value | undefined): value is ReadonlySet<Atom> => value instanceof Set;

/** The elements of a set, the one atom, or nothing. */
export function elements(row: Row | undefined, column: string): string[] {
  const value = row?.[column];
  if (value === undefined || isMap(value)) return [];
  return isSet(value) ? [...value].map(String) : [String(value)];
}

/** An atom or the element of an optional column; '' for none. */
export const text = (row: Row | undefined, column: string): string => elements(row, column)[0] ?? '';

export function integer(row: Row, column: string): number {
  const value = Number(text(row, column));
  return Number.isSafeInteger(value) ? value : 0;
}

export function entries(row: Row | undefined, column: string): ReadonlyMap<string, string> {
  const value = row?.[column];
  return isMap(value) ? new Map([...value].map(([key, element]) => [String(key), String(element)])) : new Map();
}

/** The database that a writer of these facts would leave, without defaults. Cost: all of them. */
export function nbOf(facts: Iterable<RowFact | MemberFact>): Nb {
  const tables = new Map<string, Map<string, Writable>>();
  const rowOf = (table: string, id: string): Writable => {
    let rows = tables.get(table);
    if (rows === undefined) tables.set(table, (rows = new Map<string, Writable>()));
    let row = rows.get(id);
    if (row === undefined) rows.set(id, (row = {}));
    return row;
  };
  for (const fact of facts) {
    if ('row' in fact) {
      for (const [column, value] of Object.entries(fact.columns)) put(rowOf(fact.row, fact.id), column, value);
      if (fact.in !== undefined) add(rowOf(fact.in.row, fact.in.id), fact.in.column, fact.id);
    } else add(rowOf(fact.member, fact.id), fact.column, fact.element, fact.value);
  }
  return {
    row: (table, uuid) => tables.get(table)?.get(uuid),
    rows: (table) => tables.get(table) ?? [],
  };
}

/** Its sets and maps are its own. */
type Writable = Record<string, Atom | Set<Atom> | Map<Atom, Atom>>;

/** Elements that came before the row stay in it. */
function put(row: Writable, column: string, value: Value): void {
  const before = row[column];
  if (isSet(value)) row[column] = new Set([...(before instanceof Set ? before : []), ...value]);
  else if (isMap(value)) row[column] = new Map([...(before instanceof Map ? before : []), ...value]);
  else row[column] = value;
}

function add(row: Writable, column: string, element: Atom, value?: Atom): void {
  const now = row[column];
  if (value === undefined) row[column] = now instanceof Set ? now.add(element) : new Set([element]);
  else row[column] = now instanceof Map ? now.set(element, value) : new Map([[element, value]]);
}
