// Random wishes on a real server, with connections that break at any byte, processes that die and raft leaders that are
// killed: whatever came before, the database ends as if only the last wishes had ever been.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MemberFact, Owner, RowFact } from '../../../lib/delta/fact.ts';
import { eventually } from '../../eventually.ts';
import { startCluster, startServer } from '../../ovsdb-server.ts';
import type { OvsdbServer } from '../../ovsdb-server.ts';
import { acl, addressSet, logicalSwitch, member, object, port, portGroup } from './facts.ts';
import { bench, wipe } from './harness.ts';
import type { Bench, BenchOptions } from './harness.ts';

let server: Awaited<ReturnType<typeof startServer>>;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server.dispose();
});

type Facts = readonly (RowFact | MemberFact)[];

const topology = object('topology', 'Subnet');
const switches = ['s', 't'].map((name) => logicalSwitch(topology, name));
const groups = ['g', 'h'].map((name) => portGroup(topology, name));
const sets = ['a', 'b'].map((name) => addressSet(object(name, 'Policy'), name));

interface Pod {
  readonly on: number;
  readonly address: number;
  readonly groups: readonly number[];
  readonly sets: readonly number[];
}

function podFacts(owner: Owner, name: string, { on, address, groups: memberOf, sets: inSets }: Pod): Facts {
  const made = port(owner, name, switches[on]!, { columns: { addresses: new Set([`10.0.0.${address}`]) } });
  return [
    made,
    ...memberOf.map((i) => member(groups[i]!, 'ports', made.id, owner)),
    ...inSets.map((i) => member(sets[i]!, 'addresses', `10.0.0.${address}`, owner)),
  ];
}

const index = fc.constantFrom(0, 1);
const pod = fc.record<Pod>({
  on: index,
  address: fc.nat(3),
  groups: fc.uniqueArray(index),
  sets: fc.uniqueArray(index),
});
const wish = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constantFrom('p0', 'p1', 'p2', 'p3'), fc.option(pod, { freq: 4 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('rule'), fc.option(fc.tuple(index, index))) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom('set0', 'set1'), fc.option(fc.constant('there'), { freq: 4 })) },
);
type Wish = readonly [string, unknown];

function factsOf([name, wanted]: Wish): Facts {
  if (wanted === null) return [];
  if (name === 'rule') {
    const [group, set] = wanted as [number, number];
    return [acl(object('rule', 'Policy'), groups[group]!, `ip4.src == $${'ab'[set]}`, { needs: [sets[set]!.id] })];
  }
  if (name.startsWith('set')) return [sets[Number(name.at(-1))]!];
  return podFacts(object(name), name, wanted as Pod);
}

const TABLES = ['Logical_Switch', 'Logical_Switch_Port', 'Port_Group', 'Address_Set', 'ACL'];
const base = { topology: [...switches, ...groups], set0: [sets[0]!], set1: [sets[1]!] };

/** What comes after a wish: rest, the next wish at once, the death of the process, or of its connection after so many bytes. */
const after = fc.oneof(
  fc.constant('rest' as const),
  fc.constant('next' as const),
  fc.constant('crash' as const),
  fc.record({ bytes: fc.nat(2000), direction: fc.constantFrom('in' as const, 'out' as const) }),
);
type After = typeof after extends fc.Arbitrary<infer A> ? A : never;
const steps = (maxLength: number): fc.Arbitrary<[Wish, After][]> =>
  fc.array(fc.tuple(wish, after), { minLength: 1, maxLength });

/** One database, and what a differ that lives through a history leaves in it. */
class History {
  readonly last = new Map<string, Facts>(Object.entries(base));
  readonly #server: () => OvsdbServer;
  readonly #options: BenchOptions;
  #bench: Bench | undefined;

  constructor(server: () => OvsdbServer, options: BenchOptions = {}) {
    this.#server = server;
    this.#options = options;
  }

  async begin(): Promise<void> {
    this.#bench = await bench(this.#server(), this.#options);
    await this.#bench.want(Object.fromEntries(this.last));
  }

  async step([each, then]: readonly [Wish, After]): Promise<void> {
    this.last.set(each[0], factsOf(each));
    const { tracker, differ, wire } = this.#bench!;
    if (typeof then === 'object') wire.cutAfter(then.bytes, then.direction);
    tracker.replace(each[0], factsOf(each));
    differ.poke();
    if (then === 'rest') await this.#bench!.idle();
    if (then !== 'crash') return;
    await this.#bench!.crash();
    await this.begin();
  }

  /** Rests, and looks at what is left. */
  async end(): Promise<End> {
    const last = this.#bench!;
    const { tracker, differ } = last;
    await eventually(() => tracker.synced && !differ.inFlight, { within: 20_000 });
    await last.want({});
    const pending = [...tracker.items.values()].filter(({ owners }) => !differ.parked.has(owners[0]!));
    const undone = { pending, failing: [...differ.failing] };
    const parked = differ.parked.size;
    const content = await this.#content();
    await last.stop();
    return { undone, parked, content };
  }

  /** What a fresh process writes that knows the last of each, and what the database holds then. */
  async again(): Promise<{ sent: Bench['sent']; content: unknown }> {
    const fresh = await bench(this.#server(), this.#options);
    await fresh.want(Object.fromEntries(this.last));
    await fresh.stop();
    return { sent: fresh.sent, content: await this.#content() };
  }

  async wipe(): Promise<void> {
    await wipe(this.#server());
  }

  async #content(): Promise<unknown> {
    return await Promise.all(TABLES.map((table) => this.#server().dump(table)));
  }
}

/** How a history ends. */
interface End {
  /** Of those who wait for no row that is missing. */
  readonly undone: { readonly pending: readonly unknown[]; readonly failing: readonly unknown[] };
  /** How many owners wait for a row that is missing. */
  readonly parked: number;
  readonly content: unknown;
}

const nothing: End['undone'] = { pending: [], failing: [] };

/** A fresh process must find nothing to write, and make the same from nothing. */
async function expectSame(history: History, { parked, content }: End): Promise<void> {
  const second = await history.again();
  // Who waits for a row that does not come may have left something as it was; all others have it as they want.
  if (parked > 0) return;
  expect(second.sent).toEqual([]);
  await history.wipe();
  const third = await history.again();
  expect(third.content).toEqual(content);
}

describe('any history of wishes, broken connections and deaths of the process', () => {
  it('ends as a fresh process ends that knows the last of each', async () => {
    await fc.assert(
      fc.asyncProperty(steps(25), async (all) => {
        await wipe(server);
        const history = new History(() => server);
        await history.begin();
        for (const each of all) await history.step(each);
        const end = await history.end();
        expect(end.undone).toEqual(nothing);
        await expectSame(history, end);
      }),
      { numRuns: 40 },
    );
  }, 120_000);
});

describe('a history on a raft cluster', () => {
  it('ends so too when leaders are killed on the way, with the fence of one process after the other', async () => {
    const cluster = await startCluster();
    try {
      const fence = { table: 'NB_Global', column: 'external_ids', key: 'kubeloom-epoch' };
      const kill = fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
      let leader = await cluster.leader();
      await fc.assert(
        fc.asyncProperty(fc.array(fc.tuple(wish, after, kill), { minLength: 8, maxLength: 16 }), async (all) => {
          await wipe(leader);
          const history = new History(() => leader, { fence, remotes: cluster.remotes });
          await history.begin();
          for (const [each, then, dies] of all) {
            const killed = dies ? leader.kill() : undefined;
            await history.step([each, then === 'crash' && dies ? 'next' : then]);
            await killed;
            if (!dies) continue;
            const fallen = leader;
            leader = await cluster.leader(cluster.members.filter((member) => member !== fallen));
            await fallen.start();
            await fallen.connected();
          }
          const end = await history.end();
          expect(end.undone).toEqual(nothing);
          await expectSame(history, end);
        }),
        { numRuns: 2 },
      );
    } finally {
      await cluster.stop();
    }
  }, 120_000);
});
