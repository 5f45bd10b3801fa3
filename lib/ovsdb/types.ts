// The vocabulary of RFC 7047 as this package speaks it in memory; wire.ts translates to and from JSON.

/**
 * One atom. A uuid is its text; the schema tells which strings are uuids. An integer is a number where a number holds
 * it exactly (up to 2^53 - 1 either way) and a bigint beyond, so no integer is ever rounded.
 */
export type Atom = string | number | bigint | boolean;

/** Exactly-one columns are an atom, columns with a value type are a map, all others (optional too) are a set. */
export type Value = Atom | ReadonlySet<Atom> | ReadonlyMap<Atom, Atom>;

export type AtomicType = 'integer' | 'real' | 'boolean' | 'string' | 'uuid';

export interface BaseType {
  readonly type: AtomicType;
  readonly enum?: readonly Atom[];
  readonly refTable?: string;
  readonly refType?: 'strong' | 'weak';
  /** Least and greatest integer or real, or length of a string in characters. */
  readonly min?: number;
  readonly max?: number;
}

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

export interface TableSchema {
  readonly name: string;
  readonly columns: ReadonlyMap<string, ColumnSchema>;
  readonly indexes: readonly (readonly string[])[];
  readonly isRoot: boolean;
  /** Infinity when the schema sets no limit. */
  readonly maxRows: number;
}

export interface DatabaseSchema {
  readonly name: string;
  readonly version: string;
  readonly tables: ReadonlyMap<string, TableSchema>;
}

/** A row's columns in memory form; `_uuid` and `_version` are not among them. */
export type Row = Readonly<Record<string, Value>>;

export type ConditionFunction = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'includes' | 'excludes';
export type Condition = readonly [column: string, fn: ConditionFunction, value: Value];
export type Mutator = '+=' | '-=' | '*=' | '/=' | '%=' | 'insert' | 'delete';
export type Mutation = readonly [column: string, mutator: Mutator, value: Value];

/** RFC 7047 section 5.2, with the `uuid` member of insert that ovsdb-server(7) 5.2.1 adds. */
export type Operation =
  | {
      readonly op: 'insert';
      readonly table: string;
      readonly row: Row;
      readonly uuid?: string;
      readonly uuidName?: string;
    }
  | {
      readonly op: 'select';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly columns?: readonly string[];
    }
  | { readonly op: 'update'; readonly table: string; readonly where: readonly Condition[]; readonly row: Row }
  | {
      readonly op: 'mutate';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly mutations: readonly Mutation[];
    }
  | { readonly op: 'delete'; readonly table: string; readonly where: readonly Condition[] }
  | {
      readonly op: 'wait';
      readonly table: string;
      readonly where: readonly Condition[];
      readonly columns: readonly string[];
      readonly until: '==' | '!=';
      readonly rows: readonly Row[];
      /** Milliseconds; absent waits for ever, 0 never waits. */
      readonly timeout?: number;
    }
  | { readonly op: 'commit'; readonly durable: boolean }
  | { readonly op: 'abort' }
  | { readonly op: 'comment'; readonly comment: string }
  | { readonly op: 'assert'; readonly lock: string };

export interface OperationResult {
  readonly count?: number;
  readonly uuid?: string;
  readonly rows?: readonly (Row & { readonly _uuid?: string })[];
}

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
