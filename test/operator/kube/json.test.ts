import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../operator/api/fact.ts';
import { canonicalJson, covers, formatJson, parseJson, rounded, sameJson } from '../../../operator/kube/json.ts';

describe('parseJson and formatJson', () => {
  it.each<[string, Json]>([
    ['{"a":18446744073709551614}', { a: 18446744073709551614n }],
    ['[-9007199254740993]', [-9007199254740993n]],
    ['9007199254740993', 9007199254740993n],
    ['{"a":9007199254740991}', { a: 9007199254740991 }],
    ['{"a":"18446744073709551614"}', { a: '18446744073709551614' }],
    ['{"a":1e21,"b":18446744073709551615}', { a: 1e21, b: 18446744073709551615n }],
    ['{"a":0.1234567890123456789}', { a: 0.12345678901234568 }],
  ])('%s', (text, value) => {
    expect(parseJson(text)).toEqual(value);
    expect(parseJson(formatJson(value))).toEqual(value);
  });

  it('keeps every integer', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.string(), (n, s) => {
        const text = `{"n": ${n}, "s": ${JSON.stringify(s)}}`;
        const parsed = parseJson(text) as { n: number | bigint; s: string };
        expect(BigInt(parsed.n)).toBe(n);
        expect(parsed.s).toBe(s);
        expect(parseJson(formatJson({ n }))).toEqual({ n: parsed.n });
      }),
    );
  });

  it('refuses what is not JSON', () => {
    expect(() => parseJson('{"a":')).toThrow(SyntaxError);
  });
});

describe('comparison', () => {
  it('sees integers as the API server hands them back', () => {
    expect(sameJson({ n: 18446744073709551616n }, { n: 18446744073709552000n })).toBe(true);
    expect(sameJson({ n: 2n ** 80n }, { n: 2 ** 80 })).toBe(true);
    expect(sameJson({ n: 9223372036854775807n }, { n: 9223372036854775806n })).toBe(false);
    expect(sameJson({ n: 5n }, { n: 5 })).toBe(true);
    expect(rounded([9223372036854775808n])).toEqual([2 ** 63]);
  });

  it('ignores the order of keys and not the order of elements', () => {
    expect(canonicalJson({ b: [1, { d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[1,{"c":2,"d":1}]}');
    expect(sameJson([1, 2], [2, 1])).toBe(false);
  });

  it('knows what is already said', () => {
    const whole = { metadata: { annotations: { a: '1', b: '2' } }, list: [1, 2] };
    expect(covers(whole, { metadata: { annotations: { a: '1' } } })).toBe(true);
    expect(covers(whole, { metadata: { annotations: { a: '2' } } })).toBe(false);
    expect(covers(whole, { metadata: { labels: {} } })).toBe(false);
    expect(covers(whole, { list: [1] })).toBe(false);
    expect(covers(undefined, {})).toBe(false);
  });

  it('covers containers that have defaults beside what is wanted, one by one', () => {
    const shown = { containers: [{ name: 'a', image: 'x', terminationMessagePath: '/dev/termination-log' }] };
    expect(covers(shown, { containers: [{ name: 'a', image: 'x' }] })).toBe(true);
    expect(covers(shown, { containers: [{ name: 'a', image: 'y' }] })).toBe(false);
    expect(covers(shown, { containers: [] })).toBe(false);
    expect(covers(shown, { containers: [{ name: 'a' }, { name: 'b' }] })).toBe(false);
    expect(covers({}, { containers: [] })).toBe(false);
  });
});
