// What of a schema matters to the differ: which columns refer to rows, which tables hang on a parent, which columns
// are written whole and which element by element.
import type { Atom, BaseType, ColumnSchema, DatabaseSchema, TableSchema, Value } from '../ovsdb/types.ts';

/** A reference from a column: to which table, and whether the target must exist. */
export interface Reference {
  readonly table: string;
  readonly strong: boolean;
}

/** One column; `whole` columns hold at most one value and are updated, all others are mutated. */
export interface Column {
  readonly name: string;
  readonly schema: ColumnSchema;
  readonly kind: 'atom' | 'set' | 'map';
  readonly whole: boolean;
  readonly key: Reference | undefined;
  readonly value: Reference | undefined;
  /** Its references keep rows of a table that is no root alive. */
  readonly holdsChildren: boolean;
}

export interface Shape {
  readonly schema: TableSchema;
  readonly columns: ReadonlyMap<string, Column>;
  /** Columns that refer to rows at all, and those that do so strongly. */
  readonly references: readonly Column[];
  readonly strong: readonly Column[];
  readonly immutable: readonly Column[];
  /** Rows of a table that is no root live as long as a strong reference to them. */
  readonly child: boolean;
}

export type Shapes = ReadonlyMap<string, Shape>;

export function shapesOf(schema: DatabaseSchema): Shapes {
  const children = new Set([...schema.tables].filter(([, { isRoot }]) => !isRoot).map(([name]) => name));
  return new Map([...schema.tables].map(([name, table]) => [name, shapeOf(table, children)]));
}

function shapeOf(schema: TableSchema, children: ReadonlySet<string>): Shape {
  const columns = new Map([...schema.columns].map(([name, column]) => [name, columnOf(name, column, children)]));
  const references = [...columns.values()].filter(({ key, value }) => key || value);
  const strong = references.filter(({ key, value }) => key?.strong || value?.strong);
  const immutable = [...columns.values()].filter((column) => !column.schema.mutable);
  return { schema, columns, references, strong, immutable, child: !schema.isRoot };
}

function columnOf(name: string, schema: ColumnSchema, children: ReadonlySet<string>): Column {
  const kind = schema.value ? 'map' : schema.min === 1 && schema.max === 1 ? 'atom' : 'set';
  const key = referenceOf(schema.key);
  const value = schema.value && referenceOf(schema.value);
  const holdsChildren = [key, value].some((to) => to?.strong === true && children.has(to.table));
  return { name, schema, kind, whole: kind !== 'map' && schema.max === 1, key, value, holdsChildren };
}

function referenceOf(type: BaseType): Reference | undefined {
  return type.refTable === undefined ? undefined : { table: type.refTable, strong: type.refType !== 'weak' };
}

/** Uuids that a value of `column` refers to, with the reference's kind. */
export function referencesIn(column: Column, value: Value): Iterable<readonly [string, Reference]> {
  const isEmpty = typeof value === 'object' && value.size === 0;
  return isEmpty || !(column.key ?? column.value) ? none : references(column, value);
}

const none: readonly never[] = [];

function* references(column: Column, value: Value): Iterable<readonly [string, Reference]> {
  for (const [key, mapped] of entriesOf(value)) yield* referencesOf(column, key, mapped);
}

/** Uuids that one element of `column` refers to. */
export function* referencesOf(column: Column, key: Atom, value?: Atom): Iterable<readonly [string, Reference]> {
  if (column.key) yield [key as string, column.key];
  if (column.value && value !== undefined) yield [value as string, column.value];
}

/** The elements of any value: of an atom itself, of a map its pairs. */
export function* entriesOf(value: Value): Iterable<readonly [Atom, Atom | undefined]> {
  if (isMap(value)) yield* value;
  else if (isSet(value)) for (const element of value) yield [element, undefined];
  else yield [value, undefined];
}

export function isMap(value: Value | undefined): value is ReadonlyMap<Atom, Atom> {
  return value instanceof Map;
}

export function isSet(value: Value | undefined): value is ReadonlySet<Atom> {
  return value instanceof Set;
}

/** Equality of two values of one column. */
export function sameValue(a: Value, b: Value | undefined): boolean {
  if (a === b) return true;
  if (b === undefined || typeof a !== 'object' || typeof b !== 'object' || a.size !== b.size) return false;
  if (isMap(a)) return isMap(b) && sameMap(a, b);
  return isSet(b) && a.isSubsetOf(b);
}

function sameMap(a: ReadonlyMap<Atom, Atom>, b: ReadonlyMap<Atom, Atom>): boolean {
  for (const [key, value] of a) if (b.get(key) !== value) return false;
  return true;
}
