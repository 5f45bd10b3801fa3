// The northbound database, read with Debian's client and parted: what pods that live have there, and everything else,
// which must be as it was before the first of them.
import { isDeepStrictEqual } from 'node:util';
import type { OvsdbServer, PlainRow } from '../../ovsdb-server.ts';

export interface Port {
  readonly name: string;
  readonly addresses: string;
  /** Groups that it is in. */
  readonly groups: readonly string[];
  /** Rows of DHCP of its own. */
  readonly dhcpRows: number;
}

export interface Northbound {
  /** Of pods, by name. */
  readonly ports: ReadonlyMap<string, Port>;
  /** By table: rows as they would be without those ports, in order. */
  readonly rest: ReadonlyMap<string, readonly PlainRow[]>;
}

const external = (row: PlainRow): Readonly<Record<string, unknown>> =>
  (row['external_ids'] ?? {}) as Record<string, unknown>;

/** `mayDiffer`: keys of NB_Global.external_ids that are not compared. */
export async function northbound(database: OvsdbServer, mayDiffer: readonly string[] = []): Promise<Northbound> {
  const tables = await database.dumpAll();
  const rows = (table: string): readonly PlainRow[] => tables.get(table) ?? [];
  const ports = rows('Logical_Switch_Port').filter((row) => 'pod' in external(row));
  const dhcp = rows('DHCP_Options').filter((row) => 'port' in external(row));
  const gone = new Set([...ports, ...dhcp].map((row) => row['_uuid']));
  const groups = rows('Port_Group').flatMap((row) =>
    elements(row['ports']).map((port) => [port, row['name']] as const),
  );
  const groupsOf = Map.groupBy(groups, ([port]) => port);
  const told = ports.map((row): [string, Port] => {
    const name = String(row['name']);
    const own = dhcp.filter((each) => external(each)['port'] === name).length;
    const inGroups = (groupsOf.get(row['_uuid']) ?? []).map(([, group]) => String(group)).sort();
    return [name, { name, addresses: String(row['addresses']), groups: inGroups, dhcpRows: own }];
  });
  const rest = [...tables].map(([table, all]): [string, PlainRow[]] => [
    table,
    all.filter((row) => !gone.has(row['_uuid'])).map((row) => without(row, gone, mayDiffer)),
  ]);
  return { ports: new Map(told), rest: new Map(rest) };
}

const elements = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value]);

/** The row without references to these. A set of one element is its element. */
function without(row: PlainRow, gone: ReadonlySet<unknown>, mayDiffer: readonly string[]): PlainRow {
  const columns = Object.entries(row).map(([column, value]): [string, unknown] => {
    if (column === 'external_ids') {
      return [column, Object.fromEntries(Object.entries(external(row)).filter(([key]) => !mayDiffer.includes(key)))];
    }
    if (!elements(value).some((element) => gone.has(element))) return [column, value];
    const left = elements(value).filter((element) => !gone.has(element));
    return [column, left.length === 1 ? left[0] : left];
  });
  return Object.fromEntries(columns);
}

/** One line for each row that differs. */
export function differences(before: Northbound, now: Northbound): string[] {
  return [...now.rest].flatMap(([table, rows]) => {
    const found = byUuid(rows);
    const wanted = byUuid(before.rest.get(table) ?? []);
    const lost = [...wanted].filter(([uuid]) => !found.has(uuid)).map(([, row]) => `${table} lost ${text(row)}`);
    const others = [...found].flatMap(([uuid, row]) => {
      const past = wanted.get(uuid);
      if (past === undefined) return [`${table} has ${text(row)}`];
      return isDeepStrictEqual(past, row) ? [] : [`${table} has ${text(row)} in place of ${text(past)}`];
    });
    return [...lost, ...others];
  });
}

const byUuid = (rows: readonly PlainRow[]): ReadonlyMap<unknown, PlainRow> =>
  new Map(rows.map((row) => [row['_uuid'], row]));

const text = (row: PlainRow): string => JSON.stringify(row).slice(0, 600);
