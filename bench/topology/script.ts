// What is measured, worked out beforehand on a database without northd: the rows of the whole topology, and those of every
// further node, subnet and policy, as events for the product and as operations for the raw side.
import { startDatabase } from '../../test/ovn-central.ts';
import type { World } from '../../operator/world.ts';
import { RawClient } from '../nb/raw.ts';
import type { WireOperation } from '../nb/raw.ts';
import { startProduct } from '../nb/rounds.ts';
import { enterNode, enterRoutes, enterSubnet } from '../nb/scene.ts';
import type { Shape } from '../nb/scene.ts';
import { installed } from '../nb/southbound.ts';
import { RowReader } from './rows.ts';

export const kinds = ['node', 'subnet', 'policy route'] as const;
export type Kind = (typeof kinds)[number];

/** One event, and what it comes to. */
export interface Step {
  readonly enter: (world: World) => void;
  readonly operations: readonly WireOperation[];
}

export interface Script {
  /** All rows without pods. */
  readonly base: readonly WireOperation[];
  readonly steps: Readonly<Record<Kind, readonly Step[]>>;
}

/** `each`: steps of each kind, which both sides take in order. */
export async function rehearsed(shape: Shape, each: number): Promise<Script> {
  const database = await startDatabase(installed(), 'nb');
  const client = await RawClient.open(database.remote);
  try {
    const reader = await RowReader.open(client);
    const before = await reader.read();
    const product = await startProduct([database.remote], shape);
    let now = await reader.read();
    const base = reader.between(before, now);
    const step = async (enter: (world: World) => void): Promise<Step> => {
      product.graph.enter(() => enter(product.world));
      await product.committed();
      const next = await reader.read();
      const operations = reader.between(now, next);
      now = next;
      if (operations.length === 0) throw new Error('an event without rows');
      return { enter, operations };
    };
    const steps: Record<Kind, Step[]> = { node: [], subnet: [], 'policy route': [] };
    for (let at = 0; at < each; at++) {
      steps.node.push(await step((world) => enterNode(world, shape.nodes + at)));
      steps.subnet.push(await step((world) => enterSubnet(world, shape.subnets + at)));
      steps['policy route'].push(await step((world) => enterRoutes(world, at + 1)));
    }
    await product.stop();
    return { base, steps };
  } finally {
    client.close();
    await database.dispose();
  }
}
