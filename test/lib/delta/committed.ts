// Every state that a standalone database ever was in, from the log that ovsdb-server keeps of it (ovsdb(5), "Standalone
// Database Format"): one record per transaction, with what it changed. A monitor might skip a state; the log does not.
import { readFileSync } from 'node:fs';
import { parseSchema } from '../../../lib/ovsdb/index.ts';
import type { DatabaseSchema, TableSchema } from '../../../lib/ovsdb/index.ts';

/** Elements of a set, or the one value; maps are left out. */
export type CommittedRow = Readonly<Record<string, string | ReadonlySet<string>>>;
export type CommittedRows = ReadonlyMap<string, ReadonlyMap<string, CommittedRow>>;

export interface Committed {
  /** Where the record begins in the file. */
  readonly offset: number;
  /** What the database held after it; good until the next one is asked for. */
  readonly rows: CommittedRows;
}

type Changes = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, unknown>> | null>>>>;
type Row = Record<string, string | Set<string>>;

export function* committed(file: string): Generator<Committed> {
  const rows = new Map<string, Map<string, Row>>();
  let schema: DatabaseSchema | undefined;
  for (const { offset, json } of records(readFileSync(file))) {
    if (schema === undefined) {
      schema = parseSchema(json);
      continue;
    }
    const { _date, _is_diff, _comment, ...tables } = json as Changes & Record<string, unknown>;
    for (const [table, changes] of Object.entries(tables)) {
      const known = rows.get(table) ?? new Map<string, Row>();
      rows.set(table, known);
      applyTo(known, schema.tables.get(table), changes);
    }
    yield { offset, rows };
  }
}

/** Takes in what a record says of one table. */
function applyTo(known: Map<string, Row>, table: TableSchema | undefined, changes: Changes[string]): void {
  for (const [uuid, change] of Object.entries(changes)) {
    if (change === null) known.delete(uuid);
    else known.set(uuid, changed(table, known.get(uuid) ?? {}, change));
  }
}

function* records(content: Buffer): Generator<{ offset: number; json: unknown }> {
  for (let offset = 0; offset < content.length;) {
    const begin = content.indexOf('\n', offset) + 1;
    const length = Number(/^OVSDB (?:JSON|CLUSTER) (\d+) /.exec(content.toString('latin1', offset, begin))?.[1]);
    yield { offset, json: JSON.parse(content.toString('utf8', begin, begin + length)) as unknown };
    offset = begin + length;
  }
}

/** Records say what differs (`_is_diff`): of a set the elements that came or went. */
function changed(table: TableSchema | undefined, row: Row, change: Readonly<Record<string, unknown>>): Row {
  const next: Row = { ...row };
  for (const [name, value] of Object.entries(change)) {
    const column = table?.columns.get(name);
    if (!column || column.value) continue;
    if (column.max === 1) next[name] = [...elementsOf(value)][0] ?? '';
    else next[name] = elementsOf(value).symmetricDifference((row[name] as Set<string> | undefined) ?? new Set());
  }
  return next;
}

function elementsOf(value: unknown): Set<string> {
  if (!Array.isArray(value)) return new Set([String(value)]);
  const [kind, content] = value as [string, unknown];
  if (kind === 'uuid') return new Set([String(content)]);
  return new Set((content as unknown[]).flatMap((each) => [...elementsOf(each)]));
}
