import * as fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseCidr, parseRange, rangesContain, usableRange, parseIp } from '../../../lib/net/index.ts';
import { AddressError } from '../../../operator/ipam/errors.ts';
import { Ipam } from '../../../operator/ipam/ipam.ts';
import type { Allocator } from '../../../operator/ipam/module.ts';
import type { SubnetRanges } from '../../../operator/ipam/subnet-pools.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { newAllocator, seededBytes } from './cluster.ts';

let allocator: Allocator;
let ipam: Ipam;
let now = 0;

beforeAll(() => ensureBuilt('ipam'));
beforeEach(() => {
  now = 0;
  allocator = newAllocator();
  ipam = new Ipam({ allocator, now: () => now, random: seededBytes(), holdDownMs: 1_000 });
});

const ranges = (cidrs: string[], exclude: string[] = [], gateways: string[] = []): SubnetRanges => ({
  cidrs,
  exclude,
  gateways,
});

const reason = (fn: () => unknown): string => {
  try {
    fn();
  } catch (error) {
    if (error instanceof AddressError) return error.reason;
    throw error;
  }
  return 'none';
};

function assign(how: string, key: string, octet: number): void {
  if (how === 'allocate') reason(() => ipam.allocate('s', key));
  if (how === 'claim') reason(() => ipam.claim('s', key, [`10.0.0.${octet}`]));
}

/** What is wrong with a new address, given those that are held. */
function flaws(address: string, held: readonly string[], cidr: string): string[] {
  const out = held.includes(address) ? [`${address} twice`] : [];
  if (!rangesContain([usableRange(parseCidr(cidr)!)], parseIp(address)!)) out.push(`${address} outside`);
  return out;
}

const given = (subnet: string, key: string): string => ipam.allocate(subnet, key).addresses.join();
const usage = (subnet: string): unknown[] =>
  (ipam.usage(subnet)?.families ?? []).map(({ using, available }) => [using, available]);

describe('allocate', () => {
  it('gives one address per family and a MAC of its own', () => {
    ipam.setSubnet('s', ranges(['10.16.0.0/16', 'fd00:10:16::/112'], [], ['10.16.0.1', 'fd00:10:16::1']));
    const one = ipam.allocate('s', 'a');
    const two = ipam.allocate('s', 'b');
    expect(one.addresses).toEqual(['10.16.0.2', 'fd00:10:16::2']);
    expect(two.addresses).toEqual(['10.16.0.3', 'fd00:10:16::3']);
    expect(one.mac).not.toBe(two.mac);
    expect(ipam.allocate('s', 'c', { families: [6] }).addresses).toEqual(['fd00:10:16::4']);
    expect(ipam.holding('s', 'a')).toEqual(one);
  });

  it('takes never-used addresses first, then the lowest released', () => {
    ipam.setSubnet('s', ranges(['10.0.0.0/29'], ['10.0.0.1']));
    for (const key of ['a', 'b', 'c']) given('s', key);
    ipam.release('s', 'b');
    ipam.release('s', 'a');
    now = 10_000;
    expect(['d', 'e', 'f', 'g'].map((key) => given('s', key))).toEqual([
      '10.0.0.5',
      '10.0.0.6',
      '10.0.0.2',
      '10.0.0.3',
    ]);
    expect(reason(() => given('s', 'h'))).toBe('NoAvailableAddress');
  });

  it('is all or nothing', () => {
    ipam.setSubnet('s', ranges(['10.0.0.0/24', 'fd00::/127']));
    given('s', 'a');
    given('s', 'b');
    expect(reason(() => given('s', 'c'))).toBe('NoAvailableAddress');
    expect(usage('s')).toEqual([
      [2n, 252n],
      [2n, 0n],
    ]);
    expect(ipam.holding('s', 'c')).toBeUndefined();
  });

  it.each([
    ['10.0.1.5', 'AddressOutOfRange'],
    ['10.0.0.0', 'AddressOutOfRange'],
    ['10.0.0.255', 'AddressOutOfRange'],
    ['fd00::5', 'AddressOutOfRange'],
    ['nonsense', 'AddressOutOfRange'],
    ['10.0.0.1', 'AddressConflict'],
    ['10.0.0.2', 'AddressConflict'],
    ['10.0.0.7', 'none'],
    ['10.0.0.9', 'none'],
  ])('claim of %s: %s', (address, expected) => {
    ipam.setSubnet('s', ranges(['10.0.0.0/24'], ['10.0.0.5..10.0.0.8'], ['10.0.0.1']));
    given('s', 'a');
    expect(reason(() => ipam.claim('s', 'b', [address]))).toBe(expected);
    expect(ipam.holding('s', 'b')?.addresses ?? 'nothing').toEqual(expected === 'none' ? [address] : 'nothing');
  });

  it('refuses a MAC that is held, and one that no port may have', () => {
    ipam.setSubnet('s', ranges(['10.0.0.0/24']));
    const { mac } = ipam.allocate('s', 'a');
    expect(reason(() => ipam.allocate('s', 'b', { mac }))).toBe('AddressConflict');
    expect(reason(() => ipam.allocate('s', 'b', { mac: '01:00:00:00:00:00' }))).toBe('AddressOutOfRange');
    ipam.release('s', 'a');
    expect(ipam.allocate('s', 'b', { mac }).mac).toBe(mac);
  });

  it('tells MACs apart that end alike', () => {
    const [first, second] = ['02:00:00:00:00:01', '02:01:00:00:00:01'];
    ipam.setSubnet('s', ranges(['10.0.0.0/24']));
    ipam.allocate('s', 'a', { mac: first });
    ipam.allocate('s', 'b', { mac: second });
    for (const mac of [first, second]) expect(reason(() => ipam.allocate('s', 'c', { mac }))).toBe('AddressConflict');
    ipam.release('s', 'a');
    expect(reason(() => ipam.allocate('s', 'c', { mac: second }))).toBe('AddressConflict');
    expect(ipam.allocate('s', 'c', { mac: first }).mac).toBe(first);
    ipam.release('s', 'b');
    ipam.release('s', 'c');
    for (const mac of [first, second]) expect(ipam.allocate('s', mac, { mac }).mac).toBe(mac);
  });

  it('refuses what is not there, and a key that holds something', () => {
    expect(reason(() => given('none', 'a'))).toBe('NoSubnet');
    ipam.setSubnet('s', ranges(['10.0.0.0/24']));
    expect(reason(() => ipam.allocate('s', 'a', { families: [6] }))).toBe('InvalidIPFamily');
    given('s', 'a');
    expect(reason(() => given('s', 'a'))).toBe('AddressConflict');
  });

  it('begins its messages with the reason', () => {
    expect(new AddressError('NoSubnet', 'x').message).toBe('NoSubnet: x');
  });

  it('of a range without CIDR gives a MAC alone', () => {
    ipam.setSubnet('underlay', ranges([]));
    const { addresses, mac } = ipam.allocate('underlay', 'a');
    expect(addresses).toEqual([]);
    expect(mac).toMatch(/^[0-9a-f]2:/);
    expect(ipam.room('underlay')).toBeGreaterThan(0n);
  });
});

describe('hold-down', () => {
  beforeEach(() => ipam.setSubnet('s', ranges(['10.0.0.0/30'])));

  it('keeps a released address back, though it is available', () => {
    given('s', 'a');
    given('s', 'b');
    ipam.release('s', 'a');
    expect(usage('s')).toEqual([[1n, 1n]]);
    expect(ipam.room('s')).toBe(0n);
    now = 999;
    expect(reason(() => given('s', 'c'))).toBe('NoAvailableAddress');
    expect(ipam.nextExpiry).toBe(1_000);
    now = 1_000;
    expect(given('s', 'c')).toBe('10.0.0.1');
    expect(ipam.nextExpiry).toBeUndefined();
  });

  it('does not meet who asks for the very address, nor addresses that were asked for', () => {
    given('s', 'a');
    ipam.release('s', 'a');
    expect(ipam.claim('s', 'b', ['10.0.0.1']).addresses).toEqual(['10.0.0.1']);
    now = 5_000;
    expect(given('s', 'c')).toBe('10.0.0.2');
    ipam.release('s', 'b');
    expect(given('s', 'd')).toBe('10.0.0.1');
  });

  it('goes on when a request that names the address fails', () => {
    given('s', 'a');
    given('s', 'b');
    ipam.release('s', 'a');
    expect(reason(() => ipam.claim('s', 'c', ['10.0.0.1', '10.0.0.2']))).toBe('AddressConflict');
    expect(ipam.room('s')).toBe(0n);
    now = 1_000;
    expect(given('s', 'd')).toBe('10.0.0.1');
  });

  it('survives a change of the range', () => {
    given('s', 'a');
    ipam.release('s', 'a');
    ipam.setSubnet('s', ranges(['10.0.0.0/29']));
    expect(given('s', 'b')).toBe('10.0.0.2');
    expect(usage('s')).toEqual([[1n, 5n]]);
    now = 1_000;
    expect(['c', 'd', 'e', 'f', 'g'].map((key) => given('s', key)).at(-1)).toBe('10.0.0.1');
  });
});

describe('changes of a subnet in use', () => {
  it('keep what is assigned', () => {
    ipam.setSubnet('s', ranges(['10.0.0.0/24'], [], ['10.0.0.1']));
    for (const key of ['a', 'b', 'c']) given('s', key);
    ipam.setSubnet('s', ranges(['10.0.0.0/24'], ['10.0.0.3..10.0.0.10'], ['10.0.0.1']));
    expect(usage('s')).toEqual([[1n, 254n - 9n - 1n]]);
    expect(ipam.holding('s', 'b')?.addresses).toEqual(['10.0.0.3']);
    expect(given('s', 'd')).toBe('10.0.0.11');
    ipam.release('s', 'b');
    now = 10_000;
    expect(reason(() => ipam.claim('s', 'x', ['10.0.0.3']))).toBe('none');
    ipam.setSubnet('s', ranges(['10.0.0.0/29'], [], ['10.0.0.1']));
    expect(usage('s')).toEqual([[3n, 2n]]);
    expect(ipam.holding('s', 'd')?.addresses).toEqual(['10.0.0.11']);
    ipam.setSubnet('s', ranges(['10.0.0.0/24'], [], ['10.0.0.1']));
    expect(usage('s')).toEqual([[4n, 249n]]);
  });

  it('released addresses inside excludeIps do not return', () => {
    ipam.setSubnet('s', ranges(['10.0.0.0/29'], ['10.0.0.2']));
    ipam.claim('s', 'a', ['10.0.0.2']);
    expect(usage('s')).toEqual([[0n, 5n]]);
    ipam.release('s', 'a');
    const rest = ['b', 'c', 'd', 'e', 'f'].map((key) => given('s', key));
    expect(rest).not.toContain('10.0.0.2');
    expect(reason(() => given('s', 'g'))).toBe('NoAvailableAddress');
  });

  it('a subnet that comes after its addresses, or comes back, knows them', () => {
    ipam.hold('s', 'a', ['10.0.0.2', 'fd00::2'], '02:00:00:00:00:01');
    ipam.setSubnet('s', ranges(['10.0.0.0/29', 'fd00::/64'], ['10.0.0.1', 'fd00::1']));
    expect(given('s', 'b')).toBe('10.0.0.3,fd00::3');
    ipam.removeSubnet('s');
    expect(ipam.usage('s')).toBeUndefined();
    expect(reason(() => given('s', 'c'))).toBe('NoSubnet');
    ipam.setSubnet('s', ranges(['10.0.0.0/29'], ['10.0.0.1']));
    expect(given('s', 'c')).toBe('10.0.0.4');
  });
});

describe('addresses of nodes', () => {
  const reserving = (...reserved: string[]): void =>
    ipam.setSubnet('s', { ...ranges(['10.0.0.0/29'], ['10.0.0.1']), reserved });

  it('are given to nobody, and available all the same', () => {
    reserving('10.0.0.3', '10.9.9.9');
    expect(usage('s')).toEqual([[0n, 5n]]);
    expect(ipam.usage('s')?.families[0]?.availableRange).toBe('10.0.0.2-10.0.0.6');
    expect(['a', 'b', 'c', 'd'].map((key) => given('s', key))).toEqual([
      '10.0.0.2',
      '10.0.0.4',
      '10.0.0.5',
      '10.0.0.6',
    ]);
    expect(reason(() => given('s', 'e'))).toBe('NoAvailableAddress');
    expect(reason(() => ipam.claim('s', 'e', ['10.0.0.3']))).toBe('AddressConflict');
    expect(usage('s')).toEqual([[4n, 1n]]);
    reserving();
    expect(given('s', 'e')).toBe('10.0.0.3');
  });

  it('stay with who has one, and are nobody’s after that', () => {
    reserving();
    expect(['a', 'b'].map((key) => given('s', key))).toEqual(['10.0.0.2', '10.0.0.3']);
    reserving('10.0.0.2', '10.0.0.3');
    ipam.hold('s', 'c', ['10.0.0.2'], '');
    expect(usage('s')).toEqual([[2n, 3n]]);
    for (const key of ['a', 'b']) ipam.release('s', key);
    expect(usage('s')).toEqual([[1n, 4n]]);
    ipam.release('s', 'c');
    now = 10_000;
    ipam.expire();
    expect([usage('s'), ipam.nextExpiry]).toEqual([[[0n, 5n]], undefined]);
    expect(given('s', 'd')).toBe('10.0.0.4');
  });
});

describe('hold', () => {
  it('of one address by two keys: free with the last', () => {
    ipam.setSubnet('s', ranges(['10.0.0.0/30']));
    ipam.hold('s', 'a', ['10.0.0.1'], '');
    ipam.hold('s', 'b', ['10.0.0.1', '10.0.0.1', '10.99.0.1', 'x'], '');
    expect(usage('s')).toEqual([[1n, 1n]]);
    ipam.setSubnet('s', ranges(['10.0.0.0/29']));
    ipam.release('s', 'a', true);
    expect(usage('s')).toEqual([[1n, 5n]]);
    ipam.release('s', 'b', true);
    expect(usage('s')).toEqual([[0n, 6n]]);
  });

  it('replaces what the key held', () => {
    ipam.setSubnet('s', ranges(['10.0.0.0/29']));
    ipam.hold('s', 'a', ['10.0.0.1'], '02:00:00:00:00:01');
    ipam.hold('s', 'a', ['10.0.0.2'], '02:00:00:00:00:02');
    now = 5_000;
    expect(usage('s')).toEqual([[1n, 5n]]);
    expect(ipam.allocate('s', 'b', { mac: '02:00:00:00:00:01' }).addresses).toEqual(['10.0.0.3']);
    ipam.hold('s', 'a', [], '');
    expect(ipam.release('s', 'a')).toBe(false);
  });
});

describe('usage', () => {
  it('is exact for large ranges, with texts as Kube-OVN has them', () => {
    ipam.setSubnet('s', ranges(['10.16.0.0/16', 'fd00::/64'], ['10.16.0.10'], ['10.16.0.1', 'fd00::1']));
    for (let at = 0; at < 9; at++) given('s', `p${at}`);
    expect(ipam.usage('s')?.families).toEqual([
      {
        family: 4,
        using: 9n,
        available: 65_534n - 2n - 9n,
        usingRange: '10.16.0.2-10.16.0.9,10.16.0.11',
        availableRange: '10.16.0.12-10.16.255.254',
      },
      {
        family: 6,
        using: 9n,
        available: (1n << 64n) - 2n - 1n - 9n,
        usingRange: 'fd00::2-fd00::a',
        availableRange: 'fd00::b-fd00::ffff:ffff:ffff:fffe',
      },
    ]);
  });

  it('of prefixes wider than a /64', () => {
    ipam.setSubnet('s', ranges(['fd00::/48'], ['fd00::1..fd00:0:0:1::ffff']));
    expect(given('s', 'a')).toBe('fd00::1:0:0:1:0');
    ipam.claim('s', 'b', ['fd00:0:0:7::5']);
    ipam.claim('s', 'c', ['fd00::9']);
    expect(ipam.usage('s')?.families[0]).toMatchObject({
      using: 2n,
      available: (1n << 80n) - 2n - ((1n << 64n) + 0xffffn) - 2n,
      usingRange: 'fd00::1:0:0:1:0,fd00:0:0:7::5',
    });
    expect(given('s', 'd')).toBe('fd00::1:0:0:1:1');
  });

  it('equals what a model counts, whatever happens', () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
    const octet = fc.integer({ min: 0, max: 18 });
    const act = fc.oneof(
      key.map((one) => ({ do: 'allocate' as const, key: one, octet: 0 })),
      fc.record({ do: fc.constant('claim' as const), key, octet }),
      key.map((one) => ({ do: 'release' as const, key: one, octet: 0 })),
      octet.map((one) => ({ do: 'exclude' as const, key: '', octet: one })),
      octet.map((one) => ({ do: 'reserve' as const, key: '', octet: one })),
      octet.map((one) => ({ do: 'wait' as const, key: '', octet: one * 100 })),
    );
    fc.assert(
      fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
        ipam = new Ipam({ allocator, now: () => now, random: seededBytes(), holdDownMs: 1_000 });
        const cidr = '10.0.0.0/28';
        let exclude = ['10.0.0.1'];
        let reserved: string[] = [];
        ipam.setSubnet('s', ranges([cidr], exclude));
        const held = new Map<string, string>();
        const wrong: string[] = [];
        for (const one of acts) {
          const before = ipam.holding('s', one.key);
          if (one.do === 'wait') now += one.octet;
          if (one.do === 'exclude') exclude = [`10.0.0.${Math.min(one.octet, 9)}..10.0.0.${one.octet}`];
          if (one.do === 'reserve') reserved = [`10.0.0.${one.octet}`];
          ipam.setSubnet('s', { ...ranges([cidr], exclude), reserved });
          if (one.do === 'release' && ipam.release('s', one.key) !== held.delete(one.key)) wrong.push(one.key);
          assign(one.do, one.key, one.octet);
          const after = ipam.holding('s', one.key)?.addresses[0];
          if (before || !after) continue;
          wrong.push(...flaws(after, [...held.values(), ...reserved], cidr));
          held.set(one.key, after);
        }
        expect(wrong).toEqual([]);
        const excluded = exclude.map((text) => parseRange(text)!);
        const open = Array.from({ length: 14 }, (_, at) => `10.0.0.${at + 1}`).filter(
          (text) => !rangesContain(excluded, parseIp(text)!),
        );
        const using = open.filter((text) => [...held.values()].includes(text));
        expect(usage('s')).toEqual([[BigInt(using.length), BigInt(open.length - using.length)]]);
        ipam.removeSubnet('s');
      }),
      { numRuns: 300 },
    );
  });
});

describe('memory of the module', () => {
  it('is reused when subnets come and go', () => {
    const round = (at: number): void => {
      ipam.setSubnet(`s${at}`, ranges(['10.0.0.0/8', 'fd00::/48'], ['10.0.0.1..10.3.0.7']));
      for (let pod = 0; pod < 20; pod++) ipam.allocate(`s${at}`, `p${pod}`);
      ipam.setSubnet(`s${at}`, ranges(['10.0.0.0/8', 'fd00::/64']));
      for (let pod = 0; pod < 20; pod++) ipam.release(`s${at}`, `p${pod}`);
      ipam.removeSubnet(`s${at}`);
    };
    round(0);
    const before = allocator.highWater;
    for (let at = 1; at < 200; at++) round(at);
    expect(allocator.highWater).toBe(before);
  });
});
