// What is measured, worked out beforehand on a database without northd: the rows of the whole topology, and those of every
// further node, subnet and policy, as events for the product and as operations for the raw side.
import { startDatabase } from '../../test/ovn-central.ts';
import type { World } from '../../operator/world.ts';
import { RawClient } from '../nb/raw.ts';
import type { WireOperation } from '../nb/raw.ts';
import { feed, startProduct } from '../nb/rounds.ts';
import { podEvents } from '../nb/scene.ts';
import type { Shape } from '../nb/scene.ts';
import { installed } from '../nb/southbound.ts';
import { RowReader } from './rows.ts';
import type { Rows } from './rows.ts';

/** One event, and what it comes to. */
export interface Step {
  readonly enter: (world: World) => void;
  readonly operations: readonly WireOperation[];
}

export interface Script<Kind extends string = string> {
  /** All rows without pods. */
  readonly base: readonly WireOperation[];
  readonly steps: Readonly<Record<Kind, readonly Step[]>>;
}

/** What happens, by kind: event number `at` of it. */
export type Events<Kind extends string> = Readonly<Record<Kind, (world: World, at: number) => void>>;

export interface Rehearsal<Kind extends string> {
  readonly shape: Shape;
  readonly events: Events<Kind>;
  /** Steps of each kind, which both sides take in order. */
  readonly each: number;
  /** Pods that are there before the first; 0. */
  readonly pods?: number;
}

export async function rehearsed<Kind extends string>(rehearsal: Rehearsal<Kind>): Promise<Script<Kind>> {
  const { shape, events, each, pods = 0 } = rehearsal;
  const database = await startDatabase(installed(), 'nb');
  const client = await RawClient.open(database.remote);
  try {
    const reader = await RowReader.open(client);
    const before = await reader.read();
    const product = await startProduct([database.remote], shape);
    let now = await reader.read();
    const base = reader.between(before, now);
    const ports = (rows: Rows): number => rows.get('Logical_Switch_Port')?.size ?? 0;
    const all = ports(now) + pods;
    await feed(product, podEvents(0, pods, shape));
    // Between two events there is a moment at which all that has entered is written.
    do {
      await product.committed();
      now = await reader.read();
    } while (ports(now) < all);
    const step = async (enter: (world: World) => void): Promise<Step> => {
      product.graph.enter(() => enter(product.world));
      await product.committed();
      const next = await reader.read();
      const operations = reader.between(now, next);
      now = next;
      if (operations.length === 0) throw new Error('an event without rows');
      return { enter, operations };
    };
    const kinds = Object.keys(events) as Kind[];
    const steps = Object.fromEntries(kinds.map((kind) => [kind, [] as Step[]])) as Record<Kind, Step[]>;
    for (let at = 0; at < each; at++)
      for (const kind of kinds) steps[kind].push(await step((world) => events[kind](world, at)));
    await product.stop();
    return { base, steps };
  } finally {
    client.close();
    await database.dispose();
  }
}
