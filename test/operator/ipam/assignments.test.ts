import * as fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { IpRow } from '../../../operator/api/tables.ts';
import { finalizer } from '../../../operator/ipam/writer.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { Cluster, holdDownMs, lastOctet, ledCluster, network, podDemand } from './cluster.ts';
import type { Outcome } from './fake-api.ts';

beforeAll(() => ensureBuilt('ipam'));

let cluster: Cluster;

beforeEach(() => {
  cluster = ledCluster();
});

const addresses = (): Record<string, string> =>
  Object.fromEntries([...cluster.api.objects].map(([name, row]) => [name, row.addresses.join()]));

const made = (name: string, change: Partial<IpRow> & { finalizers?: string[] } = {}): IpRow => {
  const { finalizers, ...fields } = change;
  return {
    meta: {
      name: `${name}.ns`,
      namespace: '',
      uid: cluster.api.newUid(),
      generation: 1,
      deleting: false,
      finalizers: finalizers ?? [finalizer],
      labels: {},
      annotations: {},
    },
    created: cluster.api.now(),
    subnet: 's',
    podName: name,
    namespace: 'ns',
    podType: '',
    node: 'node1',
    addresses: ['10.0.0.4'],
    mac: '02:00:00:00:00:04',
    ownerUid: '',
    controllerUid: '',
    ...fields,
  };
};

describe('the life of an assignment', () => {
  it('is two writes when a pod comes and two when it goes', async () => {
    cluster.demand(podDemand('a', 'u1'));
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.2' });
    expect(cluster.api.objects.get('a.ns')).toMatchObject({ ownerUid: 'u1', node: 'node1', subnet: 's' });
    cluster.noDemand('a.ns');
    await cluster.quiet();
    expect(cluster.api.objects.size).toBe(0);
    expect(cluster.api.log).toEqual(['create a.ns ok', 'remove a.ns ok', 'finish a.ns ok']);
    expect(cluster.failures).toEqual([]);
  });

  it('keeps the finalizer until the rows are gone', async () => {
    cluster.demand(podDemand('a', 'u1'));
    await cluster.quiet();
    cluster.noDemand('a.ns');
    await cluster.clock.advance(10);
    cluster.api.answer(0, 'ok');
    cluster.watch(Infinity);
    await cluster.clock.advance(20_000);
    expect(cluster.api.calls).toEqual([]);
    cluster.confirm('a.ns');
    await cluster.clock.advance(10);
    expect(cluster.api.calls.map(({ what }) => what)).toEqual(['finish a.ns']);
  });

  it('holds a released address down', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) cluster.demand(podDemand(name, `u-${name}`));
    await cluster.quiet();
    cluster.noDemand('b.ns');
    cluster.demand(podDemand('late', 'u-late'));
    await cluster.clock.advance(1);
    expect(cluster.unassigned['late.ns']?.reason).toBe('NoAvailableAddress');
    cluster.api.answer(0, 'ok');
    cluster.watch(Infinity);
    cluster.confirm('b.ns');
    await cluster.clock.advance(1);
    cluster.api.answer(0, 'ok');
    cluster.watch(Infinity);
    await cluster.clock.advance(holdDownMs - 10);
    expect(cluster.api.calls).toEqual([]);
    await cluster.clock.advance(20);
    expect(cluster.api.calls.map(({ what }) => what)).toEqual(['create late.ns']);
    expect(cluster.unassigned).toEqual({});
    await cluster.quiet();
    expect(addresses()['late.ns']).toBe('10.0.0.3');
  });

  it('waits for an object that is being deleted', async () => {
    cluster.demand(podDemand('a', 'u1'));
    await cluster.quiet();
    cluster.api.removeByHand('a.ns');
    cluster.watch(Infinity);
    await cluster.clock.advance(10);
    expect(cluster.unassigned['a.ns']).toMatchObject({ reason: 'WaitingForRelease' });
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.3' });
    expect(cluster.unassigned).toEqual({});
  });

  it('removes the object of a former pod of the name first', async () => {
    cluster.demand(podDemand('a', 'u1'));
    await cluster.quiet();
    cluster.demand(podDemand('a', 'u2'));
    await cluster.clock.advance(10);
    expect(cluster.unassigned['a.ns']?.message).toContain('former Pod');
    await cluster.quiet();
    expect(cluster.api.objects.get('a.ns')?.ownerUid).toBe('u2');
    expect(cluster.api.log.slice(1)).toEqual(['remove a.ns ok', 'finish a.ns ok', 'create a.ns ok']);
  });
});

describe('waiting', () => {
  it('serves waiters in order when room appears', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) cluster.demand(podDemand(name, `u-${name}`));
    await cluster.quiet();
    expect(Object.keys(cluster.unassigned)).toEqual(['f.ns', 'g.ns']);
    expect(cluster.unassigned['f.ns']?.message).toBe('NoAvailableAddress: no IPv4 address is left in 10.0.0.0/29');
    cluster.noDemand('a.ns');
    await cluster.quiet();
    expect(Object.keys(cluster.unassigned)).toEqual(['g.ns']);
    cluster.network(network('s', ['10.0.0.0/28'], ['10.0.0.1']));
    await cluster.quiet();
    expect(cluster.unassigned).toEqual({});
    expect(new Set(Object.values(addresses())).size).toBe(6);
  });

  it('tries the subnets in order, and says what a user can do something about', async () => {
    cluster.demand(podDemand('a', 'u1', ['none', 's']));
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.2' });
    cluster.demand(podDemand('b', 'u2', ['none']));
    cluster.demand(podDemand('c', 'u3', []));
    await cluster.quiet();
    expect(cluster.unassigned['b.ns']).toMatchObject({ reason: 'NoSubnet', ip: 'b.ns' });
    expect(cluster.unassigned['c.ns']?.reason).toBe('NoSubnet');
    cluster.network(network('none', ['10.9.0.0/24']));
    await cluster.quiet();
    expect(addresses()['b.ns']).toBe('10.9.0.1');
  });

  it('passes room on when the first in the queue finds an address elsewhere', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) cluster.demand(podDemand(name, `u-${name}`));
    await cluster.quiet();
    cluster.demand(podDemand('f', 'u-f', ['other', 's']));
    cluster.demand(podDemand('g', 'u-g'));
    await cluster.quiet();
    cluster.network(network('other', ['10.9.0.0/24']));
    cluster.network(network('s', ['10.0.0.0/29']));
    await cluster.quiet();
    expect(addresses()).toMatchObject({ 'f.ns': '10.9.0.1', 'g.ns': '10.0.0.1' });
  });

  it('gives nothing from a subnet that is being deleted', async () => {
    cluster.network({ ...network('s', ['10.0.0.0/29']), deleting: true });
    cluster.demand(podDemand('a', 'u1'));
    await cluster.quiet();
    expect(cluster.unassigned['a.ns']?.message).toContain('is being deleted');
  });
});

describe('objects of others', () => {
  it('adopts what was made for the same pod before', async () => {
    cluster.api.put(made('a', { addresses: ['10.0.0.5'] }));
    cluster.watch(Infinity);
    cluster.demand(podDemand('a', 'u1'));
    await cluster.quiet();
    expect(cluster.api.log).toEqual(['adopt a.ns ok']);
    expect(cluster.api.objects.get('a.ns')).toMatchObject({ ownerUid: 'u1', addresses: ['10.0.0.5'] });
  });

  it.each([[finalizer], ['kube-ovn-controller']])('lets one go that is deleted with finalizer %s', async (kept) => {
    cluster.api.put(made('a', { finalizers: [kept] }));
    cluster.api.removeByHand('a.ns');
    cluster.watch(Infinity);
    cluster.assignments.recheck('a.ns');
    await cluster.clock.advance(1);
    expect(cluster.api.calls.map(({ what }) => what)).toEqual(['finish a.ns']);
  });

  it('leaves one to others that is deleted with their finalizer', async () => {
    cluster.api.put(made('a', { finalizers: ['example.com/other'] }));
    cluster.api.removeByHand('a.ns');
    cluster.watch(Infinity);
    await cluster.clock.advance(60_000);
    expect(cluster.api.calls).toEqual([]);
  });

  it('never adopts the object of another pod under the name', async () => {
    cluster.api.put(made('a', { podName: 'x', namespace: 'y' }));
    cluster.watch(Infinity);
    cluster.demand(podDemand('a', 'u1'));
    await cluster.quiet();
    expect(cluster.unassigned['a.ns']).toMatchObject({ reason: 'AddressConflict' });
    expect(cluster.unassigned['a.ns']?.message).toContain('belongs to y/x');
    expect(cluster.api.log).toEqual([]);
  });

  it('lets the older of two objects with one address keep it', async () => {
    cluster.demand(podDemand('a', 'u1'));
    await cluster.quiet();
    const rival = made('b', { addresses: ['10.0.0.2'], ownerUid: 'u2', created: 5 });
    cluster.api.put(rival);
    cluster.demand(podDemand('b', 'u2'));
    cluster.watch(Infinity);
    expect(cluster.assignments.losesTo('a.ns')).toEqual(rival);
    expect(cluster.assignments.losesTo('b.ns')).toBeUndefined();
    await cluster.clock.advance(1);
    expect(cluster.unassigned['a.ns']).toMatchObject({ reason: 'AddressConflict' });
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.3', 'b.ns': '10.0.0.2' });
  });

  it('decides between equally old objects by UID', () => {
    const [one, two] = [made('a', { created: 5 }), made('b', { created: 5 })];
    cluster.api.put(two);
    cluster.api.put(one);
    cluster.watch(Infinity);
    expect(cluster.assignments.losesTo('b.ns')).toEqual(one);
  });
});

describe('failures', () => {
  it('a lost reply is no second address', async () => {
    cluster.demand(podDemand('a', 'u1'));
    await cluster.clock.advance(1);
    cluster.api.answer(0, 'lost');
    await cluster.clock.advance(200);
    expect(cluster.api.calls.map(({ what }) => what)).toEqual(['create a.ns']);
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.2' });
    expect(cluster.failures).toHaveLength(1);
  });

  it('a demand that goes while its create is in doubt leaves nothing behind', async () => {
    cluster.demand(podDemand('a', 'u1'));
    await cluster.clock.advance(1);
    cluster.api.answer(0, 'lost');
    await cluster.clock.advance(1);
    cluster.noDemand('a.ns');
    await cluster.quiet();
    expect(cluster.api.objects.size).toBe(0);
    expect(cluster.usage['s']?.families[0]).toMatchObject({ using: 0n, available: 5n });
  });

  it('a refusal after a lost reply is no proof that there is nothing', async () => {
    for (const name of ['a', 'b', 'c', 'd']) cluster.demand(podDemand(name, `u-${name}`));
    await cluster.quiet();
    cluster.demand(podDemand('e', 'u-e'));
    await cluster.clock.advance(1);
    cluster.api.answer(0, 'lost');
    await cluster.clock.advance(200);
    cluster.api.answer(0, 'refused');
    cluster.noDemand('e.ns');
    cluster.demand(podDemand('f', 'u-f'));
    await cluster.clock.advance(1);
    expect(cluster.unassigned['f.ns']?.reason).toBe('NoAvailableAddress');
    expect(addresses()['e.ns']).toBe('10.0.0.6');
    await cluster.quiet();
    expect(addresses()).toMatchObject({ 'f.ns': '10.0.0.6' });
  });

  it('a demand that goes after a refusal needs no further write', async () => {
    cluster.demand(podDemand('a', 'u1'));
    await cluster.clock.advance(1);
    cluster.api.answer(0, 'refused');
    await cluster.clock.advance(1);
    cluster.noDemand('a.ns');
    await cluster.quiet();
    expect(cluster.api.log).toEqual(['create a.ns refused']);
    expect(cluster.assignments.counts).toEqual({ waiting: 0, reserved: 0, writes: 0 });
  });

  it('pauses longer with every failure, up to the cap', async () => {
    cluster.demand(podDemand('a', 'u1'));
    const tries: number[] = [];
    for (let at = 0; at < 14; at++) {
      const before = cluster.clock.now();
      while (cluster.api.calls.length === 0) await cluster.clock.advance(25);
      tries.push(cluster.clock.now() - before);
      cluster.api.answer(0, 'unavailable');
    }
    expect(tries.slice(1, 4)).toEqual([75, 150, 300]);
    expect(Math.max(...tries)).toBeLessThanOrEqual(30_000);
    expect(tries.at(-1)).toBe(22_500);
  });

  it('keeps to the number of writes in flight', async () => {
    cluster.network(network('s', ['10.0.0.0/24']));
    for (let at = 0; at < 50; at++) cluster.demand(podDemand(`p${at}`, `u${at}`));
    await cluster.clock.advance(1);
    expect(cluster.api.calls).toHaveLength(4);
    await cluster.quiet();
    expect(cluster.api.objects.size).toBe(50);
  });

  it('asks again when an accepted object never shows', async () => {
    cluster.demand(podDemand('a', 'u1'));
    await cluster.clock.advance(1);
    cluster.api.answer(0, 'ok');
    cluster.api.objects.clear();
    cluster.api.events(Infinity);
    await cluster.clock.advance(29_000);
    expect(cluster.api.calls).toEqual([]);
    await cluster.clock.advance(2_000);
    expect(cluster.api.calls.map(({ what }) => what)).toEqual(['create a.ns']);
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.2' });
  });
});

describe('leadership', () => {
  it('allocates nothing before the list is there', async () => {
    cluster.api.put(made('old', { addresses: ['10.0.0.2'], ownerUid: 'u0' }));
    cluster.restart(false);
    cluster.demand(podDemand('old', 'u0'));
    cluster.demand(podDemand('a', 'u1'));
    await cluster.clock.advance(60_000);
    expect(cluster.api.calls).toEqual([]);
    cluster.restore();
    await cluster.quiet();
    expect(addresses()).toEqual({ 'a.ns': '10.0.0.3', 'old.ns': '10.0.0.2' });
    expect(cluster.api.log).toEqual(['create a.ns ok']);
  });

  it('writes nothing after stop, and goes on after the next start', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) cluster.demand(podDemand(name, `u-${name}`));
    await cluster.clock.advance(1);
    cluster.assignments.stop();
    cluster.api.answer(0, 'ok');
    cluster.api.answer(0, 'unavailable');
    await cluster.clock.advance(60_000);
    expect(cluster.api.calls).toHaveLength(2);
    expect(cluster.unassigned).toEqual({});
    cluster.api.abandon(true);
    cluster.watch(Infinity);
    cluster.assignments.start();
    await cluster.quiet();
    expect(new Set(Object.values(addresses())).size).toBe(5);
  });

  it('leaves no timer behind', async () => {
    cluster.demand(podDemand('a', 'u1'));
    await cluster.clock.advance(1);
    cluster.assignments.close();
    cluster.api.answer(0, 'unavailable');
    await cluster.clock.advance(1);
    expect(cluster.clock.pending).toBe(0);
  });
});

describe('usage', () => {
  it('is told at once, then at most once a second', async () => {
    await cluster.clock.advance(5_000);
    expect(cluster.usage['s']?.families).toEqual([
      { family: 4, using: 0n, available: 5n, usingRange: '', availableRange: '10.0.0.2-10.0.0.6' },
    ]);
    const using = (): bigint | undefined => cluster.usage['s']?.families[0]?.using;
    cluster.demand(podDemand('a', 'u1'));
    await cluster.clock.advance(1);
    expect(using()).toBe(1n);
    cluster.demand(podDemand('b', 'u2'));
    await cluster.clock.advance(900);
    expect(using()).toBe(1n);
    await cluster.clock.advance(100);
    expect(using()).toBe(2n);
    cluster.noNetwork('s');
    await cluster.clock.advance(2_000);
    expect(cluster.usage).toEqual({});
  });
});

/** Commands by name with what they carry. */
interface Commands {
  demand: { readonly pod: number };
  noDemand: { readonly pod: number };
  replace: { readonly pod: number };
  byHand: { readonly pod: number };
  confirm: { readonly pod: number };
  answer: { readonly at: number; readonly outcome: Outcome };
  watch: { readonly count: number };
  advance: { readonly ms: number };
  restart: { readonly carriedOut: boolean };
  resize: { readonly exclude: number };
}
type CommandOf<K extends keyof Commands> = { readonly do: K } & Commands[K];
type Command = { [K in keyof Commands]: CommandOf<K> }[keyof Commands];

const pods = 7;
const podNumber = fc.nat({ max: pods - 1 });
const command = fc.oneof(
  { weight: 8, arbitrary: podNumber.map((pod): Command => ({ do: 'demand', pod })) },
  { weight: 4, arbitrary: podNumber.map((pod): Command => ({ do: 'noDemand', pod })) },
  { weight: 2, arbitrary: podNumber.map((pod): Command => ({ do: 'replace', pod })) },
  { weight: 1, arbitrary: podNumber.map((pod): Command => ({ do: 'byHand', pod })) },
  { weight: 5, arbitrary: podNumber.map((pod): Command => ({ do: 'confirm', pod })) },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('answer' as const),
      at: fc.nat({ max: 3 }),
      outcome: fc.constantFrom<Outcome>('ok', 'ok', 'ok', 'lost', 'unavailable', 'refused'),
    }),
  },
  { weight: 10, arbitrary: fc.record({ do: fc.constant('watch' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 8, arbitrary: fc.constantFrom(1, 100, 1_000, 6_000).map((ms): Command => ({ do: 'advance', ms })) },
  { weight: 1, arbitrary: fc.boolean().map((carriedOut): Command => ({ do: 'restart', carriedOut })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3 }).map((exclude): Command => ({ do: 'resize', exclude })) },
);

/** What each command does to the cluster of the test; `uid` is one that no pod has had. */
const effects: { [K in keyof Commands]: (one: Commands[K], uid: string) => void | Promise<void> } = {
  demand: ({ pod }, uid) => {
    if (!cluster.demands.has(`p${pod}.ns`)) cluster.demand(podDemand(`p${pod}`, uid));
  },
  noDemand: ({ pod }) => cluster.noDemand(`p${pod}.ns`),
  replace: ({ pod }, uid) => cluster.demand(podDemand(`p${pod}`, uid)),
  byHand: ({ pod }) => cluster.api.removeByHand(`p${pod}.ns`),
  confirm: ({ pod }) => cluster.confirm(`p${pod}.ns`),
  answer: ({ at, outcome }) => cluster.api.answer(at, outcome),
  watch: ({ count }) => cluster.watch(count),
  advance: ({ ms }) => cluster.clock.advance(ms),
  restart: ({ carriedOut }) => {
    cluster.restart(carriedOut);
    cluster.restore();
  },
  resize: ({ exclude }) => cluster.network(network('s', ['10.0.0.0/29'], [`10.0.0.1..10.0.0.${exclude}`])),
};

async function perform(commands: readonly Command[], era: string): Promise<void> {
  for (const [at, one] of commands.entries()) {
    const effect = effects[one.do] as (one: Command, uid: string) => void | Promise<void>;
    await effect(one, `u-${era}-${at}`);
    await cluster.clock.advance(0);
  }
}

/** A new cluster with one subnet, which leads. */
function begin(): void {
  cluster = new Cluster();
  cluster.network(network('s', ['10.0.0.0/29'], ['10.0.0.1']));
  cluster.assignments.start();
  cluster.restore();
}

/** Everything in order: each demand has one address of its own or there is none left, and nothing else is there. */
function expectOrder(excluded: number): void {
  const rows = [...cluster.api.objects.values()];
  const names = new Set(rows.map((row) => row.meta.name));
  expect(rows.every((row) => row.ownerUid === cluster.demands.get(row.meta.name)?.uid)).toBe(true);
  expect(new Set(rows.map((row) => row.addresses.join())).size).toBe(rows.length);
  expect(new Set(rows.map((row) => row.mac)).size).toBe(rows.length);
  expect(cluster.assignments.counts).toMatchObject({ reserved: 0, writes: 0 });
  const octets = rows.map((row) => lastOctet(row.addresses[0]!));
  expect(octets.every((octet) => octet >= 1 && octet <= 6)).toBe(true);
  const using = octets.filter((octet) => octet > excluded).length;
  const family = cluster.usage['s']!.families[0]!;
  expect(family.using).toBe(BigInt(using));
  expect(family.available).toBe(BigInt(6 - excluded - using));
  const without = [...cluster.demands.keys()].filter((name) => !names.has(name)).sort();
  expect(Object.keys(cluster.unassigned)).toEqual(without);
  expect(without.length === 0 || family.available === 0n).toBe(true);
}

describe('whatever happens', () => {
  it('no address twice, none lost, none in use given away', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 150, size: 'max' }), async (commands) => {
        begin();
        const broken: string[] = [];
        cluster.api.onCreate = (ip) => {
          const taken = [...cluster.api.objects.values()].some((row) => row.addresses.join() === ip.addresses.join());
          const built = [...cluster.built].some(
            ([name, used]) => name !== ip.name && used.join() === ip.addresses.join(),
          );
          if (taken || built) broken.push(`${ip.name} was given ${ip.addresses.join()}`);
        };
        cluster.api.onFinish = (row) => {
          if (cluster.built.has(row.meta.name)) broken.push(`${row.meta.name} was finished with its rows in place`);
        };
        await perform(commands, '1');
        await cluster.quiet();
        expect(broken).toEqual([]);
        expectOrder(commands.findLast((one) => one.do === 'resize')?.exclude ?? 1);
        cluster.assignments.close();
      }),
      { numRuns: 200 },
    );
    expect.hasAssertions();
  });

  it('also when calls of a dead process are carried out after its successor has begun', async () => {
    const sequence = (maxLength: number): fc.Arbitrary<Command[]> =>
      fc.array(
        command.filter((one) => one.do !== 'restart' && one.do !== 'resize'),
        { maxLength, size: 'max' },
      );
    await fc.assert(
      fc.asyncProperty(sequence(80), sequence(40), async (first, second) => {
        begin();
        await perform(first, '1');
        const ghosts = cluster.api.calls.splice(0);
        cluster.restart(false);
        cluster.restore();
        await perform(second, '2');
        for (const ghost of ghosts) ghost.carryOut();
        await cluster.quiet();
        expectOrder(1);
        cluster.assignments.close();
      }),
      { numRuns: 100 },
    );
    expect.hasAssertions();
  });
});
