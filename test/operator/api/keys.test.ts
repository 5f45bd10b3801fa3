import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { containsIp, formatCidr, formatIp, overlaps, parseCidr } from '../../../lib/net/index.ts';
import type { Cidr } from '../../../lib/net/index.ts';
import { addressKeys, coveringKeys, overlapKeys, rangeKeys } from '../../../operator/api/keys.ts';
import { matches, requiredLabel, labelKey, selectorOf } from '../../../operator/api/labels.ts';

// Few high bits, so that prefixes meet often.
const cidr = fc
  .tuple(fc.boolean(), fc.integer({ min: 0, max: 7 }), fc.nat(3), fc.integer({ min: 0, max: 32 }))
  .map(([v6, a, b, length]): Cidr => {
    const text = v6 ? `fd0${a}:${b}::${b}/${Math.min(128, length * 3)}` : `1${a}.${b}.${b}.1/${length}`;
    return parseCidr(text) as Cidr;
  });

const meet = (a: readonly string[], b: readonly string[]): boolean => a.some((key) => b.includes(key));

describe('keys of ranges', () => {
  it('find every range that overlaps', () => {
    fc.assert(
      fc.property(cidr, cidr, (a, b) => {
        fc.pre(overlaps(a, b));
        expect(meet(overlapKeys('v', a), rangeKeys('v', [formatCidr(b)]))).toBe(true);
      }),
    );
  });

  it('find every range that holds an address, and every address in a range', () => {
    fc.assert(
      fc.property(cidr, cidr, (range, at) => {
        const address = formatIp({ family: at.family, value: at.network });
        fc.pre(containsIp(range, { family: at.family, value: at.network }));
        expect(meet(coveringKeys('v', address), rangeKeys('v', [formatCidr(range)]))).toBe(true);
        expect(meet(overlapKeys('v', range), addressKeys('v', [address]))).toBe(true);
      }),
    );
  });

  it('keep ranges of other blocks and other scopes apart', () => {
    const [a, b] = ['10.16.0.0/16', '10.17.0.0/24'].map(parseCidr) as [Cidr, Cidr];
    expect(meet(overlapKeys('v', a), rangeKeys('v', [formatCidr(b)]))).toBe(false);
    expect(meet(overlapKeys('v', a), rangeKeys('w', [formatCidr(a)]))).toBe(false);
    expect(coveringKeys('v', 'nonsense')).toEqual([]);
  });
});

describe('selectors', () => {
  const labels = { app: 'web', tier: '1' };
  it.each<[string, object, boolean]>([
    ['nothing', {}, true],
    ['a label', { matchLabels: { app: 'web' } }, true],
    ['another value', { matchLabels: { app: 'db' } }, false],
    ['In', { matchExpressions: [{ key: 'app', operator: 'In', values: ['web', 'db'] }] }, true],
    ['NotIn of an absent label', { matchExpressions: [{ key: 'zone', operator: 'NotIn', values: ['a'] }] }, true],
    ['Exists', { matchExpressions: [{ key: 'zone', operator: 'Exists' }] }, false],
    ['DoesNotExist', { matchExpressions: [{ key: 'zone', operator: 'DoesNotExist' }] }, true],
    ['an operator of the future', { matchExpressions: [{ key: 'app', operator: 'Near', values: ['web'] }] }, false],
  ])('by %s', (_, selector, expected) => {
    const parsed = selectorOf(selector as never);
    expect(matches(parsed, labels)).toBe(expected);
    // The index key never hides a match.
    const keys = ['', ...Object.entries(labels).map(([key, value]) => labelKey(key, value))];
    expect(!expected || keys.includes(requiredLabel(parsed))).toBe(true);
  });
});
