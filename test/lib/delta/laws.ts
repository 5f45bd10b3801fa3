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

type ColumnOf = (name: string) => ColumnSchema | undefined;

function faults({ schema, owns }: Database, operation: WireOperation): string[] {
  const { op, table } = operation;
  const shape = schema.tables.get(table);
  const column: ColumnOf = (name) => shape?.columns.get(name);
  switch (op) {
    case 'wait':
      return waitFaults(operation);
    case 'insert':
      return operation.uuid === undefined ? ['an insert without a uuid'] : [];
    case 'delete':
      return [...byUuid(operation), ...(shape?.isRoot ? [] : ['a child is deleted'])];
    case 'update':
      return [...byUuid(operation), ...updateFaults(operation, column)];
    case 'mutate':
      return [...byUuid(operation), ...mutationFaults(operation, column, owns[table])];
    default:
      return [`an operation ${op}`];
  }
}

function waitFaults({ table, timeout }: WireOperation): string[] {
  return timeout === 0 && table === 'NB_Global' ? [] : ['a wait that is not the fence'];
}

function byUuid({ where = [] }: WireOperation): string[] {
  return where.length === 1 && where[0]?.[0] === '_uuid' && where[0][1] === '==' ? [] : ['a where that is not by uuid'];
}

function updateFaults({ row = {} }: WireOperation, column: ColumnOf): string[] {
  const whole = Object.keys(row).filter((name) => (column(name)?.max ?? 1) !== 1);
  return whole.map((name) => `an update of the whole of ${name}`);
}

function mutationFaults({ mutations = [] }: WireOperation, column: ColumnOf, owned: Owns[string] = {}): string[] {
  return [...Map.groupBy(mutations, ([name]) => name)].flatMap(([name, all]) => {
    const map = column(name)?.value !== undefined;
    return [...orderFaults(name, all, column(name)), ...(map ? keyFaults(name, all, owned[name]) : [])];
  });
}

type Mutations = NonNullable<WireOperation['mutations']>;

/** A set that may not be empty gets its new elements first. */
function orderFaults(name: string, all: Mutations, column: ColumnSchema | undefined): string[] {
  const kinds = all.map(([, mutator]) => mutator).join();
  const filled = column?.value === undefined && (column?.min ?? 0) > 0;
  const allowed = ['insert', 'delete', filled ? 'insert,delete' : 'delete,insert'];
  return allowed.includes(kinds) ? [] : [`mutations of ${name} are ${kinds}`];
}

function keyFaults(name: string, all: Mutations, owned: Owns[string][string] | undefined): string[] {
  const theirs = all.flatMap(([, , value]) => keysOf(value)).filter((key) => !isOurs(owned, key));
  return theirs.length === 0 ? [] : [`keys of others: ${name}: ${theirs.join()}`];
}

/** Keys of a map, or of a set of keys. */
function keysOf(value: unknown): string[] {
  if (!Array.isArray(value)) return [String(value)];
  const [kind, content] = value as [string, unknown[]];
  return content.map((each) => String(kind === 'map' ? (each as unknown[])[0] : each));
}

function isOurs(keys: Owns[string][string] | undefined, key: string): boolean {
  if (keys === undefined || typeof keys === 'string') return keys === 'all';
  return keys.some((own) => (own.endsWith('*') ? key.startsWith(own.slice(0, -1)) : key === own));
}
