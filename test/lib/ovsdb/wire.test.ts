import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { ProtocolError } from '../../../lib/ovsdb/errors.ts';
import { parseSchema } from '../../../lib/ovsdb/schema.ts';
import type { ColumnSchema, Value } from '../../../lib/ovsdb/types.ts';
import { RowDecoder } from '../../../lib/ovsdb/row-decoder.ts';
import { EncodeError, decodeValue, defaultValue, encodeRow, encodeValue } from '../../../lib/ovsdb/wire.ts';

const U = '550e8400-e29b-41d4-a716-446655440000';
const V = '550e8400-e29b-41d4-a716-446655440001';

const schema = parseSchema({
  name: 'T',
  version: '1.0.0',
  tables: {
    t: {
      columns: {
        i: { type: 'integer' },
        r: { type: 'real' },
        b: { type: 'boolean' },
        s: { type: 'string' },
        u: { type: 'uuid' },
        oi: { type: { key: 'integer', min: 0, max: 1 } },
        ss: { type: { key: 'string', min: 0, max: 'unlimited' } },
        us: { type: { key: 'uuid', min: 0, max: 'unlimited' } },
        one: { type: { key: 'string', min: 1, max: 'unlimited' } },
        m: { type: { key: 'string', value: 'integer', min: 0, max: 'unlimited' } },
        mu: { type: { key: 'integer', value: 'uuid', min: 0, max: 'unlimited' } },
        m1: { type: { key: 'string', value: 'string' } },
      },
    },
  },
});
const table = schema.tables.get('t')!;
const column = (name: string): ColumnSchema => table.columns.get(name)!;

const both: [column: string, memory: Value, json: unknown][] = [
  ['i', 5, 5],
  ['i', -9007199254740991, -9007199254740991],
  ['r', 1.5, 1.5],
  ['r', 3, 3],
  ['b', true, true],
  ['s', '', ''],
  ['s', 'a"\\\u0001ß\u{1f600}', 'a"\\\u0001ß\u{1f600}'],
  ['u', U, ['uuid', U]],
  ['oi', new Set(), ['set', []]],
  ['oi', new Set([7]), 7],
  ['ss', new Set(['a', 'b']), ['set', ['a', 'b']]],
  ['ss', new Set(['set']), 'set'],
  ['us', new Set([U]), ['uuid', U]],
  [
    'us',
    new Set([U, V]),
    [
      'set',
      [
        ['uuid', U],
        ['uuid', V],
      ],
    ],
  ],
  ['m', new Map(), ['map', []]],
  ['m', new Map([['a', 1]]), ['map', [['a', 1]]]],
  ['mu', new Map([[1, U]]), ['map', [[1, ['uuid', U]]]]],
];

describe('encodeValue and decodeValue', () => {
  it.each(both)('%s %o is %j, both ways', (name, memory, json) => {
    expect(encodeValue(column(name), memory)).toEqual(json);
    expect(decodeValue(column(name), json)).toEqual(memory);
  });

  it('sends integers beyond 2^53 with all their digits', () => {
    const json = encodeValue(column('i'), 9223372036854775807n);
    expect(JSON.stringify([json])).toBe('[9223372036854775807]');
    expect(decodeValue(column('i'), 9223372036854775807n)).toBe(9223372036854775807n);
    expect(decodeValue(column('r'), 100000000000000000n)).toBe(1e17);
  });

  it('takes a set of one where an atom is meant, as section 5.1 allows', () => {
    expect(decodeValue(column('ss'), ['set', ['a']])).toEqual(new Set(['a']));
    expect(encodeValue(column('ss'), 'a')).toBe('a');
  });

  it.each<[string, unknown]>([
    ['i', 1.5],
    ['i', 2 ** 53],
    ['i', 2n ** 63n],
    ['i', '5'],
    ['i', true],
    ['i', Number.NaN],
    ['r', Infinity],
    ['r', 'x'],
    ['b', 0],
    ['s', 5],
    ['u', 'not-a-uuid'],
    ['u', 5],
    ['ss', new Set([1])],
    ['ss', new Map([['a', 'b']])],
    ['m', new Set(['a'])],
    ['m', 'a'],
    ['m', new Map([['a', 'b']])],
    ['s', 'nul \0'],
    ['ss', new Set(['\ud800'])],
    ['r', Number.MAX_VALUE],
    ['r', Number.MIN_VALUE],
  ])('refuses to send %s %o', (name, value) => {
    expect(() => encodeValue(column(name), value as Value)).toThrow(EncodeError);
  });

  it.each<[string, unknown]>([
    ['i', 1.5],
    ['i', 2 ** 60],
    ['i', null],
    ['i', ['set', [1]]],
    ['r', '1'],
    ['b', 1],
    ['s', 5],
    ['u', U],
    ['u', ['named-uuid', 'x']],
    ['u', ['uuid']],
    ['ss', ['set', 'a']],
    ['ss', ['set', [1]]],
    ['ss', { a: 1 }],
    ['m', ['map', [['a']]]],
    ['m', ['map', [['a', 'b']]]],
    ['m', ['set', []]],
    ['m', 'a'],
  ])('refuses to take %s %j', (name, json) => {
    expect(() => decodeValue(column(name), json)).toThrow(ProtocolError);
  });

  it('takes a string in the place of a uuid for a name that the transaction declares', () => {
    expect(encodeValue(column('us'), new Set(['row1', U]), new Set(['row1']))).toEqual([
      'set',
      [
        ['named-uuid', 'row1'],
        ['uuid', U],
      ],
    ]);
    expect(() => encodeValue(column('us'), new Set(['row2']), new Set(['row1']))).toThrow('row2');
  });

  it('is lossless for any set and map', () => {
    const sets = fc.array(fc.string()).map((atoms) => new Set(atoms));
    const maps = fc.array(fc.tuple(fc.string(), fc.maxSafeInteger())).map((pairs) => new Map(pairs));
    const through = (name: string, value: Value): Value =>
      decodeValue(column(name), JSON.parse(JSON.stringify(encodeValue(column(name), value))));
    const equals = (a: Value, b: Value): void => {
      expect(a).toEqual(b);
    };
    fc.assert(fc.property(sets, (set) => equals(through('ss', set), set)));
    fc.assert(fc.property(maps, (map) => equals(through('m', map), map)));
  });
});

describe('rows', () => {
  const decoder = new RowDecoder(table, ['i', 'b', 's', 'u', 'oi', 'ss', 'one', 'm', 'm1', 'r']);

  it('fills in the defaults that an insert or initial update leaves out', () => {
    expect(decoder.whole({ s: 'x' })).toEqual({
      i: 0,
      b: false,
      s: 'x',
      u: '00000000-0000-0000-0000-000000000000',
      oi: new Set(),
      ss: new Set(),
      one: new Set(['']),
      m: new Map(),
      m1: new Map([['', '']]),
      r: 0,
    });
    expect(defaultValue(column('us'))).toEqual(new Set());
  });

  it('decodes only what is named of a modification', () => {
    expect(decoder.some({ oi: 3 })).toEqual({ oi: new Set([3]) });
  });

  it('refuses a column that was not asked for', () => {
    expect(() => decoder.whole({ us: ['set', []] })).toThrow('t.us was not asked for');
    expect(() => decoder.some(JSON.parse('{"__proto__": 1}'))).toThrow(ProtocolError);
  });

  it('encodes the columns that are given', () => {
    expect(encodeRow(table, { i: 1, oi: new Set([2]) })).toEqual({ i: 1, oi: 2 });
    expect(() => encodeRow(table, { nope: 1 })).toThrow('no column nope in table t');
  });
});
