// Random histories of policies, pods and renamed groups, with a differ that dies and connections that break in the
// middle: at every state that the database ever was in, what the wishes before and after agree on is in force.
import { statSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MemberFact, RowFact } from '../../../lib/delta/fact.ts';
import { startServer } from '../../ovsdb-server.ts';
import { committed } from './committed.ts';
import { addressSet, logicalSwitch, member, object, on, port, portGroup, row } from './facts.ts';
import { bench, wipe } from './harness.ts';
import type { Bench } from './harness.ts';
import { viewOfFacts, viewOfRows } from './isolation.ts';
import type { View } from './isolation.ts';

let server: Awaited<ReturnType<typeof startServer>>;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server.dispose();
});

type Fact = RowFact | MemberFact;
type Wishes = Readonly<Record<string, readonly Fact[]>>;

const SELECTIONS = ['red', 'blue'] as const;
const PODS = ['p0', 'p1', 'p2', 'p3', 'p4', 'p5'] as const;
const switches = ['s', 't'].map((name) => logicalSwitch(object('topology', 'Subnet'), name));

interface Pod {
  readonly on: number;
  readonly selections: readonly (typeof SELECTIONS)[number][];
  readonly peer: boolean;
}

interface World {
  readonly pods: Readonly<Record<string, Pod | null>>;
  /** How often each group has been renamed; a policy without a number does not exist. */
  readonly names: Readonly<Record<string, number>>;
  readonly policies: Readonly<
    Record<string, { readonly selects: (typeof SELECTIONS)[number]; readonly stable: boolean } | null>
  >;
}

const owner = (kind: string, name: string): ReturnType<typeof object> => object(name, kind);
const nameOf = ({ names }: World, what: string): string => `${what}.${names[what] ?? 0}`;
const groupOf = (world: World, selection: string): RowFact =>
  portGroup(owner('Selection', selection), nameOf(world, selection));
const peersOf = (world: World): RowFact => addressSet(owner('Selection', 'peers'), nameOf(world, 'peers'));

function podFacts(world: World, name: string): Fact[] {
  const pod = world.pods[name];
  if (!pod) return [];
  const at = object(name);
  const made = port(at, name, switches[pod.on]!);
  const wanted = (selection: string): boolean =>
    Object.values(world.policies).some((policy) => policy?.selects === selection);
  return [
    made,
    ...pod.selections.filter(wanted).map((selection) => member(groupOf(world, selection), 'ports', made.id, at)),
    ...(pod.peer ? [member(peersOf(world), 'addresses', `10.0.0.${name.at(-1)}`, at)] : []),
  ];
}

/** A drop rule and an allow rule; `stable` rules keep their rows when the group gets another name. */
function policyFacts(world: World, name: string): Fact[] {
  const policy = world.policies[name];
  if (!policy) return [];
  const [group, peers] = [groupOf(world, policy.selects), peersOf(world)];
  const [at, to] = [owner('Policy', name), `outport == @${nameOf(world, policy.selects)}`];
  const rule = (action: string, match: string, needs: RowFact[]): Fact =>
    row('ACL', at, policy.stable ? action : `${action} ${match}`, {
      in: on(group, 'acls'),
      columns: { direction: 'to-lport', priority: action === 'drop' ? 1 : 2, match, action },
      needs: needs.map(({ id }) => id),
    });
  return [
    rule('drop', to, [group]),
    rule('allow-related', `${to} && ip4.src == $${nameOf(world, 'peers')}`, [group, peers]),
  ];
}

function wishes(world: World): Wishes {
  const selected = new Set(Object.values(world.policies).flatMap((policy) => policy?.selects ?? []));
  return {
    topology: switches,
    ...Object.fromEntries(SELECTIONS.map((each) => [each, selected.has(each) ? [groupOf(world, each)] : []])),
    ...Object.fromEntries(PODS.map((name) => [name, podFacts(world, name)])),
    ...Object.fromEntries(['x', 'y'].map((name) => [name, policyFacts(world, name)])),
    peers: [peersOf(world)],
  };
}

const pod = fc.option(fc.record<Pod>({ on: fc.nat(1), selections: fc.subarray([...SELECTIONS]), peer: fc.boolean() }), {
  freq: 6,
});
type Change =
  | { readonly pod: string; readonly to: Pod | null }
  | { readonly policy: string; readonly to: World['policies'][string] }
  | { readonly rename: string }
  /** Two policies hand over to each other: what one said is said by the other, and the other way round. */
  | 'swap';

function changed(world: World, by: Change): World {
  const { x = null, y = null } = world.policies;
  if (by === 'swap') return { ...world, policies: { x: y, y: x } };
  if ('pod' in by) return { ...world, pods: { ...world.pods, [by.pod]: by.to } };
  if ('policy' in by) return { ...world, policies: { ...world.policies, [by.policy]: by.to } };
  return { ...world, names: { ...world.names, [by.rename]: (world.names[by.rename] ?? 0) + 1 } };
}

/** What comes after a change: rest, the next change at once, the end of the process, or of its connection after so many bytes. */
const after = fc.oneof(
  fc.constant('rest' as const),
  fc.constant('next' as const),
  fc.constant('crash' as const),
  fc.record({ bytes: fc.nat(3000), direction: fc.constantFrom('in' as const, 'out' as const) }),
);
type After = typeof after extends fc.Arbitrary<infer A> ? A : never;
/** Where a history begins, and what happens; `stable` is what rules do when their group gets another name. */
function histories(stable: fc.Arbitrary<boolean>): [fc.Arbitrary<World>, fc.Arbitrary<(readonly [Change, After])[]>] {
  const policy = fc.option(fc.record({ selects: fc.constantFrom(...SELECTIONS), stable }), { freq: 6 });
  const begin = fc.record<World>({
    pods: fc.record(Object.fromEntries(PODS.map((name) => [name, pod]))),
    names: fc.constant({}),
    policies: fc.record({ x: policy, y: policy }),
  });
  const change = fc.oneof<fc.Arbitrary<Change>[]>(
    fc.record({ pod: fc.constantFrom(...PODS), to: pod }),
    fc.record({ policy: fc.constantFrom('x', 'y'), to: policy }),
    fc.record({ rename: fc.constantFrom(...SELECTIONS, 'peers') }),
    fc.constant('swap'),
  );
  return [begin, fc.array(fc.tuple(change, after), { minLength: 1, maxLength: 12 })];
}

interface Mark {
  readonly offset: number;
  /** Everything that has been wished since the last rest. */
  readonly views: readonly View[];
}

/** Who is to be isolated all the time: for the same rule's owner, or for whoever. */
type Shut = (views: readonly View[]) => ReadonlySet<string>;

const byOwner: Shut = (views) => {
  const always = [...views[0]!.because].filter((each) => views.every(({ because }) => because.has(each)));
  return new Set(always.map((each) => each.slice(each.lastIndexOf(' ') + 1)));
};
const byAnyone: Shut = (views) =>
  new Set([...views[0]!.isolated].filter((name) => views.every(({ isolated }) => isolated.has(name))));

/** What is wrong with one state, given all that was wished for around it. */
function wrongs(now: View, views: readonly View[], shutIn: Shut): string[] {
  const shut = shutIn(views);
  const open = [...shut].filter((name) => now.present.has(name) && !now.isolated.has(name));
  return [
    ...open.map((name) => `${name} is open`),
    ...now.dangling.map((name) => `${name} is named and missing`),
    ...now.doubled.map((name) => `${name} is on two switches`),
  ];
}

const size = (): number => statSync(server.file).size;

class Run {
  readonly marks: Mark[] = [];
  #bench: Bench | undefined;
  #views: View[] = [viewOfFacts([])];
  #wishes: Wishes = {};
  readonly #owners: number;

  /** How many owners go into a batch: few, so that there are as many states in between as there can be. */
  constructor(owners: number) {
    this.#owners = owners;
  }

  async wish(world: World): Promise<void> {
    this.#wishes = wishes(world);
    this.#views = [...this.#views, viewOfFacts(Object.values(this.#wishes).flat())];
    this.marks.push({ offset: size(), views: this.#views });
    if (!this.#bench) await this.#begin();
    else this.#tell(this.#bench);
  }

  async rest(): Promise<void> {
    await this.#bench?.want({});
    this.#views = this.#views.slice(-1);
    this.marks.push({ offset: size(), views: this.#views });
  }

  async crash(): Promise<void> {
    await this.#bench?.crash();
    await this.#begin();
  }

  cut(bytes: number, direction: 'in' | 'out'): void {
    this.#bench?.wire.cutAfter(bytes, direction);
  }

  async end(): Promise<{ pending: unknown[]; failing: unknown[] }> {
    await this.rest();
    const bench = this.#bench!;
    const end = { pending: [...bench.tracker.items.values()], failing: [...bench.differ.failing] };
    await bench.stop();
    return end;
  }

  async #begin(): Promise<void> {
    this.#bench = await bench(server, { caps: { owners: this.#owners, bytes: Infinity } });
    this.#tell(this.#bench);
  }

  #tell({ tracker, differ }: Bench): void {
    for (const [source, facts] of Object.entries(this.#wishes)) tracker.replace(source, facts);
    differ.enable();
  }
}

/** Lets the steps happen one after the other; answers the world that they end in. */
async function play(run: Run, first: World, steps: readonly (readonly [Change, After])[]): Promise<World> {
  let world = first;
  await run.wish(world);
  await run.rest();
  for (const [next, then] of steps) {
    world = changed(world, next);
    if (typeof then === 'object') run.cut(then.bytes, then.direction);
    await run.wish(world);
    if (then === 'rest') await run.rest();
    else if (then === 'crash') await run.crash();
  }
  return world;
}

/** What is wrong with the states that were committed after `from`, and the last of them. */
function judge(from: number, marks: readonly Mark[], shutIn: Shut): { wrong: string[]; last: View | undefined } {
  const wrong: string[] = [];
  let last: View | undefined;
  for (const { offset, rows } of committed(server.file)) {
    if (offset < from) continue;
    const mark = marks.findLast((each) => each.offset <= offset);
    last = viewOfRows(rows);
    wrong.push(...wrongs(last, mark?.views ?? [], shutIn));
  }
  return { wrong, last };
}

interface Law {
  readonly stable: fc.Arbitrary<boolean>;
  readonly shutIn: Shut;
  readonly owners: number;
}

const law = ({ stable, shutIn, owners }: Law): fc.IAsyncProperty<[World, (readonly [Change, After])[]]> =>
  fc.asyncProperty(...histories(stable), async (first, steps) => {
    await wipe(server);
    const from = size();
    const run = new Run(owners);
    const world = await play(run, first, steps);
    expect(await run.end()).toEqual({ pending: [], failing: [] });
    const { wrong, last } = judge(from, run.marks, shutIn);
    expect(wrong).toEqual([]);
    const meant = viewOfFacts(Object.values(wishes(world)).flat());
    expect([last?.isolated, last?.allowed, last?.present]).toEqual([meant.isolated, meant.allowed, meant.present]);
  });

describe('any history of policies', () => {
  it('keeps in force, at every state that the database is ever in, what is meant before and after', async () => {
    const outcome = await fc.check(law({ stable: fc.boolean(), shutIn: byOwner, owners: 2 }), { numRuns: 60 });
    expect(fc.defaultReportMessage(outcome)).toBeUndefined();
  }, 120_000);

  it('keeps who is isolated so while policies take turns, where rules come and go instead of changing', async () => {
    const outcome = await fc.check(law({ stable: fc.constant(false), shutIn: byAnyone, owners: 1 }), { numRuns: 60 });
    expect(fc.defaultReportMessage(outcome)).toBeUndefined();
  }, 120_000);
});
