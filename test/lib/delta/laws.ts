// What holds for every transaction of the differ, whatever it is about: read from the wire, where nothing is hidden.
import type { Owns } from '../../../lib/delta/options.ts';
import type { ColumnSchema, DatabaseSchema } from '../../../lib/ovsdb/index.ts';

export interface WireOperation {
  readonly op: string;
  readonly table: string;
  readonly uuid?: string;
  readonly where?: readonly (readonly [string, string, unknown])[];
  readonly row?: Readonly<Record<string, unknown>>;
  readonly mutations?: readonly (readonly [string, string, unknown])[];
  readonly timeout?: number;
}

/** What a database holds, and whose keys are whose in it. */
export interface Database {
  readonly schema: DatabaseSchema;
  readonly owns: Owns;
}

const ORDER = ['wait', 'fence', 'insert', 'update', 'mutate', 'delete'];

/** One sentence per rule that the transaction breaks. */
export function lawsBroken({ schema, owns }: Database, operations: readonly WireOperation[]): string[] {
  const kinds = operations.map((operation, at) => (isFence(operations, at) ? 'fence' : operation.op));
  const ranks = kinds.map((kind) => ORDER.indexOf(kind));
  const sorted = ranks.every((rank, at) => rank >= 0 && rank >= (ranks[at - 1] ?? 0));
  const rows = operations.filter((_, at) => kinds[at] !== 'wait' && kinds[at] !== 'fence');
  const named = rows
    .filter(({ where }) => where)
    .map(({ op, table, where }) => `${op} ${table} ${JSON.stringify(where)}`);
  return [
    ...(sorted ? [] : [`operations are in the order ${kinds.join()}`]),
    ...(new Set(named).size === named.length ? [] : ['a row is written twice in one way']),
    ...(kinds.lastIndexOf('wait') > 0 ? ['a wait that is not the fence'] : []),
    ...operations.flatMap((operation, at) => (kinds[at] === 'fence' ? [] : faults({ schema, owns }, operation))),
  ].map((text) => `${text}: ${JSON.stringify(operations)}`);
}

/** The number is taken right after the comparison. */
function isFence(operations: readonly WireOperation[], at: number): boolean {
  return at === 1 && operations[0]?.op === 'wait' && JSON.stringify(operations[at]?.mutations ?? '').includes('-epoch');
}

function faults({ schema, owns }: Database, operation: WireOperation): string[] {
  const { op, table } = operation;
  const shape = schema.tables.get(table);
  const column = (name: string): ColumnSchema | undefined => shape?.columns.get(name);
  switch (op) {
    case 'wait':
      return operation.timeout === 0 && table === 'NB_Global' ? [] : ['a wait that is not the fence'];
    case 'insert':
      return operation.uuid === undefined ? ['an insert without a uuid'] : [];
    case 'delete':
      return [...byUuid(operation), ...(shape?.isRoot ? [] : ['a child is deleted'])];
    case 'update': {
      const whole = Object.keys(operation.row ?? {}).filter((name) => (column(name)?.max ?? 1) !== 1);
      return [...byUuid(operation), ...whole.map((name) => `an update of the whole of ${name}`)];
    }
    case 'mutate':
      return [...byUuid(operation), ...mutationFaults(operation, column, owns[table])];
    default:
      return [`an operation ${op}`];
  }
}

function byUuid({ where = [] }: WireOperation): string[] {
  return where.length === 1 && where[0]?.[0] === '_uuid' && where[0][1] === '==' ? [] : ['a where that is not by uuid'];
}

function mutationFaults(
  { mutations = [] }: WireOperation,
  column: (name: string) => ColumnSchema | undefined,
  owned: Owns[string] = {},
): string[] {
  const faults: string[] = [];
  for (const [name, all] of Map.groupBy(mutations, ([each]) => each)) {
    const kinds = all.map(([, mutator]) => mutator).join();
    const map = column(name)?.value !== undefined;
    const allowed = ['insert', 'delete', !map && (column(name)?.min ?? 0) > 0 ? 'insert,delete' : 'delete,insert'];
    if (!allowed.includes(kinds)) faults.push(`mutations of ${name} are ${kinds}`);
    const keys = map ? all.flatMap(([, , value]) => keysOf(value)) : [];
    const theirs = keys.filter((key) => !isOurs(owned[name], key));
    if (theirs.length > 0) faults.push(`keys of others: ${name}: ${theirs.join()}`);
  }
  return faults;
}

/** Keys of a map, or of a set of keys. */
function keysOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [String(value)];
  const [kind, content] = value as [string, unknown[]];
  return content.map((each) => String(kind === 'map' ? (each as unknown[])[0] : each));
}

function isOurs(keys: readonly string[] | 'all' | undefined, key: string): boolean {
  return keys === 'all' || (keys?.includes(key) ?? false);
}
