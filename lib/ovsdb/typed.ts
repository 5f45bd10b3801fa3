// Operations and reads checked by the compiler against generated tables (ovsdb-gen); at run time they are the plain ones.
import type { Replica } from './replica.ts';
import type {
  Abort,
  Assert,
  Clause,
  Comment,
  Commit,
  Delete,
  Insert,
  Mutate,
  Mutation,
  Row,
  SelectOf,
  Update,
  Wait,
} from './types.ts';

/** The names that a string index would not widen. */
export type Name<D> = keyof D & string;

/** What generated `Traits` say of a table's columns; a table without any is left out. */
export interface TableTraits {
  /** Never to be changed after the insert. */
  readonly immutable?: string;
  /** To be stated by an insert: the default is not allowed. */
  readonly required?: string;
  /** Of 0 or 1 element. */
  readonly optional?: string;
  /** Of real numbers. */
  readonly real?: string;
}

/** The columns of table `T` that have a trait. */
export type Trait<K, T, N extends keyof TableTraits> = T extends keyof K
  ? K[T] extends { readonly [P in N]: infer C extends string }
    ? C
    : never
  : never;

type Numeric = number | bigint;
type Element<V> = V extends ReadonlySet<infer E> ? E : never;
/** A set of one may be written as its element. */
type Argument<V> = V | Element<V>;

type Equality = '==' | '!=' | 'includes' | 'excludes';
type Order = '<' | '<=' | '>' | '>=';

/** A condition on column `C`: order only where there is one, for numbers and for optional numbers (ovsdb-server(7) 5.1). */
type ColumnCondition<C, V, Optional> =
  | readonly [column: C, fn: Equality, value: Argument<V>]
  | ([V] extends [Numeric] ? readonly [column: C, fn: Order, value: Numeric] : never)
  | (C extends Optional ? OptionalOrder<C, Element<V>> : never);

type OptionalOrder<C, E> = [E] extends [Numeric] ? readonly [column: C, fn: Order, value: Numeric] : never;

/** A <condition> of RFC 7047 section 5.1 on a row type, `O` being its optional columns. */
export type TypedCondition<R, O = never> =
  | { [C in Name<R>]: ColumnCondition<C, R[C], O> }[Name<R>]
  | readonly [column: '_uuid' | '_version', fn: Equality, value: string];

/** `_uuid == TEXT` as a plain text, or conditions that all have to hold. */
export type Where<R, O = never> = string | readonly (TypedCondition<R, O> | boolean)[];

type Arithmetic<C, Real> = C extends Real
  ? readonly [column: C, mutator: '+=' | '-=' | '*=' | '/=', value: number]
  : readonly [column: C, mutator: '+=' | '-=' | '*=' | '/=' | '%=', value: Numeric];

/** Numbers are calculated with, also each element of a set; sets and maps gain and lose elements, a map also by keys. */
type ColumnMutation<C, V, Real> =
  V extends ReadonlyMap<infer K, unknown>
    ?
        | readonly [column: C, mutator: 'insert', value: V]
        | readonly [column: C, mutator: 'delete', value: V | ReadonlySet<K>]
    : V extends ReadonlySet<infer E>
      ?
          | readonly [column: C, mutator: 'insert' | 'delete', value: Argument<V>]
          | ([E] extends [Numeric] ? Arithmetic<C, Real> : never)
      : [V] extends [Numeric]
        ? Arithmetic<C, Real>
        : never;

/** A <mutation> of section 5.1 on a row type, `I` being its immutable columns and `F` its reals. */
export type TypedMutation<R, I = never, F = never> = {
  [C in Exclude<Name<R>, I>]: [R[C]] extends [Numeric] ? Arithmetic<C, F> : ColumnMutation<C, R[C], F>;
}[Exclude<Name<R>, I>];

/** What an insert may and has to state, `Q` being the columns whose default is not allowed. */
export type TypedInsert<R, Q = never> = Partial<R> & Pick<R, Q & keyof R>;

/** What an update may state, `I` being the immutable columns. */
export type TypedUpdate<R, I = never> = { readonly [C in Exclude<keyof R, I>]?: R[C] };

/** A column that a select or a wait may name. */
export type Selectable<R> = Name<R> | '_uuid' | '_version';

/** A row reduced to some columns. */
export type Selected<R, C> = { readonly [P in C & string]: P extends keyof R ? R[P] : string };

/** What is known of a row's identity before it exists. */
export interface NewRow {
  /** The uuid that the row shall have (Open vSwitch 2.13 and later). */
  readonly uuid?: string;
  /** A name for references from the same transaction; a uuid makes it needless. */
  readonly uuidName?: string;
}

/** What rows a `wait` waits for. */
export interface TypedWait<R, C extends Selectable<R>> {
  readonly until: '==' | '!=';
  readonly columns: readonly C[];
  readonly rows: readonly Partial<Selected<R, C>>[];
  /** Milliseconds; absent waits for ever, 0 never waits. */
  readonly timeout?: number;
}

/** Builders of operations and typed reads for the tables `D` with the traits `K`. */
export interface Typed<D, K = unknown> {
  insert<T extends Name<D>>(table: T, row: TypedInsert<D[T], Trait<K, T, 'required'>>, identity?: NewRow): Insert;
  select<T extends Name<D>>(
    table: T,
    where: Where<D[T], Trait<K, T, 'optional'>>,
  ): SelectOf<Selected<D[T], Selectable<D[T]>>>;
  select<T extends Name<D>, const C extends Selectable<D[T]>>(
    table: T,
    where: Where<D[T], Trait<K, T, 'optional'>>,
    columns: readonly C[],
  ): SelectOf<Selected<D[T], C>>;
  update<T extends Name<D>>(
    table: T,
    where: Where<D[T], Trait<K, T, 'optional'>>,
    row: TypedUpdate<D[T], Trait<K, T, 'immutable'>>,
  ): Update;
  mutate<T extends Name<D>>(
    table: T,
    where: Where<D[T], Trait<K, T, 'optional'>>,
    ...mutations: readonly TypedMutation<D[T], Trait<K, T, 'immutable'>, Trait<K, T, 'real'>>[]
  ): Mutate;
  delete<T extends Name<D>>(table: T, where: Where<D[T], Trait<K, T, 'optional'>>): Delete;
  wait<T extends Name<D>, const C extends Selectable<D[T]>>(
    table: T,
    where: Where<D[T], Trait<K, T, 'optional'>>,
    condition: TypedWait<D[T], C>,
  ): Wait;
  commit(options?: { readonly durable?: boolean }): Commit;
  abort(): Abort;
  comment(text: string): Comment;
  /** `lock` is its name; of a Lock of the session, `lock.assertion` is the same. */
  assert(lock: string): Assert;
  /** A row of a replica; only the columns that are monitored are there. */
  row<T extends Name<D>>(replica: Replica, table: T, uuid: string): Partial<D[T]> | undefined;
  rows<T extends Name<D>>(replica: Replica, table: T): Iterable<[string, Partial<D[T]>]>;
}

// The compiler has checked the types by the signatures above; that every generated row is a Row it cannot infer for an
// unbound D.
const untyped: Typed<Record<string, Row>> = {
  insert: (table: string, row: object, identity: NewRow = {}) => ({
    op: 'insert',
    table,
    row: row as Row,
    ...identity,
  }),
  select,
  update: (table: string, where: AnyWhere, row: object) => ({
    op: 'update',
    table,
    where: conditions(where),
    row: row as Row,
  }),
  mutate: (table: string, where: AnyWhere, ...mutations: readonly unknown[]) => ({
    op: 'mutate',
    table,
    where: conditions(where),
    mutations: mutations as readonly Mutation[],
  }),
  delete: (table: string, where: AnyWhere) => ({ op: 'delete', table, where: conditions(where) }),
  wait: (table: string, where: AnyWhere, { until, columns, rows, timeout }) => ({
    op: 'wait',
    table,
    where: conditions(where),
    columns,
    until,
    rows: rows as readonly Row[],
    ...(timeout !== undefined && { timeout }),
  }),
  commit: ({ durable = true } = {}) => ({ op: 'commit', durable }),
  abort: () => ({ op: 'abort' }),
  comment: (comment) => ({ op: 'comment', comment }),
  assert: (lock) => ({ op: 'assert', lock }),
  row: (replica, table, uuid) => replica.row(table, uuid),
  rows: (replica, table) => replica.rows(table),
};

/** `typed<Tables, Traits>()` with the types of a generated module. */
export function typed<D, K = unknown>(): Typed<D, K> {
  return untyped as unknown as Typed<D, K>;
}

function select(table: string, where: AnyWhere, columns?: readonly string[]): SelectOf<never> {
  return { op: 'select', table, where: conditions(where), ...(columns && { columns }) };
}

type AnyWhere = string | readonly unknown[];

function conditions(where: AnyWhere): readonly Clause[] {
  return typeof where === 'string' ? [['_uuid', '==', where]] : (where as readonly Clause[]);
}
