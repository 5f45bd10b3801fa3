// Expanders: from one sequence of states many, all of which must end in the same place. One written scenario buys the
// runs that nobody would write: events in another order, twice, all at once, a process that starts in the middle.

/** One change of an input: an object as it is now, or gone when `object` is undefined. */
export interface Change {
  readonly kind: string;
  readonly key: string;
  readonly object: unknown;
}

/** What happens between two checks, and the whole input after it. */
export interface Step {
  readonly changes: readonly Change[];
  readonly state: readonly Change[];
}

/** A way through a scenario: what to feed, and after which step of the scenario the outcome must be as written. */
export interface Path {
  readonly name: string;
  readonly legs: readonly Leg[];
}

export interface Leg {
  /** Begin with an empty process that is told everything. */
  readonly fresh: boolean;
  /** Fed one after another, with a settle after each batch. */
  readonly batches: readonly (readonly Change[])[];
  readonly reaches: number;
}

type Expander = (steps: readonly Step[]) => Leg[];

const leg = (reaches: number, fresh: boolean, ...batches: (readonly Change[])[]): Leg => ({ reaches, fresh, batches });

const asWritten: Expander = (steps) => steps.map(({ changes }, at) => leg(at, at === 0, changes));

const oneByOne: Expander = (steps) =>
  steps.map(({ changes }, at) => leg(at, at === 0, ...changes.map((change) => [change])));

const reversedEvents: Expander = (steps) =>
  steps.map(({ changes }, at) => leg(at, at === 0, ...changes.toReversed().map((change) => [change])));

const reversedStates: Expander = (steps) =>
  steps
    .map(({ state }, at) => ({ state, at }))
    .toReversed()
    .map(({ state, at }, turn, all) => leg(at, turn === 0, between(all[turn - 1]?.state ?? [], state)));

const duplicated: Expander = (steps) =>
  steps.map(({ changes }, at) => leg(at, at === 0, ...changes.flatMap((change) => [[change], [change]])));

const emptiesBetween: Expander = (steps) =>
  steps.map(({ state }, at) => leg(at, at === 0, between(steps[at - 1]?.state ?? [], []), state));

const alone: Expander = (steps) => steps.map(({ state }, at) => leg(at, true, state));

const squashed: Expander = (steps) => [
  leg(
    steps.length - 1,
    true,
    steps.flatMap(({ changes }) => changes),
  ),
];

/** The events of each step in an order that nobody has thought of; the same at every run. */
const shuffled =
  (seed: number): Expander =>
  (steps) =>
    steps.map(({ changes }, at) => leg(at, at === 0, ...shuffle(changes, seed + at).map((change) => [change])));

/** A process that starts in the middle, is told what there is, and goes on. */
const restarted: Expander = (steps) =>
  steps.flatMap(({ state }, at) => {
    const next = steps[at + 1];
    return [leg(at, true, state), ...(next ? [leg(at + 1, false, next.changes)] : [])];
  });

/** After each step every kind of object goes, and is told again: what a table's loss and replay must not change. */
const replayed: Expander = (steps) =>
  steps.map(({ changes, state }, at) => {
    const replays = [...Map.groupBy(state, ({ kind }) => kind).values()].flatMap((all) => [between(all, []), all]);
    return leg(at, at === 0, changes, ...replays);
  });

/** Those that hold whatever came before. */
const stateless: Readonly<Record<string, Expander>> = {
  'one by one': oneByOne,
  'events reversed': reversedEvents,
  'states reversed': reversedStates,
  'everything gone between': emptiesBetween,
  'each state alone, as after a restart': alone,
  'all at once': squashed,
  'events in another order': shuffled(1),
  'events in yet another order': shuffled(7),
  'a restart before each step': restarted,
  'each kind thrown away and replayed': replayed,
};

/** `history`: what the process saw before is meant to count, so only paths through the same states are the same. */
export function expand(steps: readonly Step[], history: boolean): Path[] {
  const expanders = { 'as written': asWritten, 'each event twice': duplicated, ...(history ? {} : stateless) };
  return Object.entries(expanders).map(([name, expander]) => ({ name, legs: expander(steps) }));
}

/** The changes that lead from one state to another. */
function between(from: readonly Change[], to: readonly Change[]): Change[] {
  const kept = new Set(to.map(({ kind, key }) => `${kind} ${key}`));
  const gone = from.filter(({ kind, key }) => !kept.has(`${kind} ${key}`));
  return [...gone.map((change) => ({ ...change, object: undefined })), ...to];
}

/** A permutation by a generator of Lehmer's (multiplier 48271, modulus 2^31 - 1). */
function shuffle<T>(list: readonly T[], seed: number): T[] {
  const left = [...list];
  const out: T[] = [];
  let random = seed * 7919 + 1;
  while (left.length > 0) {
    random = (random * 48_271) % 2_147_483_647;
    out.push(...left.splice(random % left.length, 1));
  }
  return out;
}
