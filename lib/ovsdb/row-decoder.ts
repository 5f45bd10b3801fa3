// Rows of one table from JSON. Made once per monitor or reply, so that a row costs little.
import { ProtocolError } from './errors.ts';
import { ColumnSharing, lastSet } from './sharing.ts';
import type { LastSet } from './sharing.ts';
import type { ColumnSchema, Row, TableSchema, Value } from './types.ts';
import { decodeWith, defaultValue, knownColumn } from './wire.ts';

interface Decoded {
  readonly schema: ColumnSchema;
  readonly sharing: ColumnSharing;
}

/** Decodes rows that are reduced to some columns. What is equal in many of them is one object: values are never modified. */
export class RowDecoder {
  readonly table: string;
  readonly #columns: ReadonlyMap<string, Decoded>;
  /** Spread into every row, so that all rows of the table have one hidden class. */
  readonly #defaults: Row;

  constructor(table: TableSchema, columns: Iterable<string>) {
    this.table = table.name;
    const last: LastSet = lastSet();
    const decoded = (name: string): Decoded => ({
      schema: knownColumn(table, name),
      sharing: new ColumnSharing(last),
    });
    this.#columns = new Map(Array.from(columns, (name) => [name, decoded(name)]));
    this.#defaults = Object.fromEntries(
      Array.from(this.#columns, ([name, { schema }]) => [name, defaultValue(schema)]),
    );
  }

  /** Throws ProtocolError for a column that was not asked for. */
  column(name: string): ColumnSchema {
    return this.#decoded(name).schema;
  }

  /** A whole row: columns that are not named have their default (ovsdb-server(7) 4.1.14). */
  whole(json: Readonly<Record<string, unknown>>): Row {
    return this.#fill({ ...this.#defaults }, json);
  }

  /** Only the columns that are named. */
  some(json: Readonly<Record<string, unknown>>): Row {
    return this.#fill({}, json);
  }

  #fill(row: Record<string, Value>, json: Readonly<Record<string, unknown>>): Row {
    for (const name of Object.keys(json)) {
      const { schema, sharing } = this.#decoded(name);
      row[name] = decodeWith(sharing, schema, json[name]);
    }
    return row;
  }

  #decoded(name: string): Decoded {
    const decoded = this.#columns.get(name);
    if (decoded === undefined) throw new ProtocolError(`column ${this.table}.${name} was not asked for`);
    return decoded;
  }
}
