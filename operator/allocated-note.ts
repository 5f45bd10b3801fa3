// The event of an address given: what Kube-OVN writes as PodNetworkAllocated when the annotations are on the pod.
import type { EventNote } from './kube/events.ts';
import type { KubeObject } from './kube/object.ts';
import { podIpName } from './api/refs.ts';

const prefix = 'ovn.kubernetes.io/';

/** The event for a pod as an apply of ours has returned it; undefined for anything else. */
export function allocatedNote({ apiVersion, kind, metadata }: KubeObject): EventNote | undefined {
  const annotation = (suffix: string): string => metadata.annotations?.[prefix + suffix] ?? '';
  if (kind !== 'Pod' || annotation('allocated') !== 'true') return undefined;
  const { namespace = '', name, uid } = metadata;
  const parts = [
    'provider=ovn',
    `subnet=${annotation('logical_switch')}`,
    `ip=${annotation('ip_address')}`,
    `mac=${annotation('mac_address')}`,
    `logicalSwitchPort=${podIpName(namespace, name)}`,
  ];
  return {
    about: { apiVersion, kind, namespace, name, uid },
    type: 'Normal',
    reason: 'PodNetworkAllocated',
    message: parts.join(' '),
  };
}
