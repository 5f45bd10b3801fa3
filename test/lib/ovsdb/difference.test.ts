import { describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { applyDifference, differenceOf, equal, rowDifference } from '../../../lib/ovsdb/difference.ts';
import type { Atom, ColumnSchema, Value } from '../../../lib/ovsdb/types.ts';

const flags = { ephemeral: false, mutable: true } as const;
const string = { type: 'string' } as const;
const scalar: ColumnSchema = { name: 'c', key: string, min: 1, max: 1, ...flags };
const optional: ColumnSchema = { name: 'o', key: string, min: 0, max: 1, ...flags };
const set: ColumnSchema = { name: 's', key: string, min: 0, max: Infinity, ...flags };
const map: ColumnSchema = { name: 'm', key: string, value: { type: 'integer' }, min: 0, max: Infinity, ...flags };

const few = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const sets = fc.uniqueArray(few).map((atoms): Value => new Set<Atom>(atoms));
const maps = fc.array(fc.tuple(few, fc.nat(2))).map((pairs): Value => new Map<Atom, Atom>(pairs));
const options = fc.option(few).map((atom): Value => new Set<Atom>(atom === null ? [] : [atom]));
const any = fc.oneof(
  ...(
    [
      [scalar, few],
      [optional, options],
      [set, sets],
      [map, maps],
    ] as const
  ).map(([column, values]) => fc.record({ column: fc.constant(column), old: values, next: values })),
);

describe('differences', () => {
  it('turn the old value into the new one, and are absent exactly when nothing differs', () => {
    fc.assert(
      fc.property(any, ({ column, old, next }) => {
        const difference = differenceOf(column, old, next);
        expect(difference === undefined).toBe(equal(old, next));
        expect(difference === undefined ? next : applyDifference(column, old, difference)).toEqual(next);
      }),
      { numRuns: 1000 },
    );
  });

  it.each<[ColumnSchema, Value, Value, Value]>([
    [scalar, 'a', 'b', 'b'],
    [optional, new Set(['a']), new Set(['b']), new Set(['b'])],
    [optional, new Set(['a']), new Set(), new Set()],
    [set, new Set(['a', 'b']), new Set(['b', 'c']), new Set(['a', 'c'])],
    [map, new Map([['a', 1]]), new Map([['a', 2]]), new Map([['a', 2]])],
    [map, new Map([['a', 1]]), new Map(), new Map([['a', 1]])],
  ])('of %o', (column, old, next, difference) => {
    expect(differenceOf(column, old, next)).toEqual(difference);
  });

  it('leaves the old value as it was', () => {
    const old = new Set<Atom>(['a']);
    applyDifference(set, old, new Set(['a', 'b']));
    expect(old).toEqual(new Set(['a']));
  });

  it('names the columns of a row that differ, gone columns among them', () => {
    const columns = new Map([['s', set]]);
    const row = { s: new Set(['a']) };
    expect(rowDifference(columns, row, { s: new Set(['a']) })).toBeUndefined();
    expect(rowDifference(columns, { ...row, gone: 1 }, row)).toEqual({ gone: 1 });
    expect(rowDifference(columns, {}, row)).toEqual(row);
  });
});
