// Ports whose pod's namespace is gone without a DEL (a node that lost its power): found once at start, when no ADD can
// be under way, and removed. A port of a namespace that exists is never touched, whatever the plan says.
import type { OvsReplica } from './drivers/ovs-replica.ts';
import { CONTAINER, IFNAME, mapOf } from './drivers/ovs-replica.ts';

export interface Attached {
  readonly containerId: string;
  readonly ifname: string;
  readonly netns: string;
}

/** Ports of ours in namespaces of the kind whose existence a file shows; others cannot be judged from here. */
export function attachments(replica: OvsReplica): Attached[] {
  return [...replica.interfaces()].flatMap(([, row]) => {
    const ids = mapOf(row, 'external_ids');
    const [containerId, ifname, netns] = [ids.get(CONTAINER), ids.get(IFNAME), ids.get('pod_netns') ?? ''];
    if (containerId === undefined || ifname === undefined || !/^(\/var)?\/run\/netns\/[^/]+$/.test(netns)) return [];
    return [{ containerId, ifname, netns }];
  });
}

/** Those whose namespace is gone; none when the folder of namespaces itself is not visible. */
export async function orphans(
  replica: OvsReplica,
  exists: (path: string) => Promise<boolean>,
): Promise<readonly Attached[]> {
  if (!(await exists('/run/netns'))) return [];
  const found = attachments(replica);
  const there = await Promise.all(found.map(({ netns }) => exists(netns)));
  return found.filter((_, index) => !there[index]);
}
