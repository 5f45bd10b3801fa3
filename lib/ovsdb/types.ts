// The vocabulary of RFC 7047 as this package speaks it in memory; wire.ts translates to and from JSON.

/**
 * One atom. A uuid is its text; the schema tells which strings are uuids. An integer is a number where a number holds
 * it exactly (up to 2^53 - 1 either way) and a bigint beyond, so no integer is ever rounded.
 */
export type Atom = string | number | bigint | boolean;

/** Exactly-one columns are an atom, columns with a value type are a map, all others (optional too) are a set. */
export type Value = Atom | ReadonlySet<Atom> | ReadonlyMap<Atom, Atom>;

/** RFC 7047 section 3.2. */
export type AtomicType = 'integer' | 'real' | 'boolean' | 'string' | 'uuid';

/** A <base-type> of RFC 7047 section 3.2: what an atom of a column may be. */
export interface BaseType {
  readonly type: AtomicType;
  readonly enum?: readonly Atom[];
  readonly refTable?: string;
  readonly refType?: 'strong' | 'weak';
  /** Least and greatest integer or real, or length of a string in characters. */
  readonly min?: number;
  readonly max?: number;
}

/** A <column-schema> of RFC 7047 section 3.2. */
export interface ColumnSchema {
  readonly name: string;
  readonly key: BaseType;
  readonly value?: BaseType;
  readonly min: 0 | 1;
  /** Infinity for "unlimited". */
  readonly max: number;
  readonly ephemeral: boolean;
  readonly mutable: boolean;
}

/** A <table-schema> of RFC 7047 section 3.2. */
export interface TableSchema {
  readonly name: string;
  readonly columns: ReadonlyMap<string, ColumnSchema>;
  readonly indexes: readonly (readonly string[])[];
  readonly isRoot: boolean;
  /** Infinity when the schema sets no limit. */
  readonly maxRows: number;
}

/** A <database-schema> of RFC 7047 section 3.2, with what it leaves out filled in. */
export interface DatabaseSchema {
  readonly name: string;
  readonly version: string;
  readonly tables: ReadonlyMap<string, TableSchema>;
}

/** A row's columns in memory form; `_uuid` and `_version` are not among them. */
export type Row = Readonly<Record<string, Value>>;

/** A <function> of RFC 7047 section 5.1. */
export type ConditionFunction = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'includes' | 'excludes';
/** A <condition> of RFC 7047 section 5.1; the value has the type of the column, an atom standing for the set of it. */
export type Condition = readonly [column: string, fn: ConditionFunction, value: Value];
/** A condition, or a constant (ovsdb-server(7) 5.1). */
export type Clause = Condition | boolean;
/** A <mutator> of RFC 7047 section 5.1. */
export type Mutator = '+=' | '-=' | '*=' | '/=' | '%=' | 'insert' | 'delete';
/** A <mutation> of RFC 7047 section 5.1; of a map, `delete` takes keys too. */
export type Mutation = readonly [column: string, mutator: Mutator, value: Value];

/** RFC 7047 section 5.2.1, with the `uuid` member that ovsdb-server(7) 5.2.1 adds. */
export interface Insert {
  readonly op: 'insert';
  readonly table: string;
  readonly row: Row;
  /** The uuid that the row shall have (Open vSwitch 2.13 and later). */
  readonly uuid?: string;
  /** A name for references from the same transaction; a chosen uuid makes it needless. */
  readonly uuidName?: string;
}

/**
 * Section 5.2.2. All of `where` has to hold, here and below; an empty one holds for every row. Without `columns` all are
 * given, `_uuid` and `_version` among them.
 */
export interface Select {
  readonly op: 'select';
  readonly table: string;
  readonly where: readonly Clause[];
  readonly columns?: readonly string[];
}

/** Section 5.2.3. */
export interface Update {
  readonly op: 'update';
  readonly table: string;
  readonly where: readonly Clause[];
  readonly row: Row;
}

/** Section 5.2.4. */
export interface Mutate {
  readonly op: 'mutate';
  readonly table: string;
  readonly where: readonly Clause[];
  readonly mutations: readonly Mutation[];
}

/** Section 5.2.5. */
export interface Delete {
  readonly op: 'delete';
  readonly table: string;
  readonly where: readonly Clause[];
}

/** Section 5.2.6: the transaction waits until the rows that meet `where` are `rows`, or are not, in these columns. */
export interface Wait {
  readonly op: 'wait';
  readonly table: string;
  readonly where: readonly Clause[];
  readonly columns: readonly string[];
  readonly until: '==' | '!=';
  readonly rows: readonly Row[];
  /** Milliseconds; absent waits for ever, 0 never waits. */
  readonly timeout?: number;
}

/** Section 5.2.7: with `durable` the reply comes only when the transaction is on disk. */
export interface Commit {
  readonly op: 'commit';
  readonly durable: boolean;
}

/** Section 5.2.8: the transaction fails with Aborted. */
export interface Abort {
  readonly op: 'abort';
}

/** Section 5.2.9: a line for the server's log of the database. */
export interface Comment {
  readonly op: 'comment';
  readonly comment: string;
}

/** Section 5.2.10: the transaction fails with NotOwner unless this connection holds the lock. */
export interface Assert {
  readonly op: 'assert';
  readonly lock: string;
}

/** RFC 7047 section 5.2. */
export type Operation = Insert | Select | Update | Mutate | Delete | Wait | Commit | Abort | Comment | Assert;

/** What an operation gives: `uuid` an insert, `rows` a select, `count` an update, mutate or delete, the others nothing. */
export interface OperationResult {
  readonly count?: number;
  readonly uuid?: string;
  readonly rows?: readonly (Row & { readonly _uuid?: string })[];
}

declare const selected: unique symbol;

/** A select whose rows the compiler knows. */
export type SelectOf<R> = Select & { readonly [selected]?: R };

/** What one operation gives, as far as its type tells. */
export type ResultOf<O> = Operation extends O
  ? OperationResult
  : O extends Insert
    ? { readonly uuid: string }
    : O extends Select
      ? { readonly rows: readonly SelectedBy<O>[] }
      : O extends Update | Mutate | Delete
        ? { readonly count: number }
        : Readonly<Record<string, never>>;

type SelectedBy<O> = O extends { readonly [selected]?: infer R }
  ? unknown extends R
    ? Row
    : Exclude<R, undefined>
  : Row;

/** The results of a transaction, each by its operation. */
export type Results<O extends readonly Operation[]> = { readonly [I in keyof O]: ResultOf<O[I]> };

/** One row's change in a replica. `old` is absent for a new row, `new` for a deleted one. */
export interface RowChange {
  readonly table: string;
  readonly uuid: string;
  readonly old?: Row;
  readonly new?: Row;
  /**
   * When both are present: exactly the columns that differ, so that a consumer need not compare 10,000 ports to find
   * one. For an atom or an optional column the new value; for a set the elements that only one side has; for a map
   * the keys that only one side has (with that side's value) or whose value differs (with the new one).
   */
  readonly difference?: Row;
}
