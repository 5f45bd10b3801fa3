// The door by which objects of the API enter a world without a watch: for whoever computes what they make and acts on
// nothing, as `kubeloom plan` and the tests do. Kinds that are not here make nothing.
import type { Table } from '../lib/graph/types.ts';
import { ipRow, namespaceRow, nodeRow, podRow, subnetRow, vpcRow } from './api/project.ts';
import type { World } from './world.ts';

type Enter = (world: World, key: string, object: unknown) => void;

const entering =
  <V>(table: (world: World) => Table<V>, project: (object: unknown) => V): Enter =>
  (world, key, object) => {
    if (object === undefined) table(world).delete(key);
    else table(world).set(key, project(object));
  };

const doors: Readonly<Record<string, Enter>> = {
  Pod: entering((world) => world.pod, podRow),
  Node: entering((world) => world.node, nodeRow),
  Namespace: entering((world) => world.namespace, namespaceRow),
  IP: entering((world) => world.ip, ipRow),
  Subnet: entering((world) => world.subnet, subnetRow),
  Vpc: entering((world) => world.vpc, vpcRow),
};

/** Whether objects of this kind make anything. */
export const isTaken = (kind: string): boolean => Object.hasOwn(doors, kind);

/** Sets or (`object` undefined) removes one object, inside `graph.enter`. `key` is `namespace/name`, or the name alone. */
export function take(world: World, kind: string, { key, object }: { key: string; object: unknown }): void {
  doors[kind]?.(world, key, object);
}
