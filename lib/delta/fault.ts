// What is wrong with a fact as such, before any database is asked. A fault is a mistake of ours: it freezes its source,
// since acting on the rest of what the source wants could delete what it meant to keep.
import type { Fact } from './desired.ts';
import type { MemberFact, RowFact } from './fact.ts';
import { isRowId } from './ids.ts';
import type { TrackerOptions } from './options.ts';
import { isMap, isSet } from './shape.ts';
import type { Column, Shape, Shapes } from './shape.ts';
import type { Atom, Value } from '../ovsdb/types.ts';

export interface Rules extends Pick<TrackerOptions, 'owns' | 'singletons'> {
  readonly shapes: Shapes;
  /** Whether the replica holds the column: what is not read back cannot be compared. */
  readonly monitored: (table: string, column: string) => boolean;
}

/** One sentence, or undefined when the fact is sound. */
export function faultOf(rules: Rules, fact: Fact): string | undefined {
  const table = 'row' in fact ? fact.row : fact.member;
  const shape = rules.shapes.get(table);
  if (!shape) return `the database has no table ${table}`;
  if (!isRowId(fact.id)) return `${table}: a row id is missing`;
  return 'row' in fact ? rowFault(rules, shape, fact) : memberFault(rules, shape, fact);
}

function rowFault(rules: Rules, shape: Shape, fact: RowFact): string | undefined {
  if (rules.singletons?.includes(fact.row)) return `${fact.row} has one row, which facts may only add members to`;
  for (const [name, value] of Object.entries(fact.columns)) {
    const fault = columnFault(rules, shape, name) ?? valueFault(rules, shape, name, value);
    if (fault) return fault;
  }
  return fact.in && placeFault(rules, fact);
}

function placeFault(rules: Rules, { row, in: place }: RowFact): string | undefined {
  if (!place) return undefined;
  const shape = rules.shapes.get(place.row);
  if (!shape) return `the database has no table ${place.row}`;
  const fault = columnFault(rules, shape, place.column);
  if (fault) return fault;
  const key = shape.columns.get(place.column)?.key;
  if (key?.table !== row || !key.strong) return `${place.row}.${place.column} does not hold rows of ${row}`;
  return undefined;
}

function memberFault(rules: Rules, shape: Shape, fact: MemberFact): string | undefined {
  const fault = columnFault(rules, shape, fact.column);
  if (fault) return fault;
  const column = shape.columns.get(fact.column);
  const at = `${fact.member}.${fact.column}`;
  if (column?.kind === 'atom') return `${at} holds exactly one value, not members`;
  if ((column?.kind === 'map') !== (fact.value !== undefined)) return `${at}: a map's member has a value, a set's none`;
  if (column?.holdsChildren) return undefined;
  return owned(rules, fact.member, fact.column, fact.element)
    ? undefined
    : `${at}: ${fact.element} is not ours to write`;
}

function kindOf(value: Value): Column['kind'] {
  if (isMap(value)) return 'map';
  return isSet(value) ? 'set' : 'atom';
}

function columnFault(rules: Rules, { schema }: Shape, name: string): string | undefined {
  if (!schema.columns.has(name)) return `the database has no column ${schema.name}.${name}`;
  return rules.monitored(schema.name, name) ? undefined : `${schema.name}.${name} is not monitored`;
}

function valueFault(rules: Rules, shape: Shape, name: string, value: Value): string | undefined {
  const column = shape.columns.get(name);
  const { name: table } = shape.schema;
  if (column?.kind !== kindOf(value)) {
    return `${table}.${name} takes a value of kind ${column?.kind}, not ${kindOf(value)}`;
  }
  if (!isMap(value)) return undefined;
  for (const key of value.keys()) {
    if (!owned(rules, table, name, key)) return `${table}.${name}: key ${key} is not ours to write`;
  }
  return undefined;
}

/** Whether the element (a map's key) is ours; in a row of ours this says who may take it out. */
export function owned({ owns }: Pick<TrackerOptions, 'owns'>, table: string, column: string, element: Atom): boolean {
  const keys = owns[table]?.[column];
  if (keys === undefined || typeof keys === 'string') return keys !== undefined;
  const text = String(element);
  return keys.includes(text) || keys.some((key) => key.endsWith('*') && text.startsWith(key.slice(0, -1)));
}
