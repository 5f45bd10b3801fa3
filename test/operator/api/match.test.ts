import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchFault, namesIn } from '../../../operator/api/match.ts';
import { readable, unreadable } from './matches.ts';

it.each(readable)('takes %s', (match) => {
  expect(matchFault(match)).toBeUndefined();
});

it.each(unreadable)('refuses %s', (match) => {
  expect(matchFault(match)).toBeTypeOf('string');
});

describe('whatever is put together by the grammar', () => {
  const field = fc.constantFrom(
    'ip4.src',
    'ip6.dst',
    'tcp.dst',
    'eth.type',
    'inport',
    'reg0[0..3]',
    'ct.est',
    '$a.b',
    'x_1',
  );
  const constant = fc.constantFrom(
    '10.0.0.0/8',
    'fd00::/64',
    '0x800/0xff',
    '8081',
    '{80, 443}',
    '"a\\"(b"',
    '$set',
    '@group',
  );
  const relation = fc.constantFrom('==', '!=', '<', '<=', '>', '>=');
  const blank = fc.constantFrom('', ' ', '\n', ' /* ( */ ', ' // {\n');
  const { match } = fc.letrec<{ match: string }>((tie) => ({
    match: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.tuple(field, blank, relation, blank, constant).map((parts) => parts.join('')),
      field,
      tie('match').map((inner) => `!(${inner})`),
      tie('match').map((inner) => `(${inner})`),
      fc.tuple(tie('match'), blank, fc.constantFrom('&&', '||'), blank, tie('match')).map((parts) => parts.join('')),
    ),
  }));

  it('is never refused', () => {
    fc.assert(
      fc.property(match, (text) => {
        expect(matchFault(text)).toBeUndefined();
      }),
    );
  });
});

it.each<[string, string[]]>([
  ['ip4.src == $a && outport == @b.c && ip4.dst == {$a, $d_ip4}', ['$a', '@b.c', '$d_ip4']],
  ['ip4.src==$a||ip4.src!=$b', ['$a', '$b']],
  ['eth.src == "$text" && ip4 // $remark\n /* @remark */', []],
  ['ip4.src == $1 || ip4.src == $ || $-a', []],
  ['ip4.src == $a$b@c', ['$a', '$b', '@c']],
])('names in %s', (match, names) => {
  expect(namesIn(match)).toEqual(names);
});
