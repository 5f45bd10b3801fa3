// Which addresses are kept while no pod has them: those of StatefulSets and virtual machines that will want them again.
import { keeperKey } from '../api/keys.ts';
import type { IpRow, Kept } from '../api/tables.ts';
import { clusterOf } from './reconciler.ts';
import type { Projection, WorldRead } from './reconciler.ts';

/** Table `kept`, by IP object. */
export const kept: Projection<IpRow, Kept> = function* (ip, read) {
  const holds = ip.podType === '' ? undefined : keepers[ip.podType];
  if (holds?.(ip, read) === true) yield [ip.meta.name, { ip: ip.meta.name }];
};

const keepers: Readonly<Record<string, (ip: IpRow, read: WorldRead) => boolean>> = {
  StatefulSet: ofSet,
  VirtualMachine: ofMachine,
};

/** The set lives, is the one for which the address was given, and has a pod of this number. */
function ofSet({ namespace, podName, controllerUid }: IpRow, read: WorldRead): boolean {
  const dash = podName.lastIndexOf('-');
  const set = read.get('keeper', keeperKey('StatefulSet', namespace, podName.slice(0, dash)));
  if (!set || set.deleting || (controllerUid !== '' && controllerUid !== set.uid)) return false;
  const ordinal = Number(podName.slice(dash + 1));
  return set.first <= ordinal && ordinal < set.first + set.count;
}

/** The machine lives; or an instance does that has none. */
function ofMachine({ namespace, podName }: IpRow, read: WorldRead): boolean {
  if (!clusterOf(read).keepVmIp) return false;
  const alive = (kind: string): boolean => read.get('keeper', keeperKey(kind, namespace, podName))?.deleting === false;
  return alive('VirtualMachine') || alive('VirtualMachineInstance');
}
