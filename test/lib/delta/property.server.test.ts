// Random wishes on a real server: whatever came before, the database ends as if only the last wishes had ever been.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MemberFact, Owner, RowFact } from '../../../lib/delta/fact.ts';
import { startServer } from '../../ovsdb-server.ts';
import { acl, addressSet, logicalSwitch, member, object, port, portGroup } from './facts.ts';
import { bench, wipe } from './harness.ts';

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
const content = async (): Promise<unknown> => await Promise.all(TABLES.map((table) => server.dump(table)));

describe('any history of wishes', () => {
  it('ends as a fresh process ends that knows the last of each', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(wish, fc.boolean()), { minLength: 1, maxLength: 25 }), async (steps) => {
        await wipe(server);
        const base = { topology: [...switches, ...groups], set0: [sets[0]!], set1: [sets[1]!] };
        const last = new Map<string, Facts>(Object.entries(base));
        const first = await bench(server);
        await first.want(base);
        for (const [each, wait] of steps) {
          last.set(each[0], factsOf(each));
          if (wait) await first.want({ [each[0]]: factsOf(each) });
          else first.tracker.replace(each[0], factsOf(each));
        }
        await first.want({});
        const { refusals } = first.differ.counters;
        const pending = [...first.tracker.items.values()].filter(({ owners }) => !first.differ.parked.has(owners[0]!));
        const parked = first.differ.parked.size;
        const after = await content();
        await first.stop();
        expect({ pending, refusals }).toEqual({ pending: [], refusals: 0 });

        const second = await bench(server);
        await second.want(Object.fromEntries(last));
        await second.stop();
        // Who waits for a row that does not come may have left something as it was; all others have it as they want.
        expect(parked === 0 ? second.sent : []).toEqual([]);
        if (parked > 0) return;
        await wipe(server);
        const third = await bench(server);
        await third.want(Object.fromEntries(last));
        await third.stop();
        expect(await content()).toEqual(after);
      }),
      { numRuns: 40 },
    );
  });
});
