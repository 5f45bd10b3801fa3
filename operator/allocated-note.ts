// The event of addresses given: what Kube-OVN writes as PodNetworkAllocated when the annotations are on the pod.
import type { EventNote } from './kube/events.ts';
import type { KubeObject } from './kube/object.ts';
import { podIpName } from './api/refs.ts';

const allocated = '.kubernetes.io/allocated';

/** The event for a pod as an apply of ours has returned it; undefined for anything else. */
export function allocatedNote({ apiVersion, kind, metadata }: KubeObject): EventNote | undefined {
  const { namespace = '', name, uid, annotations = {} } = metadata;
  const providers = Object.keys(annotations)
    .filter((key) => key.endsWith(allocated) && annotations[key] === 'true')
    .map((key) => key.slice(0, -allocated.length));
  if (kind !== 'Pod' || providers.length === 0) return undefined;
  // The default network first, as it is made first.
  const ordered = providers.sort((a, b) => Number(b === 'ovn') - Number(a === 'ovn') || (a < b ? -1 : 1));
  return {
    about: { apiVersion, kind, namespace, name, uid },
    type: 'Normal',
    reason: 'PodNetworkAllocated',
    message: ordered.map((provider) => partOf(provider, { namespace, name, annotations })).join('; '),
  };
}

interface Annotated {
  readonly namespace: string;
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
}

function partOf(provider: string, { namespace, name, annotations }: Annotated): string {
  const said = (suffix: string): string => annotations[`${provider}.kubernetes.io/${suffix}`] ?? '';
  const first = podIpName(namespace, said('virtualmachine') || name);
  const parts = [
    `provider=${provider}`,
    `subnet=${said('logical_switch')}`,
    `ip=${said('ip_address')}`,
    `mac=${said('mac_address')}`,
    `logicalSwitchPort=${provider === 'ovn' ? first : `${first}.${provider}`}`,
  ];
  return parts.join(' ');
}
