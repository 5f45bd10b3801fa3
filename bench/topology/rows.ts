// The rows of a northbound database as they are, and the operations that bring another one from there to here: what the
// raw side writes without having computed anything.
import { columns } from '../../operator/nb/columns.ts';
import { owns } from '../../operator/nb/owns.ts';
import type { RawClient, WireOperation } from '../nb/raw.ts';

/** Columns as they are on the wire. */
type Row = Readonly<Record<string, unknown>>;
/** By table and UUID: columns of ours. */
export type Rows = ReadonlyMap<string, ReadonlyMap<string, Row>>;

/** One row, made by northd; the keys of it that are ours. */
const singleton = 'NB_Global';

/** A column takes so many values; more than one is a set or a map. */
type Shapes = Readonly<Record<string, Readonly<Record<string, 'scalar' | 'set' | 'map'>>>>;

interface Schema {
  readonly tables: Readonly<Record<string, { readonly columns: Readonly<Record<string, { readonly type: unknown }>> }>>;
}

function shapeOf(type: unknown): 'scalar' | 'set' | 'map' {
  const { value, max = 1 } = (typeof type === 'object' ? type : {}) as { value?: unknown; max?: unknown };
  if (value !== undefined) return 'map';
  return max === 1 ? 'scalar' : 'set';
}

export class RowReader {
  readonly #client: RawClient;
  readonly #shapes: Shapes;

  private constructor(client: RawClient, shapes: Shapes) {
    this.#client = client;
    this.#shapes = shapes;
  }

  static async open(client: RawClient): Promise<RowReader> {
    const { tables } = (await client.request('get_schema', ['OVN_Northbound'])) as Schema;
    const shapes = Object.entries(columns).map(([table, names]) => {
      const known = Object.entries(tables[table]?.columns ?? {}).filter(([name]) => names.includes(name));
      return [table, Object.fromEntries(known.map(([name, { type }]) => [name, shapeOf(type)]))] as const;
    });
    return new RowReader(client, Object.fromEntries(shapes));
  }

  /** Everything that is there, sets and maps in order. */
  async read(): Promise<Rows> {
    const tables = Object.entries(this.#shapes);
    const selects = tables.map(([table, shapes]) => ({
      op: 'select',
      table,
      where: [],
      columns: ['_uuid', ...Object.keys(shapes)],
    }));
    const results = (await this.#client.transact(selects)) as { rows: (Row & { _uuid: [string, string] })[] }[];
    return new Map(
      tables.map(([table], at) => [
        table,
        new Map(
          (results[at]?.rows ?? []).map(({ _uuid: [, uuid], ...row }): [string, Row] => [uuid, ordered(table, row)]),
        ),
      ]),
    );
  }

  /** One transaction. Rows that go are not expected: nothing that is measured takes any away. */
  between(before: Rows, after: Rows): WireOperation[] {
    const inserts: WireOperation[] = [];
    const changes: WireOperation[] = [];
    for (const [table, rows] of after) {
      const past = before.get(table);
      if (past?.keys().some((uuid) => !rows.has(uuid)) === true) throw new Error(`a row of ${table} is gone`);
      for (const [uuid, row] of rows) {
        const known = past?.get(uuid);
        const where = table === singleton ? [] : [['_uuid', '==', ['uuid', uuid]]];
        if (!known && table !== singleton) inserts.push({ op: 'insert', table, uuid, row: filled(row) });
        else changes.push(...this.#changes({ table, where }, known ?? {}, row));
      }
    }
    return [...inserts, ...changes];
  }

  #changes(at: { readonly table: string; readonly where: unknown }, before: Row, after: Row): WireOperation[] {
    const differing = Object.entries(after).filter(([name, value]) => !isSame(value, before[name]));
    const mutations = differing.flatMap(([name, value]) => {
      const shape = this.#shapes[at.table]?.[name];
      if (shape === 'scalar' || shape === undefined) return [];
      const [gone, come] = [without(before[name], value), without(value, before[name])];
      const deleted = gone.length > 0 ? [[name, 'delete', [shape, gone]]] : [];
      return come.length > 0 ? [...deleted, [name, 'insert', [shape, come]]] : deleted;
    });
    const scalars = differing.filter(([name]) => this.#shapes[at.table]?.[name] === 'scalar');
    return [
      ...(scalars.length > 0 ? [{ op: 'update', ...at, row: Object.fromEntries(scalars) }] : []),
      ...(mutations.length > 0 ? [{ op: 'mutate', ...at, mutations }] : []),
    ];
  }
}

const text = (value: unknown): string => JSON.stringify(value);
const isSame = (a: unknown, b: unknown): boolean => text(a) === text(b);

/** Elements of a set or a map; a set of one is its element. */
function elements(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  if (Array.isArray(value) && (value[0] === 'set' || value[0] === 'map')) return value[1] as readonly unknown[];
  return [value];
}

function without(value: unknown, minus: unknown): readonly unknown[] {
  const gone = new Set(elements(minus).map(text));
  return elements(value).filter((element) => !gone.has(text(element)));
}

function ordered(table: string, row: Row): Row {
  const own = Object.entries(row).map(([name, value]): [string, unknown] => {
    if (!Array.isArray(value) || (value[0] !== 'set' && value[0] !== 'map')) return [name, value];
    const keys = owns[table]?.[name];
    const mine = (element: unknown): boolean =>
      value[0] === 'set' || keys === undefined || keys === 'all' || keys.includes(String((element as unknown[])[0]));
    const all = (value[1] as readonly unknown[]).filter(mine).filter((element) => !isEpoch(element));
    return [name, [value[0], all.toSorted((a, b) => (text(a) < text(b) ? -1 : 1))]];
  });
  return Object.fromEntries(own);
}

/** Counted by every leader for itself. */
const isEpoch = (element: unknown): boolean => Array.isArray(element) && element[0] === 'kubeloom-epoch';

/** Without what a new row has anyway. */
const filled = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).filter(
      ([, value]) => value !== '' && value !== 0 && value !== false && elements(value).length > 0,
    ),
  );

/** Names of rows that differ, or are on one side only; the row that northd makes has another UUID everywhere. */
export function differing(a: Rows, b: Rows): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].flatMap((table) => {
    if (table === singleton) return [];
    const [left, right] = [a.get(table), b.get(table)];
    const uuids = [...new Set([...(left?.keys() ?? []), ...(right?.keys() ?? [])])];
    return uuids
      .filter((uuid) => !isSame(left?.get(uuid), right?.get(uuid)))
      .map((uuid) => `${table} ${uuid}: ${text(left?.get(uuid))} and ${text(right?.get(uuid))}`);
  });
}
