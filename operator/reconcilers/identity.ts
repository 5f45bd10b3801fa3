// Under whose name a pod has its address and its port. A pod of a virtual machine has them under the machine's, and
// shares them with the pod that the machine moves to or from: both run while it migrates.
import type { Owner } from '../../lib/delta/fact.ts';
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { podIpName, podRef } from '../api/refs.ts';
import type { PodRow } from '../api/tables.ts';
import { clusterOf } from './reconciler.ts';
import type { WorldRead } from './reconciler.ts';

export interface Identity {
  /** Of the pod, or of the virtual machine. */
  readonly name: string;
  /** For whom the address is: a pod, or an instance of a virtual machine for as long as it runs, wherever it does. */
  readonly uid: string;
  /** Name of the IP object and of the port. */
  readonly ip: string;
  /** Whose rows these are. */
  readonly owner: Owner;
  /** Those who share it, the oldest first: it speaks for all. */
  readonly pods: readonly PodRow[];
}

export function identityOf(pod: PodRow, read: WorldRead): Identity {
  const { namespace, name, uid } = pod.meta;
  if (!sharesName(pod, read)) return { ...named(namespace, name), uid, pods: [pod] };
  const { name: machine, uid: instance } = pod.controller;
  const pods = read
    .at('podsByMachine', machineKey(namespace, machine))
    .toSorted((a, b) => (ageOf(a) < ageOf(b) ? -1 : 1));
  return { ...named(namespace, machine), uid: instance, pods };
}

/** Key of a virtual machine. */
export const machineKey = (namespace: string, machine: string): string => `${namespace}/${machine}`;

const sharesName = ({ podType }: PodRow, read: WorldRead): boolean =>
  podType === 'VirtualMachine' && clusterOf(read).keepVmIp;

/** Names sort by age, and equally old ones by UID. */
const ageOf = ({ created, meta }: PodRow): string => `${String(created).padStart(15, '0')} ${meta.uid}`;

const named = (namespace: string, name: string): Pick<Identity, 'name' | 'ip' | 'owner'> => ({
  name,
  ip: podIpName(namespace, name),
  owner: ownerOf(podRef(namespace, name)),
});
