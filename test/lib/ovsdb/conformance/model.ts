// What ovsdb-server does with the rows of one table without references, in plain JavaScript: the oracle of the property test.
import type { Atom, ColumnSchema, Condition, Mutation, Operation, Row, Value } from '../../../../lib/ovsdb/index.ts';
import { defaultValue } from '../../../../lib/ovsdb/index.ts';
import { schema } from './environment.ts';

/** The transaction would be refused, with this error string. */
export class Refused extends Error {}

const columns: ReadonlyMap<string, ColumnSchema> = schema.tables.get('Data')?.columns ?? new Map();
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

export const defaults: Row = Object.fromEntries(Array.from(columns, ([name, column]) => [name, defaultValue(column)]));

type Rows = ReadonlyMap<string, Row>;

/** The rows after a transaction, or Refused. The arguments stay as they are. */
export function applied(before: Rows, operations: readonly Operation[]): Rows {
  const rows = new Map(before);
  for (const operation of operations) {
    if (operation.op === 'insert') {
      // Also when the row has been deleted by this transaction, unless it came with it.
      if (before.has(operation.uuid ?? '')) throw new Refused('duplicate uuid');
      inserted(rows, operation);
    } else if ('where' in operation) written(rows, operation);
  }
  return rows;
}

function inserted(rows: Map<string, Row>, { uuid = '', row }: Extract<Operation, { op: 'insert' }>): void {
  if (rows.has(uuid)) throw new Refused('duplicate uuid');
  for (const [name, value] of Object.entries(row)) fits(name, value);
  rows.set(uuid, { ...defaults, ...row });
}

function written(rows: Map<string, Row>, operation: Extract<Operation, { where: unknown }>): void {
  for (const [uuid, row] of rows) {
    if (!operation.where.every((clause) => (typeof clause === 'boolean' ? clause : meets(row, clause)))) continue;
    if (operation.op === 'delete') rows.delete(uuid);
    else if (operation.op === 'update') rows.set(uuid, { ...row, ...operation.row });
    else if (operation.op === 'mutate') rows.set(uuid, operation.mutations.reduce(mutated, row));
  }
}

/** Conditions of integers and of sets of them. */
function meets(row: Row, [name, fn, argument]: Condition): boolean {
  const value = row[name] ?? 0;
  if (fn === 'includes' || fn === 'excludes') {
    const [elements, wanted] = [value as ReadonlySet<Atom>, argument as ReadonlySet<Atom>];
    return fn === 'includes' ? wanted.isSubsetOf(elements) : wanted.isDisjointFrom(elements);
  }
  const order = { '==': [0], '!=': [-1, 1], '<': [-1], '<=': [-1, 0], '>': [1], '>=': [0, 1] }[fn];
  const compared = (value as Atom) < (argument as Atom) ? -1 : (value as Atom) > (argument as Atom) ? 1 : 0;
  return order.includes(compared);
}

function mutated(row: Row, [name, mutator, argument]: Mutation): Row {
  const value = row[name] ?? 0;
  const next = typeof argument === 'object' ? members(value, mutator, argument) : arithmetic(value, mutator, argument);
  fits(name, next);
  return { ...row, [name]: next };
}

function members(value: Value, mutator: string, argument: ReadonlySet<Atom> | ReadonlyMap<Atom, Atom>): Value {
  if (value instanceof Map) {
    const map = new Map(value as ReadonlyMap<Atom, Atom>);
    for (const [key, other] of argument.entries()) {
      if (mutator === 'insert') map.set(key, map.get(key) ?? other);
      else if (argument instanceof Set || map.get(key) === other) map.delete(key);
    }
    return map;
  }
  const [set, elements] = [value as ReadonlySet<Atom>, argument as ReadonlySet<Atom>];
  return mutator === 'insert' ? set.union(elements) : set.difference(elements);
}

function arithmetic(value: Value, mutator: string, argument: Atom): Value {
  if (typeof value !== 'object') return calculated(value, mutator, argument);
  const results = [...(value as ReadonlySet<Atom>)].map((element) => calculated(element, mutator, argument));
  const set = new Set(results);
  if (set.size < results.length) throw new Refused('constraint violation');
  return set;
}

function calculated(value: Atom, mutator: string, argument: Atom): Atom {
  const [a, b] = [BigInt(value), BigInt(argument)];
  if (b === 0n && (mutator === '/=' || mutator === '%=')) throw new Refused('domain error');
  const result = { '+=': a + b, '-=': a - b, '*=': a * b, '/=': a / (b || 1n), '%=': a % (b || 1n) }[mutator] ?? 0n;
  // The remainder that belongs to a quotient out of range is refused with it.
  inRange(mutator === '%=' ? a / b : result);
  return Number.isSafeInteger(Number(result)) ? Number(result) : result;
}

function inRange(result: bigint): void {
  if (result > INT64_MAX || result < INT64_MIN) throw new Refused('range error');
}

function fits(name: string, value: Value): void {
  const column = columns.get(name);
  if (column === undefined) throw new RangeError(`no column ${name}`);
  const { min = -Infinity, max = Infinity } = typeof value === 'object' ? column : column.key;
  const measure = typeof value === 'object' ? value.size : value;
  // The lengths of strings are left to the cases of data.suite.ts.
  if (typeof measure === 'string' || typeof measure === 'boolean') return;
  if (measure < min || measure > max) throw new Refused('constraint violation');
}
