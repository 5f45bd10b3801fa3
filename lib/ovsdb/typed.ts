// Operations and reads checked by the compiler against generated tables (ovsdb-gen); at run time they are the plain ones.
import type { Replica } from './replica.ts';
import type { ConditionFunction, Mutator, Operation, Row } from './types.ts';

type Name<D> = keyof D & string;

/** `_uuid == TEXT` as a plain text, or conditions that all have to hold. */
export type Where<R> = string | readonly TypedCondition<R>[];

export type TypedCondition<R> =
  | { [C in Name<R>]: readonly [column: C, fn: ConditionFunction, value: R[C]] }[Name<R>]
  | readonly [column: '_uuid', fn: '==' | '!=', value: string];

/** A map's keys are deleted by a set of them or, where the value matters too, by a map. */
type MutationValue<V> = V extends ReadonlyMap<infer K, unknown> ? V | ReadonlySet<K> : V;

export type TypedMutation<R> = {
  [C in Name<R>]: readonly [column: C, mutator: Mutator, value: MutationValue<R[C]>];
}[Name<R>];

/** What is known of a row's identity before it exists. */
export interface NewRow {
  /** The uuid that the row shall have (OVS 2.13 and later). */
  readonly uuid?: string;
  /** A name for references from the same transaction; a uuid makes it needless. */
  readonly uuidName?: string;
}

/** Builders of operations and typed reads for the tables `D`. */
export interface Typed<D> {
  insert<T extends Name<D>>(table: T, row: Partial<D[T]>, identity?: NewRow): Operation;
  update<T extends Name<D>>(table: T, where: Where<D[T]>, row: Partial<D[T]>): Operation;
  mutate<T extends Name<D>>(table: T, where: Where<D[T]>, ...mutations: readonly TypedMutation<D[T]>[]): Operation;
  delete<T extends Name<D>>(table: T, where: Where<D[T]>): Operation;
  /** A row of a replica; only the columns that are monitored are there. */
  row<T extends Name<D>>(replica: Replica, table: T, uuid: string): Partial<D[T]> | undefined;
  rows<T extends Name<D>>(replica: Replica, table: T): Iterable<[string, Partial<D[T]>]>;
}

// The compiler has checked the types by the signatures above; that every generated row is a Row it cannot infer for an
// unbound D.
const untyped: Typed<Record<string, Row>> = {
  insert: (table, row, identity = {}) => ({ op: 'insert', table, row: row as Row, ...identity }),
  update: (table, where, row) => ({ op: 'update', table, where: conditions(where), row: row as Row }),
  mutate: (table, where, ...mutations) => ({ op: 'mutate', table, where: conditions(where), mutations }),
  delete: (table, where) => ({ op: 'delete', table, where: conditions(where) }),
  row: (replica, table, uuid) => replica.row(table, uuid),
  rows: (replica, table) => replica.rows(table),
};

/** `typed<Tables>()` with the `Tables` of a generated module. */
export function typed<D>(): Typed<D> {
  return untyped as unknown as Typed<D>;
}

function conditions(where: Where<Row>): readonly TypedCondition<Row>[] {
  return typeof where === 'string' ? [['_uuid', '==', where]] : where;
}
