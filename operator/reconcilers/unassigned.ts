// Why a pod, a node, or an IP object that was made by hand has no address yet, as the allocator found it.
import type { Fact, Ref } from '../api/fact.ts';
import type { Unassigned } from '../api/tables.ts';
import { problem } from './reconciler.ts';
import type { Reconciler, WorldRead } from './reconciler.ts';

/** The form of Kube-OVN's events, which tests search for the reason: `stage=... subnet=... error=<reason>: ...`. */
export function* unassigned(ip: string, about: Ref, read: WorldRead): Generator<Fact> {
  const undecided = read.get('undecided', ip);
  if (undecided) {
    const { subnets, message } = undecided;
    yield problem(about, 'AcquireAddressFailed', `stage=acquireAddress subnet=${subnets.join(',')} error=${message}`);
    return;
  }
  const entry = read.get('unassigned', ip);
  // What is only waited for is no problem of the user's.
  if (!entry || entry.reason === 'WaitingForRelease') return;
  const subnets = read.get('demand', ip)?.subnets.join(',') ?? read.get('ip', ip)?.subnet ?? '';
  const error = entry.message.startsWith(entry.reason) ? entry.message : `${entry.reason}: ${entry.message}`;
  const message = `stage=acquireAddress subnet=${subnets} error=${error}`;
  yield problem(about, 'AcquireAddressFailed', message);
}

/** IP objects that were made by hand; pods and nodes tell their own. */
export const reservation: Reconciler<Unassigned> = {
  kind: 'Reservation',
  *desired({ ip, owner }, read) {
    if (owner.kind === 'IP') yield* unassigned(ip, owner, read);
  },
};
