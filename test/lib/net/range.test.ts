import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatCidr,
  cidrRange,
  countAddresses,
  formatRange,
  intersectRanges,
  ipRange,
  mergeRanges,
  parseCidr,
  parsePoolEntry,
  parseRange,
  rangeCidrs,
  rangesContain,
  rangesText,
  rangesWithin,
  subtractRanges,
  usableRange,
} from '../../../lib/net/index.ts';
import type { Family, Range } from '../../../lib/net/index.ts';

const ranges = (...texts: string[]): Range[] => texts.map((text) => parseRange(text)!);

describe('parseRange', () => {
  it.each([
    ['10.16.0.1', '10.16.0.1'],
    ['10.16.0.1..10.16.0.9', '10.16.0.1..10.16.0.9'],
    ['10.16.0.1..10.16.0.1', '10.16.0.1'],
    ['FD00::1..fd00::A', 'fd00::1..fd00::a'],
  ])('%s is %s', (text, canonical) => {
    expect(formatRange(parseRange(text)!)).toBe(canonical);
  });

  it.each([
    '',
    '..',
    '10.16.0.2..10.16.0.1',
    '10.16.0.1..fd00::1',
    '10.16.0.1..10.16.0.2..10.16.0.3',
    '10.16.0.0/24',
    'x',
  ])('refuses %j', (text) => {
    expect(parseRange(text)).toBeUndefined();
  });

  it('takes CIDRs as pool entries', () => {
    expect(formatRange(parsePoolEntry('10.16.0.7/30')!)).toBe('10.16.0.4..10.16.0.7');
    expect(formatRange(parsePoolEntry('10.16.0.7')!)).toBe('10.16.0.7');
    expect(parsePoolEntry('10.16.0.7/x')).toBeUndefined();
  });
});

describe('texts', () => {
  it('merges what overlaps or touches, IPv4 first', () => {
    const merged = mergeRanges(
      ranges('fd00::5', '10.16.0.9..10.16.0.20', '10.16.0.1', '10.16.0.2..10.16.0.10', 'fd00::7'),
    );
    expect(merged.map(formatRange)).toEqual(['10.16.0.1..10.16.0.20', 'fd00::5', 'fd00::7']);
  });

  it('prints a status as Kube-OVN does', () => {
    const subnet = usableRange(parseCidr('10.16.0.0/16')!);
    const free = subtractRanges([subnet], ranges('10.16.0.1', '10.16.0.10'));
    expect(rangesText(free)).toBe('10.16.0.2-10.16.0.9,10.16.0.11-10.16.255.254');
    expect(rangesText(ranges('10.16.0.1'))).toBe('10.16.0.1');
    expect(rangesText([])).toBe('');
  });

  it('cuts to a prefix', () => {
    expect(rangesText(rangesWithin(ranges('10.16.0.0..10.17.0.5', 'fd00::1'), parseCidr('10.17.0.0/16')!))).toBe(
      '10.17.0.0-10.17.0.5',
    );
  });
});

describe('set algebra against sets of numbers', () => {
  const small = fc
    .tuple(fc.constantFrom<Family>(4, 6), fc.bigInt({ min: 0n, max: 40n }), fc.bigInt({ min: 0n, max: 6n }))
    .map(([family, first, more]): Range => ({ family, first, last: first + more }));
  const list = fc.array(small, { maxLength: 8 });
  const keys = (of: readonly Range[]): Set<string> => {
    const out = new Set<string>();
    for (const range of of)
      for (let value = range.first; value <= range.last; value++) out.add(`${range.family}/${value}`);
    return out;
  };
  const isMerged = (of: readonly Range[]): boolean =>
    of.every((range, at) => {
      const next = of[at + 1];
      return !next || next.family > range.family || next.first > range.last + 1n;
    });

  it('merge, subtract, intersect, contains, count', () => {
    fc.assert(
      fc.property(list, list, (a, b) => {
        const [merged, minus, both] = [mergeRanges(a), subtractRanges(a, b), intersectRanges(a, b)];
        expect(keys(merged)).toEqual(keys(a));
        expect(keys(minus)).toEqual(keys(a).difference(keys(b)));
        expect(keys(both)).toEqual(keys(a).intersection(keys(b)));
        expect([merged, minus, both].every(isMerged)).toBe(true);
        expect(countAddresses(merged)).toBe(BigInt(keys(a).size));
        for (const family of [4, 6] as const) {
          for (let value = 0n; value < 48n; value++) {
            expect(rangesContain(merged, { family, value })).toBe(keys(a).has(`${family}/${value}`));
          }
        }
      }),
    );
  });

  it('an address is a range of one', () => {
    expect(countAddresses([ipRange({ family: 6, value: 1n << 127n })])).toBe(1n);
  });
});

describe('rangeCidrs', () => {
  it.each([
    ['10.16.0.220..10.16.0.230', ['10.16.0.220/30', '10.16.0.224/30', '10.16.0.228/31', '10.16.0.230/32']],
    ['0.0.0.0..255.255.255.255', ['0.0.0.0/0']],
    ['fd00::1..fd00::2', ['fd00::1/128', 'fd00::2/128']],
    ['::..ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['::/0']],
  ])('%s', (text, cidrs) => {
    const range = parseRange(text);
    expect(range && rangeCidrs(range).map(formatCidr)).toEqual(cidrs);
  });

  it('are the range again, in order, and no two of them are one', () => {
    fc.assert(
      fc.property(fc.nat({ max: 4000 }), fc.nat({ max: 4000 }), (a, b) => {
        const range: Range = { family: 4, first: BigInt(Math.min(a, b)), last: BigInt(Math.max(a, b)) };
        const cidrs = rangeCidrs(range);
        expect(mergeRanges(cidrs.map(cidrRange))).toEqual([range]);
        expect(countAddresses(cidrs.map(cidrRange))).toBe(countAddresses([range]));
        const siblings = cidrs.filter((cidr, at) => {
          const next = cidrs[at + 1];
          return next?.length === cidr.length && (cidr.network ^ next.network) === 1n << BigInt(32 - cidr.length);
        });
        expect(siblings).toEqual([]);
      }),
    );
    expect.hasAssertions();
  });
});
