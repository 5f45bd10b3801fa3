import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowDecoder } from '../../../lib/ovsdb/row-decoder.ts';
import { parseSchema } from '../../../lib/ovsdb/schema.ts';
import type { ColumnSchema } from '../../../lib/ovsdb/types.ts';
import { decodeValue } from '../../../lib/ovsdb/wire.ts';

const strings = { type: { key: 'string', min: 0, max: 'unlimited' } };
const schema = parseSchema({
  name: 'd',
  tables: {
    port: {
      columns: {
        addresses: strings,
        port_security: strings,
        up: { type: { key: 'boolean', min: 0, max: 1 } },
        external_ids: { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } },
      },
    },
  },
});
const table = schema.tables.get('port');
if (table === undefined) throw new Error('no table');
const decoder = (): RowDecoder => new RowDecoder(table, table.columns.keys());
const column = (name: string): ColumnSchema => decoder().column(name);

describe('what rows have in common', () => {
  it('is one set: of two columns of a row, and of two rows', () => {
    const rows = decoder();
    const [one, two] = ['a', 'b'].map((mac) => rows.whole({ addresses: mac, port_security: mac, up: true }));
    expect(one?.['port_security']).toBe(one?.['addresses']);
    expect(two?.['up']).toBe(one?.['up']);
    expect([one?.['addresses'], two?.['addresses']]).toEqual([new Set(['a']), new Set(['b'])]);
  });

  it('is not looked for any more in a column where every row has its own', () => {
    const rows = decoder();
    const address = (at: number): unknown => rows.whole({ addresses: `${at}` })['addresses'];
    const first = address(0);
    expect(address(0)).toBe(first);
    for (let at = 0; at < 2000; at += 1) expect(address(at)).toEqual(new Set([`${at}`]));
    expect(address(0)).not.toBe(first);
    expect(address(0)).toEqual(first);
  });

  it('does not change what is decoded, however many keys and values come', () => {
    const rows = decoder();
    const text = fc.oneof(fc.constantFrom('vendor', 'kube-ovn', ''), fc.nat(5000).map(String));
    const pairs = fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(pairs, text, (external_ids, address) => {
        const json = { addresses: address, external_ids: ['map', external_ids] };
        const row = rows.some(json);
        for (const [name, value] of Object.entries(json)) expect(row[name]).toEqual(decodeValue(column(name), value));
      }),
    );
  });
});
