// The allocator against its plain model: the same calls on both, and after each everything that can be asked is the same.
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Usage } from '../../../operator/api/tables.ts';
import { AddressError } from '../../../operator/ipam/errors.ts';
import { Ipam } from '../../../operator/ipam/ipam.ts';
import type { NamedPool, Wants } from '../../../operator/ipam/ipam.ts';
import type { Allocator } from '../../../operator/ipam/module.ts';
import type { SubnetRanges } from '../../../operator/ipam/subnet-pools.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { newAllocator, seededBytes } from './cluster.ts';
import { Model, Refused, addressOf, familyOf } from './model.ts';

const HOLD_DOWN_MS = 1_000;
const subnets = ['s', 't'];
const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
const poolNames = ['p', 'q'];

type Act =
  | { readonly do: 'allocate'; readonly subnet: string; readonly key: string; readonly wants: Wants }
  | {
      readonly do: 'hold';
      readonly subnet: string;
      readonly key: string;
      readonly addresses: string[];
      readonly mac: string;
    }
  | { readonly do: 'release'; readonly subnet: string; readonly key: string; readonly unused: boolean }
  | { readonly do: 'subnet'; readonly subnet: string; readonly ranges: SubnetRanges }
  | { readonly do: 'no subnet'; readonly subnet: string }
  | { readonly do: 'pool'; readonly pool: NamedPool }
  | { readonly do: 'no pool'; readonly name: string }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'restart'; readonly order: number };

const subnet = fc.constantFrom('s', 's', 's', 't');
const key = fc.constantFrom(...keys);
/** Mostly those that are given first, so that calls meet. */
const last = fc.oneof({ weight: 2, arbitrary: fc.integer({ min: 0, max: 5 }) }, fc.integer({ min: 0, max: 18 }));
const address = fc
  .tuple(fc.constantFrom(4 as const, 4 as const, 6 as const), last)
  .map(([family, at]) => addressOf(family, at));
const mac = fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03');
const range = fc
  .tuple(fc.constantFrom(4 as const, 6 as const), last, fc.integer({ min: 0, max: 6 }))
  .map(([family, first, more]) =>
    more === 0 ? addressOf(family, first) : `${addressOf(family, first)}..${addressOf(family, first + more)}`,
  );
const cidrs = fc.constantFrom(
  ['10.0.0.0/28'],
  ['10.0.0.0/29'],
  ['10.0.0.8/29'],
  ['10.0.0.4/31'],
  ['fd00::/124'],
  ['10.0.0.0/28', 'fd00::/125'],
  ['10.0.0.0/28', 'fd00::/125'],
  ['10.0.0.0/27', 'fd00::8/125'],
  ['10.0.0.0/30', 'fd00::/126'],
  [],
);
const ranges = fc.record({
  cidrs,
  exclude: fc.array(range, { maxLength: 2 }),
  gateways: fc.subarray(['10.0.0.1', 'fd00::1']),
});

const optional = <T>(arbitrary: fc.Arbitrary<T>, freq: number): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq });

const wants = fc
  .record({
    addresses: fc.array(address, { minLength: 1, maxLength: 3 }),
    mac: fc.oneof({ weight: 9, arbitrary: mac }, { weight: 1, arbitrary: fc.constant('01:00:00:00:00:00') }),
    families: fc.constantFrom([4 as const], [6 as const], [4 as const, 6 as const]),
    pool: fc.constantFrom(...poolNames, 'nobody'),
    parts: fc.subarray(['addresses', 'mac', 'families', 'pool'] as const),
  })
  .map(({ parts, ...all }): Wants => Object.fromEntries(parts.map((part) => [part, all[part]])));

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('allocate' as const), subnet, key, wants: fc.constant({}) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('allocate' as const), subnet, key, wants }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('hold' as const),
      subnet,
      key,
      addresses: fc.array(address, { maxLength: 3 }),
      mac: optional(mac, 2).map((text) => text ?? ''),
    }),
  },
  { weight: 12, arbitrary: fc.record({ do: fc.constant('release' as const), subnet, key, unused: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('subnet' as const), subnet, ranges }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('no subnet' as const), subnet }) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...poolNames), subnet, fc.array(range, { maxLength: 2 }), fc.constantFrom('1', '2'))
      .map(([name, where, parts, order]) => ({
        do: 'pool' as const,
        pool: { name, subnet: where, ranges: parts, precedence: `${order}${name}` },
      })),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('no pool' as const), name: fc.constantFrom(...poolNames) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 1_500 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), order: fc.nat() }) },
);

let allocator: Allocator;
beforeAll(async () => {
  await ensureBuilt('ipam');
  allocator = newAllocator();
});

/** Both sides of one run. */
class Pair {
  #processes = 0;
  now = 0;
  model = new Model(HOLD_DOWN_MS);
  ipam = this.#newIpam();

  #newIpam(): Ipam {
    const random = seededBytes(this.#processes++ * 7919 + 1);
    return new Ipam({ allocator, now: () => this.now, random, holdDownMs: HOLD_DOWN_MS });
  }

  /** What each side says to a call. */
  run(one: Act): [actual: unknown, expected: unknown] {
    const { ipam, model, now } = this;
    switch (one.do) {
      case 'allocate':
        return this.#allocate(one);
      case 'hold':
        ipam.hold(one.subnet, one.key, one.addresses, one.mac);
        return [undefined, model.hold(one.subnet, one.key, one, now)];
      case 'release':
        return [ipam.release(one.subnet, one.key, one.unused), model.release(one.subnet, one.key, one.unused, now)];
      case 'subnet':
        return [ipam.setSubnet(one.subnet, one.ranges), model.setSubnet(one.subnet, one.ranges)];
      case 'no subnet':
        return [ipam.removeSubnet(one.subnet), model.removeSubnet(one.subnet)];
      case 'pool':
        return [ipam.setPool(one.pool), model.setPool(one.pool)];
      case 'no pool':
        return [ipam.removePool(one.name), model.removePool(one.name)];
      case 'wait':
        this.now += one.ms;
        return [ipam.expire(), model.expire(this.now)];
      case 'restart':
        return [this.#restart(one.order), undefined];
      default:
        return one satisfies never;
    }
  }

  #allocate({ subnet: name, key: who, wants: what }: Act & { do: 'allocate' }): [unknown, unknown] {
    const actual = outcome(() => this.ipam.allocate(name, who, what));
    if (typeof actual === 'string') return [actual, outcome(() => this.model.allocate(name, who, what, ''))];
    // The model cannot know what is drawn, but what must be true of it.
    const isNew = /^[0-9a-f]2(:[0-9a-f]{2}){5}$/.test(actual.mac) && !this.model.hasMac(name, actual.mac);
    const drawn = isNew ? actual.mac : 'a new MAC';
    const expected = outcome(() => this.model.allocate(name, who, what, drawn));
    return [actual, typeof expected === 'string' ? expected : { addresses: expected.addresses, mac: expected.mac }];
  }

  /** Another process learns what the API holds in whatever order. */
  #restart(order: number): void {
    this.close();
    this.model = this.model.restarted();
    this.ipam = this.#newIpam();
    const { ipam, model } = this;
    const news = [
      ...[...model.ranges].map(
        ([name, one]) =>
          () =>
            ipam.setSubnet(name, one),
      ),
      ...[...model.pools.values()].map((pool) => () => ipam.setPool(pool)),
      ...subnets.flatMap((name) =>
        [...model.holdings(name)].map(
          ([who, held]) =>
            () =>
              ipam.hold(name, who, held.addresses, held.mac),
        ),
      ),
    ];
    const turn = order % Math.max(1, news.length);
    for (const told of [...news.slice(turn), ...news.slice(0, turn)]) told();
  }

  close(): void {
    for (const name of subnets) this.ipam.removeSubnet(name);
  }

  /** Everything that can be asked, on both sides. */
  views(): [actual: unknown, expected: unknown] {
    return [subnets.map((name) => this.#actual(name)), subnets.map((name) => this.#expected(name))];
  }

  #actual(name: string): unknown {
    const { ipam, model } = this;
    const families = ipam.usage(name)?.families;
    return {
      usage: families,
      pools: Object.fromEntries(ipam.poolUsages(name).map((one) => [one.pool, one.families])),
      room: families?.map(({ family }) => ['', ...poolNames].map((pool) => Number(ipam.room(name, family, pool)))),
      held: Object.fromEntries([...model.holdings(name).keys()].map((who) => [who, ipam.holding(name, who)])),
      others: keys.filter((who) => ipam.holding(name, who) && !model.holdings(name).has(who)),
      nextExpiry: ipam.nextExpiry,
    };
  }

  #expected(name: string): unknown {
    const { model } = this;
    const exists = model.ranges.has(name);
    const named = [...model.pools.values()].filter((pool) => pool.subnet === name && exists);
    return {
      usage: exists ? usageOf(model, name) : undefined,
      pools: Object.fromEntries(named.map((pool) => [pool.name, usageOf(model, name, pool.name)])),
      room: exists
        ? model.counts(name).map(({ family }) => ['', ...poolNames].map((pool) => model.room(name, family, pool)))
        : undefined,
      held: Object.fromEntries(
        [...model.holdings(name)].map(([who, held]) => [who, { addresses: held.addresses, mac: held.mac }]),
      ),
      others: [],
      nextExpiry: model.nextExpiry,
    };
  }
}

function outcome<T extends object>(call: () => T): T | string {
  try {
    return call();
  } catch (error) {
    if (error instanceof AddressError) return error.reason;
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

function usageOf(model: Model, name: string, pool?: string): Usage['families'] {
  return model.counts(name, pool).map(({ family, using, open }) => {
    const available = open.filter((one) => !using.includes(one));
    return {
      family,
      using: BigInt(using.length),
      available: BigInt(available.length),
      usingRange: rangesOf(using),
      availableRange: rangesOf(available),
    };
  });
}

/** `a-b,c` of addresses in order. */
function rangesOf(addresses: readonly string[]): string {
  const runs: string[][] = [];
  const all = Array.from({ length: 64 }, (_, at) => at);
  for (const one of addresses) {
    const before = runs.at(-1)?.at(-1);
    const next = all.find((at) => addressOf(familyOf(one), at) === before);
    if (next !== undefined && addressOf(familyOf(one), next + 1) === one) runs.at(-1)?.push(one);
    else runs.push([one]);
  }
  return runs.map((run) => (run.length === 1 ? run[0] : `${run[0]}-${run.at(-1)}`)).join(',');
}

describe('the allocator', () => {
  it('does what its plain model does, call by call', () => {
    fc.assert(
      fc.property(ranges, fc.array(act, { maxLength: 60, size: 'max' }), (first, acts) => {
        const pair = new Pair();
        for (const one of [{ do: 'subnet' as const, subnet: 's', ranges: first }, ...acts]) {
          const [actual, expected] = pair.run(one);
          expect(actual).toEqual(expected);
          const [seen, wanted] = pair.views();
          expect(seen).toEqual(wanted);
        }
        pair.close();
      }),
      { numRuns: 150 },
    );
  });
});
