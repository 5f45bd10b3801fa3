// A Service as the network outside of the cluster has it: in which subnet a load balancer's addresses lie, and which node
// announces them there.
import type { ServiceRow } from '../api/service-row.ts';
import type { Network } from '../api/tables.ts';
import { nodeIpName, objectKey } from '../api/refs.ts';
import { clusterOf } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';
import { networksWith } from './service-vpc.ts';

/** Which subnet it is, as Kube-OVN says it. */
export const fromSubnetKey = 'ovn.kubernetes.io/service_external_ip_from_subnet';

/** Any subnet counts; of several, one that is there for such addresses, then the first in the order of names. */
export function subnetOfIngress({ outside }: ServiceRow, read: WorldRead): string | undefined {
  const found = (outside?.ingress ?? []).flatMap((address) => networksWith(address, read));
  return found.sort((a, b) => (rankOf(a) < rankOf(b) ? -1 : 1))[0]?.name;
}

const rankOf = ({ externalLb, name }: Network): string => `${externalLb === true ? 0 : 1} ${name}`;

/**
 * The port of the node by which clients outside reach an address whose backends are to be those of the node; undefined when
 * none, or more than one, announces it.
 */
export function announcingPort({ meta, externalLocal }: ServiceRow, read: WorldRead): string | undefined {
  if (!externalLocal || !clusterOf(read).preferLocal) return undefined;
  const told = read.at('announcementsByService', objectKey(meta.namespace, meta.name));
  const [node, ...others] = new Set(told.map((one) => one.node));
  return node === undefined || others.length > 0 ? undefined : nodeIpName(node);
}
