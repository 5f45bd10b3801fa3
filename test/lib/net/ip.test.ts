import * as fc from 'fast-check';
import { isIPv4, isIPv6 } from 'node:net';
import { describe, expect, it } from 'vitest';
import { canonicalIp, compareIp, familyOf, formatIp, highest, ipOf, parseIp, plus } from '../../../lib/net/index.ts';

const ip4 = fc.bigInt({ min: 0n, max: highest(4) }).map((value) => ({ family: 4 as const, value }));
// Sparse groups, so that runs of zeros of every length occur.
const group = fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 0xffffn }));
const ip6 = fc
  .array(group, { minLength: 8, maxLength: 8 })
  .map((groups) => ({ family: 6 as const, value: groups.reduce((sum, part) => (sum << 16n) | part, 0n) }));

describe('parseIp', () => {
  it.each([
    ['0.0.0.0', 4, 0n],
    ['255.255.255.255', 4, 0xffffffffn],
    ['10.16.0.1', 4, 0x0a100001n],
    ['::', 6, 0n],
    ['::1', 6, 1n],
    ['1::', 6, 1n << 112n],
    ['FD00:10:16::5', 6, (0xfd00n << 112n) | (0x10n << 96n) | (0x16n << 80n) | 5n],
    ['::ffff:192.0.2.1', 6, 0xffffc0000201n],
    ['1:2:3:4:5:6:7::', 6, 0x00010002000300040005000600070000n],
    ['1:2:3:4:5:6:192.0.2.1', 6, 0x000100020003000400050006c0000201n],
  ] as const)('%s', (text, family, value) => {
    expect(parseIp(text)).toEqual({ family, value });
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '01.2.3.4',
    '1.2.3.-4',
    ' 1.2.3.4',
    '1.2.3.4\n',
    '0x1.2.3.4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '12345::',
    'g::',
    'fe80::1%eth0',
    '::1.2.3.4:5',
    '1.2.3.4::',
    '::1.2.3',
    ':1',
    '1:',
  ])('refuses %j', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });

  it('accepts exactly what the platform accepts', () => {
    const piece = fc.constantFrom(
      '::',
      ':',
      '.',
      '0',
      '1',
      '255',
      '256',
      'ffff',
      'fffff',
      'A',
      '1.2.3.4',
      '%',
      ' ',
      '00',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const expected = isIPv4(text) ? 4 : isIPv6(text) && !text.includes('%') ? 6 : undefined;
        expect(familyOf(text)).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('formatIp (RFC 5952)', () => {
  it.each([
    ['2001:DB8::A', '2001:db8::a', '4.3 lower case'],
    ['2001:0db8::0001', '2001:db8::1', '4.1 no leading zeros'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1', '4.2.1 shortened as much as possible'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1', '4.2.2 one group is not shortened'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1', '4.2.3 the longest run'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1', '4.2.3 the first of equal runs'],
    ['0:0:0:0:0:ffff:c000:201', '::ffff:192.0.2.1', '5 IPv4-mapped'],
    ['0:0:0:0:0:0:0:0', '::', 'all zero'],
    ['1:0:0:0:0:0:0:0', '1::', 'run at the end'],
  ])('%s is %s (%s)', (text, expected) => {
    expect(canonicalIp(text)).toBe(expected);
  });

  it('is inverse to parseIp', () => {
    fc.assert(
      fc.property(fc.oneof(ip4, ip6), (ip) => {
        expect(parseIp(formatIp(ip))).toEqual(ip);
      }),
    );
  });

  it('agrees with the URL parser, which follows RFC 5952 but for the mixed form', () => {
    fc.assert(
      fc.property(
        ip6.filter((ip) => ip.value >> 32n !== 0xffffn),
        (ip) => {
          expect(new URL(`http://[${formatIp(ip)}]`).hostname).toBe(`[${formatIp(ip)}]`);
        },
      ),
    );
  });
});

describe('arithmetic', () => {
  it('keeps to the family', () => {
    expect(plus({ family: 4, value: highest(4) }, 1n)).toBeUndefined();
    expect(plus({ family: 4, value: 0n }, -1n)).toBeUndefined();
    expect(plus({ family: 6, value: highest(4) }, 1n)).toEqual({ family: 6, value: 1n << 32n });
    expect(ipOf(6, highest(6) + 1n)).toBeUndefined();
  });

  it('orders IPv4 first, then by number', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(ip4, ip6)), (ips) => {
        const sorted = ips.toSorted(compareIp);
        const plain = ips.toSorted(
          (a, b) => a.family - b.family || (a.value < b.value ? -1 : Number(a.value > b.value)),
        );
        expect(sorted).toEqual(plain);
      }),
    );
  });
});
