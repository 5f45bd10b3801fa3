// Values between memory and the notation of RFC 7047 section 5.1, both directions in one place, driven by the schema.
// What does not fit a column's type throws before it reaches the server or a cache; nothing is converted silently.
import { ProtocolError } from './errors.ts';
import { excerpt } from './json.ts';
import type { Atom, AtomicType, ColumnSchema, Row, TableSchema, Value } from './types.ts';

/** The schema does not allow it; nothing was sent. `code` is the error string that the server would have used. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError';
  readonly code: 'constraint violation' | 'domain error' | 'unknown column' | 'unknown table';

  constructor(message: string, code: EncodeError['code'] = 'constraint violation') {
    super(message);
    this.code = code;
  }
}

export const ZERO_UUID = '00000000-0000-0000-0000-000000000000';

export const uuidText = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** Of all columns that are empty; never to be modified. */
const EMPTY_SET: ReadonlySet<Atom> = new Set<Atom>();
const EMPTY_MAP: ReadonlyMap<Atom, Atom> = new Map<Atom, Atom>();

/** The `uuid-name`s that inserts of the same transaction declare; a reference may come before its declaration. */
export type UuidNames = ReadonlySet<string>;

const NO_NAMES: UuidNames = new Set();

/** The pseudo-columns of every table (RFC 7047 section 3.2). */
const uuidColumn: Omit<ColumnSchema, 'name'> = {
  key: { type: 'uuid' },
  min: 1,
  max: 1,
  ephemeral: false,
  mutable: false,
};
const pseudoColumns: ReadonlyMap<string, ColumnSchema> = new Map([
  ['_uuid', { name: '_uuid', ...uuidColumn }],
  ['_version', { name: '_version', ...uuidColumn }],
]);

/** A column by its name, `_uuid` and `_version` included. */
export function columnOf(table: TableSchema, name: string): ColumnSchema | undefined {
  return table.columns.get(name) ?? pseudoColumns.get(name);
}

// Encoding

/** One atom as JSON. A string that is no UUID, in a uuid's place, is the `uuid-name` of an insert in `names`. */
export function encodeAtom(type: AtomicType, atom: Atom, names: UuidNames = NO_NAMES): unknown {
  switch (type) {
    case 'integer':
      return encodeInteger(atom);
    case 'real':
      return encodeReal(atom);
    case 'boolean':
      if (typeof atom === 'boolean') return atom;
      break;
    case 'string':
      return encodeString(atom);
    case 'uuid':
      return encodeUuid(atom, names);
  }
  throw mismatch(atom, type);
}

function encodeInteger(atom: Atom): unknown {
  if (typeof atom === 'number' && Number.isSafeInteger(atom)) return atom;
  if (typeof atom === 'bigint' && atom >= INT64_MIN && atom <= INT64_MAX) return rawInteger(atom);
  throw mismatch(atom, 'integer');
}

function encodeReal(atom: Atom): unknown {
  if (typeof atom === 'number' && (atom === 0 || isPrintable(Math.abs(atom)))) return atom;
  throw mismatch(atom, 'real');
}

/**
 * ovsdb-server (3.1, 3.5) prints 15 digits, and a number that is too large or too small for a double ends the connection on
 * which it comes. Beyond these limits the server's own words for a real are such a number.
 */
function isPrintable(magnitude: number): boolean {
  return magnitude >= 2.22507385850721e-308 && magnitude < 1.797693134862315e308;
}

/** The server ends the connection for a string that has no UTF-8 (a lone surrogate) or that C can't hold (RFC 7047 3.1). */
function encodeString(atom: Atom): unknown {
  if (typeof atom !== 'string') throw mismatch(atom, 'string');
  if (!atom.isWellFormed()) throw new EncodeError(`${JSON.stringify(atom.slice(0, 80))} has a lone surrogate`);
  if (atom.includes('\0')) throw new EncodeError(`${JSON.stringify(atom.slice(0, 80))} has a NUL`);
  return atom;
}

function encodeUuid(atom: Atom, names: UuidNames): unknown {
  if (typeof atom !== 'string') throw mismatch(atom, 'uuid');
  if (uuidText.test(atom)) return ['uuid', atom];
  // A name that no insert declares would be taken by the server for a row that never comes: a weak reference to it
  // vanishes without a word.
  if (names.has(atom)) return ['named-uuid', atom];
  throw new EncodeError(`${JSON.stringify(atom)} is neither a UUID nor the uuid-name of an insert in this transaction`);
}

/** JSON.stringify refuses a bigint; JSON.rawJSON carries its digits (Node 21 and later). */
function rawInteger(value: bigint): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(value.toString());
}

/** A <set> as JSON: one element is sent as the atom itself. */
export function encodeSet(type: AtomicType, set: ReadonlySet<Atom>, names: UuidNames = NO_NAMES): unknown {
  const atoms: unknown[] = [];
  for (const atom of set) atoms.push(encodeAtom(type, atom, names));
  return atoms.length === 1 ? atoms[0] : ['set', atoms];
}

/** A <map> as JSON. */
export function encodeMap(column: ColumnSchema, map: ReadonlyMap<Atom, Atom>, names: UuidNames = NO_NAMES): unknown {
  const { key, value } = column;
  if (value === undefined) throw new EncodeError(`${column.name} is not a map`);
  const pairs: unknown[] = [];
  for (const [k, v] of map) pairs.push([encodeAtom(key.type, k, names), encodeAtom(value.type, v, names)]);
  return ['map', pairs];
}

/** A <value> for a whole column. An atom is also taken for a set of that one element (but never for a map). */
export function encodeValue(column: ColumnSchema, value: Value, names: UuidNames = NO_NAMES): unknown {
  if (typeof value !== 'object') {
    if (column.value !== undefined) throw new EncodeError(`${column.name} is a map, not an atom`);
    return encodeAtom(column.key.type, value, names);
  }
  if (isMap(value)) return encodeMap(column, value, names);
  if (column.value !== undefined) throw new EncodeError(`${column.name} is a map, not a set`);
  return encodeSet(column.key.type, value, names);
}

/** A <row>, in the order of its own keys. Throws EncodeError for a column that the table does not have. */
export function encodeRow(table: TableSchema, row: Row, names: UuidNames = NO_NAMES): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const name of Object.keys(row)) {
    const value = row[name];
    if (value === undefined) continue;
    json[name] = encodeValue(knownColumn(table, name), value, names);
  }
  return json;
}

/** The column, or an EncodeError that names it. */
export function knownColumn(table: TableSchema, name: string): ColumnSchema {
  const column = columnOf(table, name);
  if (column === undefined) throw new EncodeError(`no column ${name} in table ${table.name}`, 'unknown column');
  return column;
}

export function isMap(value: ReadonlySet<Atom> | ReadonlyMap<Atom, Atom>): value is ReadonlyMap<Atom, Atom> {
  return 'get' in value;
}

function mismatch(atom: Atom, type: AtomicType): EncodeError {
  return new EncodeError(`${typeof atom} ${String(atom)} is no ${type}`);
}

// Decoding

const decoders: Readonly<Record<AtomicType, (json: unknown) => Atom | undefined>> = {
  integer(json) {
    if (typeof json === 'number') return Number.isSafeInteger(json) ? json : undefined;
    return typeof json === 'bigint' && BigInt.asIntN(64, json) === json ? json : undefined;
  },
  real(json) {
    // A server's -0 is no other value than its 0, and which of the two it prints depends on how it was made.
    if (typeof json === 'number') return json + 0;
    return typeof json === 'bigint' ? Number(json) : undefined;
  },
  boolean: (json) => (typeof json === 'boolean' ? json : undefined),
  string: (json) => (typeof json === 'string' ? json : undefined),
  uuid: (json) => (Array.isArray(json) && json[0] === 'uuid' && typeof json[1] === 'string' ? json[1] : undefined),
};

/** One atom from JSON. */
export function decodeAtom(type: AtomicType, json: unknown): Atom {
  const atom = decoders[type](json);
  if (atom === undefined) throw new ProtocolError(`${excerpt(json)} is no ${type}`);
  return atom;
}

/** Where decoded elements come to be; lets rows have in common what is equal (sharing.ts). */
export interface Elements {
  /** The set of this atom alone. */
  only(atom: Atom): ReadonlySet<Atom>;
  put(map: Map<Atom, Atom>, key: Atom, value: Atom): void;
}

const fresh: Elements = {
  only: (atom) => new Set([atom]),
  put: (map, key, value) => void map.set(key, value),
};

/** A <set>, or the atom that stands for a set of one. Sizes are not checked: a difference may exceed the column's. */
function decodeSet(type: AtomicType, json: unknown, elements: Elements): ReadonlySet<Atom> {
  if (!Array.isArray(json) || json[0] !== 'set') return elements.only(decodeAtom(type, json));
  const atoms: unknown = json[1];
  if (!Array.isArray(atoms)) throw new ProtocolError(`${excerpt(json)} is no set`);
  if (atoms.length === 0) return EMPTY_SET;
  const set = new Set<Atom>();
  for (const atom of atoms) set.add(decodeAtom(type, atom));
  return set;
}

/** A <map>, for the types of its keys and values. */
function decodeMap(
  [key, value]: readonly [AtomicType, AtomicType],
  json: unknown,
  elements: Elements,
): ReadonlyMap<Atom, Atom> {
  if (!Array.isArray(json) || json[0] !== 'map' || !Array.isArray(json[1])) {
    throw new ProtocolError(`${excerpt(json)} is no map`);
  }
  const pairs: readonly unknown[] = json[1];
  if (pairs.length === 0) return EMPTY_MAP;
  const map = new Map<Atom, Atom>();
  for (const pair of pairs) {
    if (!Array.isArray(pair) || pair.length !== 2) throw new ProtocolError(`${excerpt(pair)} is no pair`);
    elements.put(map, decodeAtom(key, pair[0]), decodeAtom(value, pair[1]));
  }
  return map;
}

/** Whether the column is exactly one atom in memory. */
export function isScalar(column: ColumnSchema): boolean {
  return column.value === undefined && column.min === 1 && column.max === 1;
}

/** A column's value from JSON. */
export function decodeValue(column: ColumnSchema, json: unknown): Value {
  return decodeWith(fresh, column, json);
}

/** The same, with these elements. */
export function decodeWith(elements: Elements, column: ColumnSchema, json: unknown): Value {
  const { key, value } = column;
  if (value !== undefined) return decodeMap([key.type, value.type], json, elements);
  return isScalar(column) ? decodeAtom(key.type, json) : decodeSet(key.type, json, elements);
}

const defaultAtoms: Readonly<Record<AtomicType, Atom>> = {
  integer: 0,
  real: 0,
  boolean: false,
  string: '',
  uuid: ZERO_UUID,
};

/** What a column holds when an insert does not name it (RFC 7047 section 5.2.1). Shared: never to be modified. */
export function defaultValue(column: ColumnSchema): Value {
  const { key, value, min } = column;
  if (value !== undefined) return min === 0 ? EMPTY_MAP : new Map([[defaultAtom(key.type), defaultAtom(value.type)]]);
  if (isScalar(column)) return defaultAtom(key.type);
  return min === 0 ? EMPTY_SET : new Set([defaultAtom(key.type)]);
}

/** The default of an atomic type. */
export function defaultAtom(type: AtomicType): Atom {
  return defaultAtoms[type];
}
