// Parts of a subnet that are given on request only: IPPools in the allocator.
import * as fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AddressError } from '../../../operator/ipam/errors.ts';
import { Ipam } from '../../../operator/ipam/ipam.ts';
import type { Usage } from '../../../operator/api/tables.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { Cluster, lastOctet, network, newAllocator, podDemand, seededBytes } from './cluster.ts';

beforeAll(() => ensureBuilt('ipam'));

let cluster: Cluster;

beforeEach(() => {
  cluster = new Cluster();
  cluster.network(network('s', ['10.0.0.0/28'], ['10.0.0.1']));
  cluster.assignments.start();
  cluster.restore();
});

const pool = (name: string, ranges: readonly string[], subnet = 's'): void =>
  cluster.pool({ name, subnet, ranges, precedence: name });

const ask = (name: string, pools: readonly string[], subnets: readonly string[] = ['s']): void =>
  cluster.demand({ ...podDemand(name, `u-${name}`, subnets), wish: { pools } });

const addresses = (): Record<string, string> =>
  Object.fromEntries([...cluster.api.objects].map(([name, row]) => [name, row.addresses.join()]));

const counts = (usage: { families: readonly { using: bigint; available: bigint }[] } | undefined): unknown =>
  usage?.families.map(({ using, available }) => [using, available]);

describe('a pool', () => {
  it('has addresses of its own, which nobody else is given', async () => {
    pool('p', ['10.0.0.2..10.0.0.4']);
    for (const name of ['a', 'b']) cluster.demand(podDemand(name, `u-${name}`));
    for (const name of ['c', 'd']) ask(name, ['p']);
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.5', 'b.ns': '10.0.0.6', 'c.ns': '10.0.0.2', 'd.ns': '10.0.0.3' });
    expect(cluster.poolUsage['p']?.families).toEqual([
      { family: 4, using: 2n, available: 1n, usingRange: '10.0.0.2-10.0.0.3', availableRange: '10.0.0.4' },
    ]);
    expect(cluster.usage['s']?.families).toEqual([
      {
        family: 4,
        using: 4n,
        available: 9n,
        usingRange: '10.0.0.2-10.0.0.3,10.0.0.5-10.0.0.6',
        availableRange: '10.0.0.4,10.0.0.7-10.0.0.14',
      },
    ]);
  });

  it('that is used up serves who waits when one is free again, and keeps nobody else waiting', async () => {
    pool('p', ['10.0.0.2']);
    ask('a', ['p']);
    await cluster.quiet();
    ask('b', ['p']);
    cluster.demand(podDemand('c', 'u-c'));
    await cluster.quiet();
    expect(cluster.unassigned['b.ns']?.message).toBe('NoAvailableAddress: no IPv4 address is left in ippool p');
    cluster.noDemand('a.ns');
    await cluster.quiet();
    expect(addresses()).toEqual({ 'b.ns': '10.0.0.2', 'c.ns': '10.0.0.3' });
  });

  it('is the next one when the first has nothing left, also in another subnet', async () => {
    cluster.network(network('t', ['10.1.0.0/24']));
    pool('p', ['10.0.0.2']);
    pool('q', ['10.1.0.9'], 't');
    ask('a', ['p', 'q'], ['s', 't']);
    ask('b', ['p', 'q'], ['s', 't']);
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.2', 'b.ns': '10.1.0.9' });
  });

  it('that does not exist is waited for', async () => {
    ask('a', ['p']);
    await cluster.quiet();
    expect(cluster.unassigned['a.ns']?.message).toBe('NoAvailableAddress: there is no ippool p');
    pool('p', ['10.0.0.9']);
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.9' });
  });

  it('takes over what is assigned of it, and gives it back when it goes', async () => {
    for (const name of ['a', 'b', 'c']) cluster.demand(podDemand(name, `u-${name}`));
    await cluster.quiet();
    pool('p', ['10.0.0.3..10.0.0.5']);
    await cluster.quiet();
    expect(counts(cluster.poolUsage['p'])).toEqual([[2n, 1n]]);
    cluster.noDemand('b.ns');
    await cluster.quiet();
    expect(counts(cluster.poolUsage['p'])).toEqual([[1n, 2n]]);
    cluster.noPool('p');
    await cluster.quiet();
    expect(cluster.poolUsage).toEqual({});
    expect(counts(cluster.usage['s'])).toEqual([[2n, 11n]]);
    cluster.demand(podDemand('d', 'u-d'));
    await cluster.quiet();
    expect(addresses()['d.ns']).toBe('10.0.0.3');
  });

  it('holds a fixed address that somebody asks for', async () => {
    pool('p', ['10.0.0.3..10.0.0.5']);
    cluster.demand({ ...podDemand('a', 'u1'), wish: { fixed: [['10.0.0.4']] } });
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.4' });
    expect(counts(cluster.poolUsage['p'])).toEqual([[1n, 2n]]);
  });

  it('counts nothing that is excluded or outside of the subnet', async () => {
    pool('p', ['10.0.0.0..10.0.0.3', '10.9.0.0..10.9.0.255']);
    ask('a', ['p']);
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.2' });
    expect(counts(cluster.poolUsage['p'])).toEqual([[1n, 1n]]);
  });

  it('moves to another subnet with its name', async () => {
    cluster.network(network('t', ['10.1.0.0/24']));
    pool('p', ['10.0.0.2', '10.1.0.2']);
    await cluster.quiet();
    expect(counts(cluster.poolUsage['p'])).toEqual([[0n, 1n]]);
    pool('p', ['10.0.0.2..10.0.0.3', '10.1.0.2..10.1.0.6'], 't');
    await cluster.quiet();
    expect(counts(cluster.poolUsage['p'])).toEqual([[0n, 5n]]);
    cluster.demand(podDemand('a', 'u1'));
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.2' });
  });

  it('gives one address of each family, from itself', async () => {
    cluster.network(network('d', ['10.2.0.0/24', 'fd00::/64']));
    pool('p', ['10.2.0.9..10.2.0.10', 'fd00::9'], 'd');
    ask('a', ['p'], ['d']);
    ask('b', ['p'], ['d']);
    cluster.demand({ ...podDemand('c', 'u-c', ['d']), wish: { pools: ['p'], family: 4 } });
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.2.0.9,fd00::9', 'c.ns': '10.2.0.10' });
    expect(cluster.unassigned['b.ns']?.reason).toBe('NoAvailableAddress');
  });

  it('survives a restart of the allocator', async () => {
    pool('p', ['10.0.0.2..10.0.0.4']);
    ask('a', ['p']);
    await cluster.quiet();
    cluster.restart(false);
    cluster.restore();
    cluster.demand(podDemand('b', 'u-b'));
    ask('c', ['p']);
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.2', 'b.ns': '10.0.0.5', 'c.ns': '10.0.0.3' });
  });
});

const names = ['p', 'q', ''];
const octet = fc.integer({ min: 0, max: 15 });

/** The allocator beside what is known of one /28: last octets by key, ranges by pool. */
class Model {
  readonly #ipam: Ipam;
  readonly #held = new Map<string, number>();
  readonly #pools = new Map<string, readonly [number, number]>();
  readonly wrong: string[] = [];
  #excluded = 0;
  #now = 0;

  constructor() {
    this.#ipam = new Ipam({ allocator: newAllocator(), now: () => this.#now, random: seededBytes(), holdDownMs: 5 });
    this.exclude(0);
  }

  step(event: (model: Model) => void): void {
    this.#now += 1;
    this.#ipam.expire();
    event(this);
    this.#count();
  }

  allocate(key: string, name: string): void {
    const at = this.#try(key, () => this.#ipam.allocate('s', key, name === '' ? {} : { pool: name }).addresses);
    if (at === undefined) return;
    if (this.#poolOf(at) !== name || at === this.#excluded) this.wrong.push(`${at} was given of pool ${name}`);
  }

  claim(key: string, at: number): void {
    this.#try(key, () => this.#ipam.claim('s', key, [`10.0.0.${at}`]).addresses);
  }

  release(key: string): void {
    if (this.#ipam.release('s', key) !== this.#held.delete(key)) this.wrong.push(`${key} was not known`);
  }

  pool(name: string, ends: readonly number[]): void {
    const [first, last] = [Math.min(...ends), Math.max(...ends)];
    this.#pools.set(name, [first, last]);
    this.#ipam.setPool({ name, subnet: 's', ranges: [`10.0.0.${first}..10.0.0.${last}`], precedence: name });
  }

  noPool(name: string): void {
    this.#pools.delete(name);
    this.#ipam.removePool(name);
  }

  exclude(at: number): void {
    this.#excluded = at;
    this.#ipam.setSubnet('s', { cidrs: ['10.0.0.0/28'], exclude: [`10.0.0.${at}`], gateways: [] });
  }

  #try(key: string, fn: () => readonly string[]): number | undefined {
    if (this.#held.has(key)) return undefined;
    try {
      const at = lastOctet(fn().join());
      if ([...this.#held.values()].includes(at)) this.wrong.push(`${at} was given twice`);
      this.#held.set(key, at);
      return at;
    } catch (error) {
      if (error instanceof AddressError) return undefined;
      throw error;
    }
  }

  /** Of two pools with one address the first has it. */
  #poolOf(at: number): string {
    const holds = ([first, last]: readonly [number, number]): boolean => first <= at && at <= last;
    return ['p', 'q'].find((name) => holds(this.#pools.get(name) ?? [1, 0])) ?? '';
  }

  #count(): void {
    const open = Array.from({ length: 14 }, (_, at) => at + 1).filter((at) => at !== this.#excluded);
    const held = [...this.#held.values()];
    const of = (list: readonly number[]): string => {
      const using = list.filter((at) => held.includes(at)).length;
      return `${using} of ${list.length}`;
    };
    const told = (usage: Usage['families'] = []): string =>
      usage.map(({ using, available }) => `${using} of ${using + available}`).join();
    if (told(this.#ipam.usage('s')?.families) !== of(open)) this.wrong.push('the subnet is counted wrongly');
    for (const { pool: name, families } of this.#ipam.poolUsages('s')) {
      const own = open.filter((at) => this.#poolOf(at) === name);
      if (told(families) !== of(own)) this.wrong.push(`${name} is counted ${told(families)} and not ${of(own)}`);
    }
  }
}

const key = octet.map((at) => `k${at}`);
const poolName = fc.constantFrom('p', 'q');
const events = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(key, fc.constantFrom(...names)).map(
      ([one, name]) =>
        (m: Model) =>
          m.allocate(one, name),
    ),
  },
  { weight: 4, arbitrary: key.map((one) => (m: Model) => m.release(one)) },
  {
    weight: 2,
    arbitrary: fc.tuple(key, octet).map(
      ([one, at]) =>
        (m: Model) =>
          m.claim(one, at),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(poolName, octet, octet).map(
      ([name, ...ends]) =>
        (m: Model) =>
          m.pool(name, ends),
    ),
  },
  { weight: 1, arbitrary: poolName.map((name) => (m: Model) => m.noPool(name)) },
  { weight: 1, arbitrary: octet.map((at) => (m: Model) => m.exclude(at)) },
);

it('gives nothing twice, nothing of another pool, and counts exactly, while pools come and go', () => {
  fc.assert(
    fc.property(fc.array(events, { maxLength: 60, size: 'max' }), (sequence) => {
      const model = new Model();
      for (const event of sequence) model.step(event);
      expect(model.wrong).toEqual([]);
    }),
    { numRuns: 300 },
  );
  expect.hasAssertions();
});
