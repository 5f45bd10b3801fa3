// Addresses that are asked for: who gets them, what is said to who does not, and that nobody waits behind such a one.
import * as fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Wish } from '../../../operator/api/tables.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { Cluster, ledCluster, network, podDemand } from './cluster.ts';

beforeAll(() => ensureBuilt('ipam'));

let cluster: Cluster;

beforeEach(() => {
  cluster = ledCluster();
});

const ask = (name: string, wish: Wish, subnets: readonly string[] = ['s']): void =>
  cluster.demand({ ...podDemand(name, `u-${name}`, subnets), wish });

const fixed = (...addresses: string[]): Wish => ({ fixed: addresses.map((set) => set.split(',')) });

const addresses = (): Record<string, string> =>
  Object.fromEntries([...cluster.api.objects].map(([name, row]) => [name, row.addresses.join()]));

const messages = (): Record<string, string> =>
  Object.fromEntries(Object.entries(cluster.unassigned).map(([name, { message }]) => [name, message]));

describe('a fixed address', () => {
  it('is given as it is asked for, with its MAC', async () => {
    ask('a', { ...fixed('10.0.0.5'), mac: '02:00:00:00:00:05' });
    ask('b', { mac: '02:00:00:00:00:06' });
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.5', 'b.ns': '10.0.0.2' });
    expect(cluster.api.objects.get('a.ns')?.mac).toBe('02:00:00:00:00:05');
    expect(cluster.api.objects.get('b.ns')?.mac).toBe('02:00:00:00:00:06');
  });

  it.each([
    ['that another has', fixed('10.0.0.2'), 'AddressConflict: 10.0.0.2 is in use'],
    ['of no subnet', fixed('10.9.0.2'), 'AddressOutOfRange: 10.9.0.2 is not in 10.0.0.0/29'],
    ['that is the broadcast address', fixed('10.0.0.7'), 'AddressOutOfRange: 10.0.0.7 is not in 10.0.0.0/29'],
    ['of a family that is not there', { family: 6 }, 'InvalidIPFamily: there is no IPv6 range'],
    [
      'that contradicts its family',
      { ...fixed('10.0.0.5'), family: 6 },
      'InvalidIPFamily: 10.0.0.5 is not of the family that is asked for',
    ],
    ['from a list that is too short', { fixed: [] }, 'NoAvailableAddress: the list of addresses has none for b'],
    [
      'with a MAC that another has',
      { mac: '02:00:00:00:00:02' },
      'AddressConflict: MAC 02:00:00:00:00:02 is held by a.ns',
    ],
  ] satisfies [string, Wish, string][])('%s is refused, and others are served', async (_, wish, message) => {
    ask('a', { mac: '02:00:00:00:00:02' });
    ask('b', wish);
    ask('c', {});
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.2', 'c.ns': '10.0.0.3' });
    expect(messages()).toEqual({ 'b.ns': message });
  });

  it('is not looked for while the annotation cannot be understood', async () => {
    ask('a', { invalid: 'nonsense' });
    await cluster.quiet();
    expect(cluster.api.log).toEqual([]);
    expect(cluster.unassigned).toEqual({});
    ask('a', fixed('10.0.0.5'));
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.5' });
  });

  it('goes to who waits for it as soon as it is free, without a hold-down', async () => {
    ask('a', fixed('10.0.0.5'));
    await cluster.quiet();
    ask('b', fixed('10.0.0.5'));
    await cluster.quiet();
    cluster.noDemand('a.ns');
    await cluster.quiet();
    expect(addresses()).toEqual({ 'b.ns': '10.0.0.5' });
    expect(cluster.unassigned).toEqual({});
  });

  it('also when its holder had it by chance', async () => {
    ask('a', {});
    await cluster.quiet();
    ask('b', fixed('10.0.0.2'));
    cluster.noDemand('a.ns');
    await cluster.quiet();
    expect(addresses()).toEqual({ 'b.ns': '10.0.0.2' });
  });

  it('a MAC too', async () => {
    ask('a', { mac: '02:00:00:00:00:05' });
    await cluster.quiet();
    ask('b', { mac: '02:00:00:00:00:05' });
    await cluster.quiet();
    cluster.noDemand('a.ns');
    await cluster.quiet();
    expect(cluster.api.objects.get('b.ns')?.mac).toBe('02:00:00:00:00:05');
  });

  it('is given when the subnet grows to hold it', async () => {
    ask('a', fixed('10.0.0.12'));
    await cluster.quiet();
    expect(cluster.unassigned['a.ns']?.reason).toBe('AddressOutOfRange');
    cluster.network(network('s', ['10.0.0.0/28'], ['10.0.0.1']));
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.12' });
  });

  it.each([
    ['the address of a node', fixed('10.0.0.3'), 'AddressConflict: 10.0.0.3 is the address of a node'],
    [
      'one of a list of such',
      fixed('10.0.0.1', '10.0.0.3'),
      'NoAvailableAddress: none of 2 listed is free (AddressConflict: 10.0.0.1 is the gateway)',
    ],
    ['the address of the gateway', fixed('10.0.0.1'), 'AddressConflict: 10.0.0.1 is the gateway'],
    [
      'the MAC of the gateway',
      { mac: '02:00:00:00:00:01' },
      'AddressConflict: MAC 02:00:00:00:00:01 is that of the gateway',
    ],
  ] satisfies [string, Wish, string][])('is not %s, until it is no more', async (_, wish, message) => {
    const taken = { reserved: ['10.0.0.3'], mac: '02:00:00:00:00:01', gateways: ['10.0.0.1'] };
    cluster.network({ ...network('s', ['10.0.0.0/29'], ['10.0.0.1']), ...taken });
    ask('b', wish);
    await cluster.quiet();
    expect(messages()).toEqual({ 'b.ns': message });
    cluster.network({ ...network('s', ['10.0.0.0/29'], ['10.0.0.6']), gateways: ['10.0.0.6'] });
    await cluster.quiet();
    expect([Object.keys(addresses()), messages()]).toEqual([['b.ns'], {}]);
  });

  it('may be one that is excluded', async () => {
    cluster.network(network('s', ['10.0.0.0/29'], ['10.0.0.1..10.0.0.5']));
    ask('a', fixed('10.0.0.4'));
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.4' });
    expect(cluster.usage['s']?.families[0]).toMatchObject({ using: 0n, available: 1n });
  });
});

describe('further interfaces of a pod', () => {
  const attached = (ip: string, wish?: Wish): void =>
    cluster.demand({ ...podDemand('a', 'u-a'), ip, ...(wish && { wish }) });

  it('have addresses of their own, and no MAC where another plugin has one', async () => {
    attached('a.ns');
    attached('a.ns.net.x.ovn');
    attached('a.ns.net.x', { mac: '' });
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.2', 'a.ns.net.x.ovn': '10.0.0.3', 'a.ns.net.x': '10.0.0.4' });
    expect(cluster.api.objects.get('a.ns.net.x')?.mac).toBe('');
    cluster.noDemand('a.ns.net.x.ovn');
    await cluster.quiet();
    expect(Object.keys(addresses())).toEqual(['a.ns', 'a.ns.net.x']);
  });
});

describe('several', () => {
  it('of a list go to those who come first, and the rest is told', async () => {
    const list = fixed('10.0.0.5', '10.0.0.3');
    for (const name of ['a', 'b', 'c']) ask(name, list);
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.5', 'b.ns': '10.0.0.3' });
    expect(messages()['c.ns']).toBe(
      'NoAvailableAddress: none of 2 listed is free (AddressConflict: 10.0.0.5 is in use)',
    );
    cluster.noDemand('b.ns');
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.5', 'c.ns': '10.0.0.3' });
  });

  it('subnets are tried until one has it', async () => {
    cluster.network(network('t', ['10.1.0.0/24']));
    ask('a', fixed('10.1.0.7'), ['s', 't']);
    ask('b', fixed('10.9.0.7', '10.1.0.8'), ['none', 's', 't']);
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.1.0.7', 'b.ns': '10.1.0.8' });
    expect(cluster.api.objects.get('b.ns')?.subnet).toBe('t');
  });

  it('families are given together, unless one alone is asked for', async () => {
    cluster.network(network('d', ['10.2.0.0/24', 'fd00::/64']));
    ask('a', fixed('10.2.0.5,fd00::5'), ['d']);
    ask('b', fixed('10.2.0.6'), ['d']);
    ask('c', { ...fixed('fd00::7'), family: 6 }, ['d']);
    ask('e', { family: 4 }, ['d']);
    await cluster.quiet();
    expect(addresses()).toEqual({
      'a.ns': '10.2.0.5,fd00::5',
      'b.ns': '10.2.0.6,fd00::1',
      'c.ns': 'fd00::7',
      'e.ns': '10.2.0.1',
    });
  });

  it('families: one half that is taken gives nothing of the other away', async () => {
    cluster.network(network('d', ['10.2.0.0/24', 'fd00::/64']));
    ask('a', fixed('10.2.0.5,fd00::5'), ['d']);
    await cluster.quiet();
    ask('b', fixed('10.2.0.6,fd00::5'), ['d']);
    ask('c', fixed('10.2.0.6'), ['d']);
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.2.0.5,fd00::5', 'c.ns': '10.2.0.6,fd00::1' });
  });
});

describe('nobody waits behind a wish that cannot be met', () => {
  it('in a subnet that was full', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) ask(name, {});
    await cluster.quiet();
    ask('wants-a', fixed('10.0.0.2'));
    ask('wants-mac', { mac: cluster.api.objects.get('a.ns')?.mac ?? '' });
    ask('any', {});
    await cluster.quiet();
    cluster.noDemand('e.ns');
    await cluster.quiet();
    expect(addresses()['any.ns']).toBe('10.0.0.6');
    expect(Object.keys(cluster.unassigned)).toEqual(['wants-a.ns', 'wants-mac.ns']);
  });

  it('of one family in a subnet whose other one is full', async () => {
    cluster.network(network('d', ['10.2.0.0/30', 'fd00::/126']));
    ask('a', {}, ['d']);
    ask('b', { family: 6 }, ['d']);
    ask('c', { family: 4 }, ['d']);
    await cluster.quiet();
    ask('both', {}, ['d']);
    ask('four', { family: 4 }, ['d']);
    await cluster.quiet();
    expect(Object.keys(cluster.unassigned)).toEqual(['both.ns', 'four.ns']);
    cluster.noDemand('c.ns');
    await cluster.quiet();
    expect(addresses()['four.ns']).toBe('10.2.0.2');
  });

  it('whatever is asked for and given up, in whatever order', async () => {
    const wish = fc.oneof(
      fc.constant<Wish>({}),
      fc.nat({ max: 9 }).map((octet) => fixed(`10.0.0.${octet}`)),
      fc.array(fc.nat({ max: 9 }), { maxLength: 3 }).map((octets) => fixed(...octets.map((o) => `10.0.0.${o}`))),
      fc.nat({ max: 2 }).map((last): Wish => ({ mac: `02:00:00:00:00:0${last}` })),
    );
    const event = fc.record({
      pod: fc.nat({ max: 11 }),
      wish: fc.option(wish, { nil: undefined }),
      rest: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 40, size: 'max' }), async (events) => {
        cluster = new Cluster();
        cluster.network(network('s', ['10.0.0.0/29'], ['10.0.0.1']));
        cluster.assignments.start();
        cluster.restore();
        for (const [at, one] of events.entries()) {
          if (one.wish === undefined) cluster.noDemand(`p${one.pod}.ns`);
          else cluster.demand({ ...podDemand(`p${one.pod}`, `u${at}`), wish: one.wish });
          if (one.rest) await cluster.quiet();
        }
        await cluster.quiet();
        expectServed();
        cluster.assignments.close();
      }),
      { numRuns: 150 },
    );
    expect.hasAssertions();
  });
});

/** All have what they asked for, or it is not to be had. */
function expectServed(): void {
  const rows = [...cluster.api.objects.values()];
  const held = new Set(rows.flatMap((row) => [...row.addresses, row.mac]));
  expect(held.size).toBe(rows.length * 2);
  const without = [...cluster.demands.keys()].filter((name) => !cluster.api.objects.has(name)).sort();
  expect(Object.keys(cluster.unassigned)).toEqual(without);
  const full = cluster.usage['s']?.families[0]?.available === 0n;
  const usable = (text: string): boolean => /^10\.0\.0\.[1-6]$/.test(text);
  const couldBeServed = ({ fixed: sets, mac = '' }: Wish): boolean =>
    sets ? sets.flat().some((text) => usable(text) && !held.has(text)) : !full && !held.has(mac);
  expect(without.filter((name) => couldBeServed(cluster.demands.get(name)?.wish ?? {}))).toEqual([]);
  const wrong = rows.filter((row) => {
    const sets = cluster.demands.get(row.meta.name)?.wish?.fixed;
    return sets !== undefined && !sets.flat().includes(row.addresses.join());
  });
  expect(wrong).toEqual([]);
}
