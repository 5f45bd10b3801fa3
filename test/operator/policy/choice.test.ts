// Answers of modules with hook `ipam`: their shape, and that none of them goes beyond what was offered.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Offer } from '../../../operator/api/offer.ts';
import { checkChoice, narrows, parseChoice } from '../../../operator/policy/choice.ts';

const offer: Offer = {
  namespace: { name: 'a' },
  pod: { name: 'web', uid: 'u' },
  node: { name: 'n1' },
  interface: 'ovn',
  families: [4, 6],
  subnets: [
    {
      name: 'one',
      vpc: 'v',
      provider: 'ovn',
      cidrs: ['10.1.0.0/16', 'fd00:1::/64'],
      excludeIps: ['10.1.0.1', '10.1.9.0..10.1.9.255'],
    },
    { name: 'two', vpc: 'v', provider: 'ovn', cidrs: ['10.2.0.0/16'], excludeIps: ['10.2.0.1'] },
  ],
  pools: [
    { name: 'p1', subnet: 'one', ranges: ['10.1.1.0..10.1.1.255'] },
    { name: 'p2', subnet: 'two', ranges: ['10.2.1.0..10.2.1.255'] },
  ],
  poolRequired: false,
};

describe('the shape of an answer', () => {
  it.each<[string, unknown, object]>([
    ['no opinion', {}, {}],
    ['subnets', { subnets: ['two', 'one'] }, { subnets: ['two', 'one'] }],
    [
      'addresses, which become canonical',
      { addresses: [['FD00:1::0A', '10.1.0.5']] },
      { addresses: [['10.1.0.5', 'fd00:1::a']] },
    ],
    ['a denial without words', { denied: '' }, { denied: 'refused' }],
  ])('%s', (_, answer, choice) => {
    expect(parseChoice(answer)).toEqual(choice);
  });

  it.each<[string, unknown, RegExp]>([
    ['no object', ['p1'], /the answer is not an object/],
    ['a field that there is not', { pool: 'p1' }, /unknown field "pool"/],
    ['a pool that is no text', { pools: [1] }, /pools is not a text/],
    ['no pool', { pools: [] }, /pools is empty/],
    ['too many', { subnets: Array.from({ length: 101 }, () => 'one') }, /at most 100/],
    ['pools and addresses', { pools: ['p1'], addresses: [['10.1.0.5']] }, /pools stand beside addresses/],
    ['a denial and a choice', { denied: 'no', pools: ['p1'] }, /denied stands beside/],
    ['two addresses of a family', { addresses: [['10.1.0.5', '10.1.0.6']] }, /addresses\[0\] is not one address/],
    ['no address', { addresses: [['10.1.0.5'], []] }, /addresses\[1\] is not one address/],
    ['a prefix', { addresses: [['10.1.0.0/24']] }, /is not one address/],
  ])('is refused: %s', (_, answer, message) => {
    expect(() => parseChoice(answer)).toThrow(message);
  });
});

describe('what was not offered', () => {
  it.each<[string, object, RegExp, Partial<Offer>?]>([
    ['a subnet', { subnets: ['one', 'three'] }, /^subnet "three" was not offered/],
    ['a pool', { pools: ['p3'] }, /^pool "p3" was not offered/],
    ['a pool of a subnet that is not chosen', { subnets: ['one'], pools: ['p2'] }, /^pool p2 is of subnet two/],
    ['an address of elsewhere', { addresses: [['10.3.0.5']] }, /^10\.3\.0\.5 is in no subnet that was offered/],
    ['an address outside of the chosen subnet', { subnets: ['two'], addresses: [['10.1.0.5']] }, /is in no subnet/],
    ['addresses of two subnets', { addresses: [['10.2.0.5', 'fd00:1::5']] }, /is in no subnet/],
    ['the gateway', { addresses: [['10.1.0.1']] }, /^10\.1\.0\.1 was not offered: subnet one excludes it/],
    ['the pool of others', { addresses: [['10.1.0.9'], ['10.1.9.9']] }, /^10\.1\.9\.9 was not offered/],
    ['an address outside of the pools', { addresses: [['10.1.2.5']] }, /in no pool that was/, { poolRequired: true }],
    ['a family', { addresses: [['fd00:1::5']] }, /^fd00:1::5 is of no family/, { families: [4] }],
    [
      'what the pod does not list',
      { addresses: [['10.1.0.6']] },
      /none of the addresses/,
      { addresses: [['10.1.0.5']] },
    ],
  ])('is refused: %s', (_, answer, message, part = {}) => {
    expect(() => checkChoice(parseChoice(answer), { ...offer, ...part })).toThrow(message);
  });

  it.each<[string, object, Partial<Offer>?]>([
    ['pools of the chosen subnets', { subnets: ['two'], pools: ['p2'] }],
    ['an address of each family', { addresses: [['10.1.0.5', 'fd00:1::5'], ['10.2.0.5']] }],
    ['an address of a pool', { addresses: [['10.2.1.5']] }, { poolRequired: true }],
    ['what the pod lists, wherever it is', { addresses: [['10.1.0.1']] }, { addresses: [['10.1.0.1'], ['10.1.0.2']] }],
  ])('but not %s', (_, answer, part = {}) => {
    expect(() => checkChoice(parseChoice(answer), { ...offer, ...part })).not.toThrow();
  });

  it('is refused wherever it stands, whatever the answer', () => {
    const names = fc.subarray(['one', 'two', 'three', 'p1', 'p2', 'p3'], { minLength: 1 });
    fc.assert(
      fc.property(fc.option(names), fc.option(names), (subnets, pools) => {
        const choice = { ...(subnets && { subnets }), ...(pools && { pools }) };
        const isWithin =
          (subnets ?? []).every((name) => ['one', 'two'].includes(name)) &&
          (pools ?? []).every((name) => {
            const pool = offer.pools.find((one) => one.name === name);
            return pool !== undefined && (subnets?.includes(pool.subnet) ?? true);
          });
        let taken = true;
        try {
          checkChoice(choice, offer);
        } catch {
          taken = false;
        }
        expect(taken).toBe(isWithin);
      }),
    );
  });
});

it('a choice of all that was offered in its order changes nothing', () => {
  expect(narrows({ subnets: ['one', 'two'] }, offer)).toBe(false);
  expect(narrows({}, offer)).toBe(false);
  expect(narrows({ subnets: ['two', 'one'] }, offer)).toBe(true);
  expect(narrows({ pools: ['p1'] }, offer)).toBe(true);
});
