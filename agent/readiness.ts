// Whether the node can serve pods, as a sentence that says what is missing. The same answer decides on the conflist,
// /readyz, CNI's STATUS and the node's condition.
import { NODE_PORT } from './desired.ts';
import type { Link } from './drivers/link.ts';
import type { OvsReplica } from './drivers/ovs-replica.ts';
import { CONTAINER, mapOf } from './drivers/ovs-replica.ts';
import type { NodeSpec } from './items.ts';

export interface ReadinessInput {
  readonly planComplete: boolean;
  readonly node: NodeSpec | undefined;
  readonly replica: OvsReplica;
  readonly links: ReadonlyMap<string, Link>;
  /** Why the tunnel interface cannot be used, '' when it can. */
  readonly nicProblem: string;
}

function openVswitchUnready(replica: OvsReplica): string | undefined {
  if (!replica.connected) return "Open vSwitch's database is not connected";
  const row = replica.byName('Interface', NODE_PORT)?.row;
  if (row === undefined) return `Open vSwitch has no port ${NODE_PORT} yet`;
  if (mapOf(row, 'external_ids').get('ovn-installed') !== 'true') return `OVN has not installed ${NODE_PORT} yet`;
  return undefined;
}

/** What is missing, undefined when nothing is. */
export function unready({ planComplete, node, replica, links, nicProblem }: ReadinessInput): string | undefined {
  if (nicProblem !== '') return nicProblem;
  if (!planComplete || node === undefined) return 'no plan from kube-ovn-controller yet';
  if (node.join.addresses.length === 0) return 'the node has no address on the join subnet yet';
  const missing = openVswitchUnready(replica);
  if (missing !== undefined) return missing;
  const link = links.get(NODE_PORT);
  const addressed = node.join.addresses.every((address) => link?.addresses.includes(address));
  return link?.up === true && addressed ? undefined : `${NODE_PORT} is not up with its address yet`;
}

/** Whether pods that are there may have lost their network: Open vSwitch or OVN does not work on a node that has some. */
export function disconnected(replica: OvsReplica): boolean {
  if (openVswitchUnready(replica) === undefined) return false;
  return [...replica.interfaces()].some(([, row]) => mapOf(row, 'external_ids').has(CONTAINER));
}
