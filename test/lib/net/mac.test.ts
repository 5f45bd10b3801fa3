import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalMac,
  derivedMac,
  formatMac,
  isUnicastMac,
  parseMac,
  pooledRandom,
  randomMac,
} from '../../../lib/net/index.ts';

describe('parseMac', () => {
  it.each([
    ['00:00:00:AB:cd:EF', 0xabcdef],
    ['ff-ff-ff-ff-ff-ff', 0xffffffffffff],
  ])('%s', (text, value) => {
    expect(parseMac(text)).toBe(value);
  });

  it.each([
    '',
    '00:00:00:00:00',
    '00:00:00:00:00:00:00',
    '0:0:0:0:0:0',
    '00:00-00:00:00:00',
    'gg:00:00:00:00:00',
    '000000000000',
  ])('refuses %j', (text) => {
    expect(parseMac(text)).toBeUndefined();
  });

  it('is inverse to formatMac', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat().map((bits) => bits % 2 ** 48),
        (value) => {
          expect(parseMac(formatMac(value))).toBe(value);
          expect(canonicalMac(formatMac(value).toUpperCase())).toBe(formatMac(value));
        },
      ),
    );
  });
});

describe('new MACs', () => {
  it('are locally administered unicast, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
        const mac = formatMac(randomMac(() => bytes));
        expect(isUnicastMac(mac)).toBe(true);
        expect(mac).toMatch(/^[0-9a-f]2(:[0-9a-f]{2}){5}$/);
        expect(mac.slice(3)).toBe(Array.from(bytes.slice(1), (octet) => octet.toString(16).padStart(2, '0')).join(':'));
      }),
    );
  });

  it('derive from salt and name, and only from them', () => {
    const one = derivedMac('uid-1', 'ovn-cluster-ovn-default');
    expect(derivedMac('uid-1', 'ovn-cluster-ovn-default')).toBe(one);
    expect(derivedMac('uid-2', 'ovn-cluster-ovn-default')).not.toBe(one);
    expect(derivedMac('uid-1', 'ovn-cluster-join')).not.toBe(one);
    expect(isUnicastMac(one)).toBe(true);
  });

  it('a pool gives the bytes of its source in order, each once', () => {
    let next = 0;
    const drawn: number[] = [];
    const pooled = pooledRandom((count) => {
      drawn.push(count);
      return Uint8Array.from({ length: count }, () => next++);
    }, 16);
    expect([6, 6, 3, 6, 20].map((count) => [...pooled(count)].join())).toEqual([
      '0,1,2,3,4,5',
      '6,7,8,9,10,11',
      '12,13,14',
      '16,17,18,19,20,21',
      Array.from({ length: 20 }, (_, at) => at + 32).join(),
    ]);
    expect(drawn).toEqual([16, 16, 20]);
  });

  it('tells what a port may not have', () => {
    expect(isUnicastMac('00:00:00:00:00:00')).toBe(false);
    expect(isUnicastMac('01:00:5e:00:00:01')).toBe(false);
    expect(isUnicastMac('nonsense')).toBe(false);
  });
});
