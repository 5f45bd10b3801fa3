import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deepEqual } from '../../../lib/graph/equal.ts';

const value = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    fc.oneof(
      fc.integer({ max: 2, min: 0 }),
      fc.bigInt({ max: 2n, min: 0n }),
      fc.constantFrom('a', 'b', null, undefined),
    ),
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('x', 'y'), tie('tree'), { noNullPrototype: true }),
    fc.array(fc.tuple(fc.constantFrom('x', 'y'), tie('tree'))).map((entries) => new Map(entries)),
    fc.array(fc.integer({ max: 3, min: 0 })).map((entries) => new Set(entries)),
  ),
})).tree;

describe('deepEqual', () => {
  it('is true of a copy', () => {
    fc.assert(
      fc.property(value, (a) => {
        expect(deepEqual(a, structuredClone(a))).toBe(true);
      }),
    );
  });

  it('agrees with strict structural equality', () => {
    fc.assert(
      fc.property(value, value, (a, b) => {
        let same = true;
        try {
          expect(a).toStrictEqual(b);
        } catch {
          same = false;
        }
        expect(deepEqual(a, b)).toBe(same);
      }),
    );
  });

  it.each([
    [new Uint8Array([1, 2]), new Uint8Array([1, 3]), false],
    [new Uint8Array([1, 2]), new Uint8Array([1, 2]), true],
    [{ a: undefined }, {}, false],
    [{ a: undefined }, { b: undefined }, false],
    [[1], { 0: 1, length: 1 }, false],
    [Number.NaN, Number.NaN, true],
    [1n, 1, false],
  ])('%o and %o: %s', (a, b, same) => expect(deepEqual(a, b)).toBe(same));
});
