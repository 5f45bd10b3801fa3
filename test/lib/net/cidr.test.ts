import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressBits,
  addressCount,
  broadcastAddress,
  canonicalCidr,
  cidrOf,
  containsCidr,
  containsIp,
  firstUsable,
  formatCidr,
  formatIp,
  formatPrefix,
  highest,
  lastUsable,
  networkAddress,
  overlaps,
  parseCidr,
  parseCidrs,
  parsePrefix,
  span,
} from '../../../lib/net/index.ts';
import type { Cidr, Family } from '../../../lib/net/index.ts';

const cidr = fc
  .constantFrom<Family>(4, 6)
  .chain((family) =>
    fc
      .tuple(fc.bigInt({ min: 0n, max: highest(family) }), fc.integer({ min: 0, max: addressBits(family) }))
      .map(([value, length]) => cidrOf({ ip: { family, value }, length })),
  );

const must = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (!parsed) throw new Error(`not a CIDR: ${text}`);
  return parsed;
};

describe('parseCidr', () => {
  it.each([
    ['10.16.3.4/16', '10.16.0.0/16'],
    ['10.16.0.0/32', '10.16.0.0/32'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['FD00:10:16::5/112', 'fd00:10:16::/112'],
    ['::/0', '::/0'],
    ['fd00::1/128', 'fd00::1/128'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalCidr(text)).toBe(canonical);
  });

  it.each([
    '10.16.0.0',
    '10.16.0.0/',
    '10.16.0.0/33',
    '10.16.0.0/-1',
    '10.16.0.0/08',
    '10.16.0.0/1/2',
    'fd00::/129',
    '/8',
    'x/8',
  ])('refuses %j', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  it('keeps the host bits of an interface address', () => {
    const prefix = parsePrefix('10.16.0.5/16');
    expect(prefix && formatPrefix(prefix)).toBe('10.16.0.5/16');
  });

  it('takes a dual-stack list in either order, IPv4 first', () => {
    expect(parseCidrs('fd00::/64, 10.16.0.0/16')?.map(formatCidr)).toEqual(['10.16.0.0/16', 'fd00::/64']);
    expect(parseCidrs('10.16.0.0/16,')).toBeUndefined();
  });
});

describe('usable addresses', () => {
  it.each([
    ['10.16.0.0/16', '10.16.0.1', '10.16.255.254', 65_534n],
    ['10.0.0.0/8', '10.0.0.1', '10.255.255.254', 16_777_214n],
    ['192.0.2.0/30', '192.0.2.1', '192.0.2.2', 2n],
    ['192.0.2.0/31', '192.0.2.0', '192.0.2.1', 2n],
    ['192.0.2.7/32', '192.0.2.7', '192.0.2.7', 1n],
    ['fd00::/64', 'fd00::1', 'fd00::ffff:ffff:ffff:fffe', 18_446_744_073_709_551_614n],
    ['fd00::/127', 'fd00::', 'fd00::1', 2n],
    ['fd00::9/128', 'fd00::9', 'fd00::9', 1n],
    ['::/0', '::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe', (1n << 128n) - 2n],
  ])('%s', (text, first, last, count) => {
    const parsed = must(text);
    expect(formatIp(firstUsable(parsed))).toBe(first);
    expect(formatIp(lastUsable(parsed))).toBe(last);
    expect(addressCount(parsed)).toBe(count);
  });

  it('names network and broadcast', () => {
    expect(formatIp(networkAddress(must('192.0.2.77/26')))).toBe('192.0.2.64');
    expect(formatIp(broadcastAddress(must('192.0.2.77/26')))).toBe('192.0.2.127');
  });
});

describe('relations', () => {
  it('round trip, and contain what they span', () => {
    fc.assert(
      fc.property(cidr, (one) => {
        expect(parseCidr(formatCidr(one))).toEqual(one);
        expect(containsIp(one, networkAddress(one))).toBe(true);
        expect(containsIp(one, broadcastAddress(one))).toBe(true);
        expect(containsIp(one, { family: one.family, value: one.network + span(one) })).toBe(false);
        expect(containsIp(one, { family: one.family === 4 ? 6 : 4, value: one.network })).toBe(false);
      }),
    );
  });

  it('overlap exactly when the intervals do', () => {
    // Few distinct values, so that overlaps are common.
    const near = fc
      .tuple(fc.constantFrom<Family>(4, 6), fc.bigInt({ min: 0n, max: 15n }), fc.integer({ min: 0, max: 4 }))
      .map(([family, value, host]) => cidrOf({ ip: { family, value }, length: addressBits(family) - host }));
    fc.assert(
      fc.property(near, near, (a, b) => {
        const meet = a.family === b.family && a.network < b.network + span(b) && b.network < a.network + span(a);
        expect(overlaps(a, b)).toBe(meet);
        expect(overlaps(b, a)).toBe(meet);
        const inside = meet && a.network <= b.network && span(a) >= span(b);
        expect(containsCidr(a, b)).toBe(inside);
      }),
    );
  });
});
