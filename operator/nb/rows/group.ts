// Port groups and their members. A group's row never names its members: each is a fact of the pod that it is.
import { owner as ownerOf, rowId } from '../../../lib/delta/ids.ts';
import type { MemberFact, Owner, RowFact, RowId } from '../../../lib/delta/fact.ts';
import { nodeRef } from '../../api/refs.ts';
import { row } from './row.ts';

/**
 * `all`: every pod on the node; `distributed`: those whose traffic leaves the cluster on the node itself;
 * `interconnected`: those of underlay subnets that reach Services by the node; `baseline`: those that only policies of
 * tier Baseline judge as they send.
 */
export type NodeGroup = 'all' | 'distributed' | 'interconnected' | 'baseline';

export const nodeGroupId = (node: string, group: NodeGroup): RowId =>
  rowId(ownerOf(nodeRef(node)), 'Port_Group', group);

export const nodeGroup = (
  node: string,
  group: NodeGroup,
  name: string,
  external: Readonly<Record<string, string>> = {},
): RowFact =>
  row('Port_Group', {
    owner: ownerOf(nodeRef(node)),
    name: group,
    columns: { name },
    external: { ...external, node, np: `node/${node}` },
  });

/** `port` is in the group as long as any owner says so. */
export const groupMember = (group: RowId, port: RowId, owner: Owner): MemberFact => ({
  member: 'Port_Group',
  id: group,
  column: 'ports',
  element: port,
  owner,
});
