// Operations of RFC 7047 section 5.2 to JSON, and the reply's results matched up with them. A reply that does not fit the
// request is a ProtocolError, not a guess: the results say whether something was written.
import { ProtocolError, parseError, transactError } from './errors.ts';
import type { TransactError } from './errors.ts';
import { excerpt } from './json.ts';
import { RowDecoder } from './row-decoder.ts';
import type {
  Condition,
  DatabaseSchema,
  Insert,
  Mutation,
  Operation,
  OperationResult,
  Row,
  TableSchema,
} from './types.ts';
import { EncodeError, encodeAtom, encodeMap, encodeRow, encodeSet, encodeValue } from './wire.ts';
import { isMap, knownColumn } from './wire.ts';
import type { UuidNames } from './wire.ts';

/**
 * The operations as JSON, in order. Throws the TransactError of the first one that the schema does not allow, as the
 * server would have: SyntaxViolation for an unknown table, UnknownColumn, ConstraintViolation for a value of another type.
 */
export function encodeOperations(schema: DatabaseSchema, operations: readonly Operation[]): unknown[] {
  const names = new Set<string>();
  for (const operation of operations) {
    if (operation.op === 'insert' && operation.uuidName !== undefined) names.add(operation.uuidName);
  }
  return operations.map((operation, index) => {
    try {
      return encodeOperation(schema, operation, names);
    } catch (error) {
      if (error instanceof EncodeError) {
        throw transactError({ error: error.code, details: error.message }, index, operation);
      }
      throw error;
    }
  });
}

function encodeOperation(schema: DatabaseSchema, operation: Operation, names: UuidNames): unknown {
  switch (operation.op) {
    case 'commit':
    case 'abort':
      return operation;
    case 'comment':
      return { ...operation, comment: encodeAtom('string', operation.comment) };
    case 'assert':
      return { ...operation, lock: encodeAtom('string', operation.lock) };
    default:
      return encodeTableOperation(tableOf(schema, operation.table), operation, names);
  }
}

type TableOperation = Extract<Operation, { readonly table: string }>;

function encodeTableOperation(table: TableSchema, operation: TableOperation, names: UuidNames): unknown {
  if (operation.op === 'insert') return encodeInsert(table, operation, names);
  const where = operation.where.map((clause) =>
    typeof clause === 'boolean' ? clause : encodeCondition(table, clause, names),
  );
  switch (operation.op) {
    case 'select':
      return { ...operation, where };
    case 'update':
      return { ...operation, where, row: encodeRow(table, operation.row, names) };
    case 'mutate':
      return { ...operation, where, mutations: operation.mutations.map((m) => encodeMutation(table, m, names)) };
    case 'wait':
      return { ...operation, where, rows: operation.rows.map((row) => encodeRow(table, row, names)) };
    case 'delete':
      return { ...operation, where };
    default:
      return operation satisfies never;
  }
}

function encodeInsert(table: TableSchema, operation: Insert, names: UuidNames): unknown {
  const { op, uuid, uuidName, row } = operation;
  return {
    op,
    table: table.name,
    ...(uuid !== undefined && { uuid }),
    ...(uuidName !== undefined && { 'uuid-name': uuidName }),
    row: encodeRow(table, row, names),
  };
}

/** A <condition>; its argument has the column's type, an atom standing for the set of it. */
export function encodeCondition(table: TableSchema, condition: Condition, names?: UuidNames): unknown {
  const [name, fn, value] = condition;
  return [name, fn, encodeValue(knownColumn(table, name), value, names)];
}

/** A <mutation>; `delete` on a map takes a set of keys as well as pairs (section 5.1). */
function encodeMutation(table: TableSchema, mutation: Mutation, names: UuidNames): unknown {
  const [name, mutator, value] = mutation;
  const column = knownColumn(table, name);
  if (mutator === '*=' && column.key.type === 'integer' && Number(value) === 0) {
    // The server divides by it to find an overflow, and is killed when the column is negative (3.1 and 3.5).
    throw new EncodeError(`${name} *= 0 would end the server: update ${name} to 0 instead`, 'domain error');
  }
  if (typeof value !== 'object') {
    if (column.value !== undefined && mutator !== 'delete') throw new EncodeError(`${name} is a map, not an atom`);
    return [name, mutator, encodeAtom(column.key.type, value, names)];
  }
  if (isMap(value)) return [name, mutator, encodeMap(column, value, names)];
  if (column.value !== undefined && mutator !== 'delete') throw new EncodeError(`${name} is a map, not a set`);
  return [name, mutator, encodeSet(column.key.type, value, names)];
}

function tableOf(schema: DatabaseSchema, name: string): TableSchema {
  const table = schema.tables.get(name);
  if (table === undefined) throw new EncodeError(`no table ${name} in ${schema.name}`, 'unknown table');
  return table;
}

/**
 * The results of `operations`. Throws TransactError for the operation (or the commit) that failed.
 * An abort is such a failure too: the transaction is not in the database.
 */
export function decodeResults(
  schema: DatabaseSchema,
  operations: readonly Operation[],
  reply: unknown,
): readonly OperationResult[] {
  if (!Array.isArray(reply)) throw new ProtocolError('the reply to transact is not an array');
  const failed = failure(operations, reply);
  if (failed !== undefined) throw failed;
  if (reply.length < operations.length) {
    throw new ProtocolError(`${reply.length} results for ${operations.length} operations`);
  }
  return operations.map((operation, index) => decodeResult(schema, operation, reply[index]));
}

function failure(operations: readonly Operation[], reply: readonly unknown[]): TransactError | undefined {
  const index = reply.findIndex((result) => typeof result === 'object' && result !== null && 'error' in result);
  return index < 0 ? undefined : transactError(parseError(reply[index]), index, operations[index]);
}

function decodeResult(schema: DatabaseSchema, operation: Operation, json: unknown): OperationResult {
  if (typeof json !== 'object' || json === null) throw new ProtocolError(`the result of ${operation.op} is no object`);
  const result = readResult(schema, operation, json as Record<string, unknown>);
  if (result === undefined) throw new ProtocolError(`not a result of ${operation.op}: ${excerpt(json)}`);
  return result;
}

function readResult(
  schema: DatabaseSchema,
  operation: Operation,
  { count, uuid, rows }: Readonly<Record<string, unknown>>,
): OperationResult | undefined {
  switch (operation.op) {
    case 'insert':
      return Array.isArray(uuid) && typeof uuid[1] === 'string' ? { uuid: uuid[1] } : undefined;
    case 'select':
      return Array.isArray(rows) ? { rows: decodeRows(tableOf(schema, operation.table), rows) } : undefined;
    case 'update':
    case 'mutate':
    case 'delete':
      return typeof count === 'number' ? { count } : undefined;
    default:
      return {};
  }
}

/** Rows of a select have every column that was asked for, `_uuid` and `_version` among them. */
function decodeRows(table: TableSchema, rows: readonly unknown[]): readonly Row[] {
  const decoder = new RowDecoder(table, [...table.columns.keys(), '_uuid', '_version']);
  return rows.map((row) => {
    if (typeof row !== 'object' || row === null) throw new ProtocolError('a selected row is no object');
    return decoder.some(row as Record<string, unknown>);
  });
}
