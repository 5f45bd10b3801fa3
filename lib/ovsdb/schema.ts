// Reads a <database-schema> (RFC 7047 section 3.2), from an .ovsschema file or a get_schema reply.
// Nothing is assumed of its content: what is not a schema throws ProtocolError with the place named.
import { ProtocolError } from './errors.ts';
import { excerpt } from './json.ts';
import type { Atom, AtomicType, BaseType, ColumnSchema, DatabaseSchema, TableSchema } from './types.ts';

type Json = Readonly<Record<string, unknown>>;

const atomicTypes: readonly string[] = ['integer', 'real', 'boolean', 'string', 'uuid'];
const id = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Reads a schema from parsed JSON. */
export function parseSchema(json: unknown): DatabaseSchema {
  const schema = object(json, 'the schema');
  const name = text(schema['name'], 'name');
  const tables = new Map<string, TableSchema>();
  const declared = Object.entries(object(schema['tables'], 'tables'));
  // RFC 7047 section 3.2: when no table states isRoot, all of them are roots.
  const anyRoot = declared.some(([, table]) => object(table, 'tables')['isRoot'] === true);
  for (const [table, content] of declared) {
    tables.set(identifier(table, 'tables'), parseTable(table, object(content, table), !anyRoot));
  }
  const version = schema['version'] === undefined ? '' : text(schema['version'], 'version');
  return { name, version, tables };
}

function parseTable(name: string, json: Json, allRoots: boolean): TableSchema {
  const columns = new Map<string, ColumnSchema>();
  for (const [column, content] of Object.entries(object(json['columns'], `${name}.columns`))) {
    // Names that begin with an underscore are the protocol's own (section 3.2); this also keeps out __proto__.
    if (identifier(column, name).startsWith('_')) throw new ProtocolError(`schema: reserved column ${name}.${column}`);
    columns.set(column, parseColumn(column, object(content, `${name}.${column}`), `${name}.${column}`));
  }
  return {
    name,
    columns,
    indexes: array(json['indexes'] ?? [], `${name}.indexes`).map((index) =>
      array(index, `${name}.indexes`).map((column) => text(column, `${name}.indexes`)),
    ),
    isRoot: allRoots || json['isRoot'] === true,
    maxRows: json['maxRows'] === undefined ? Infinity : number(json['maxRows'], `${name}.maxRows`),
  };
}

function parseColumn(name: string, json: Json, at: string): ColumnSchema {
  const type = json['type'];
  const flags = { ephemeral: json['ephemeral'] === true, mutable: json['mutable'] !== false };
  if (typeof type === 'string') return { name, key: parseBase(type, at), min: 1, max: 1, ...flags };
  const { key, value, min, max } = object(type, `${at}.type`);
  if (min !== undefined && min !== 0 && min !== 1) throw new ProtocolError(`schema: ${at}: min is neither 0 nor 1`);
  return {
    name,
    key: parseBase(key, at),
    ...(value !== undefined && { value: parseBase(value, at) }),
    min: min ?? 1,
    max: max === 'unlimited' ? Infinity : number(max ?? 1, `${at}.max`),
    ...flags,
  };
}

function parseBase(json: unknown, at: string): BaseType {
  if (typeof json === 'string') return { type: atomicType(json, at) };
  const base = object(json, at);
  const type = atomicType(base['type'], at);
  const limit = (end: 'min' | 'max'): number | undefined => {
    const value = base[`${end}Integer`] ?? base[`${end}Real`] ?? base[`${end}Length`];
    return value === undefined ? undefined : number(value, `${at}.${end}`);
  };
  const min = limit('min');
  const max = limit('max');
  return {
    type,
    ...(base['enum'] !== undefined && { enum: parseEnum(base['enum'], at) }),
    ...(base['refTable'] !== undefined && reference(base, at)),
    ...(min !== undefined && { min }),
    ...(max !== undefined && { max }),
  };
}

function reference(base: Json, at: string): Pick<BaseType, 'refTable' | 'refType'> {
  const refType = base['refType'] ?? 'strong';
  if (refType !== 'strong' && refType !== 'weak')
    throw new ProtocolError(`schema: ${at}: refType is ${excerpt(refType)}`);
  return { refTable: text(base['refTable'], `${at}.refTable`), refType };
}

/** An enum is a <value>: one atom or `["set", [...]]`. */
function parseEnum(json: unknown, at: string): readonly Atom[] {
  const atoms = Array.isArray(json) && json[0] === 'set' ? array(json[1], `${at}.enum`) : [json];
  return atoms.map((atom) => {
    if (typeof atom === 'string' || typeof atom === 'number' || typeof atom === 'boolean') return atom;
    throw new ProtocolError(`schema: ${at}: enum holds ${excerpt(atom)}`);
  });
}

function atomicType(json: unknown, at: string): AtomicType {
  if (typeof json === 'string' && atomicTypes.includes(json)) return json as AtomicType;
  throw new ProtocolError(`schema: ${at}: no such type ${excerpt(json)}`);
}

function identifier(name: string, at: string): string {
  if (!id.test(name)) throw new ProtocolError(`schema: ${at}: illegal name ${excerpt(name)}`);
  return name;
}

function object(json: unknown, at: string): Json {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Json;
  throw new ProtocolError(`schema: ${at} is not an object`);
}

function array(json: unknown, at: string): readonly unknown[] {
  if (Array.isArray(json)) return json;
  throw new ProtocolError(`schema: ${at} is not an array`);
}

function text(json: unknown, at: string): string {
  if (typeof json === 'string') return json;
  throw new ProtocolError(`schema: ${at} is not a string`);
}

function number(json: unknown, at: string): number {
  if (typeof json === 'number') return json;
  throw new ProtocolError(`schema: ${at} is not a number`);
}
