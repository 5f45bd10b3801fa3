// The rules of a lease, pure: what a candidate or holder may do, given what it saw and when it saw it by its own
// monotonic clock. Clocks of different machines are never compared; the times inside the Lease are for people.
import { isoMicros, timeOf } from './clock.ts';
import type { JsonObject } from '../api/fact.ts';
import { asObject, type KubeObject } from './object.ts';

export interface LeaseTimes {
  /** Ms that others wait, from when they saw the last renewal, until they take the lease; 15 s. */
  readonly duration: number;
  /** Ms after the start of the last good renewal when the holder stops writing; less than `duration`; 10 s. */
  readonly deadline: number;
  /** Ms between two tries; 2 s. */
  readonly retry: number;
}

export const leaseTimes: LeaseTimes = { duration: 15_000, deadline: 10_000, retry: 2_000 };

/** A Lease as this process saw it. */
export interface SeenLease {
  readonly holder: string;
  /** As the holder stated it, ms. */
  readonly duration: number;
  readonly transitions: number;
  readonly resourceVersion: string;
  /** Monotonic time when this resourceVersion was first seen here. */
  readonly seenAt: number;
}

export type LeaseStep =
  /** The lease is ours: extend it. */
  | 'renew'
  /** Nobody holds it, or the holder has been silent for its duration: take it. */
  | 'acquire'
  /** Another holds it. */
  | 'wait';

export function leaseStep(lease: SeenLease, identity: string, now: number): LeaseStep {
  if (lease.holder === identity) return 'renew';
  if (lease.holder === '' || now >= lease.seenAt + lease.duration) return 'acquire';
  return 'wait';
}

/** Whether a holder whose last good renewal began at `renewedAt` may still write. */
export function holds(renewedAt: number, now: number, times: LeaseTimes): boolean {
  return now < renewedAt + times.deadline;
}

/** What was read, dated: an unchanged resourceVersion keeps the time when it was first seen. */
export function seenLease(object: KubeObject, before: SeenLease | undefined, now: number): SeenLease {
  const { resourceVersion } = object.metadata;
  const spec = object.spec ?? {};
  const seconds = typeof spec.leaseDurationSeconds === 'number' ? spec.leaseDurationSeconds : 0;
  return {
    holder: typeof spec.holderIdentity === 'string' ? spec.holderIdentity : '',
    duration: seconds * 1000,
    transitions: typeof spec.leaseTransitions === 'number' ? spec.leaseTransitions : 0,
    resourceVersion,
    seenAt: before?.resourceVersion === resourceVersion ? before.seenAt : now,
  };
}

export interface LeaseClaim {
  readonly identity: string;
  readonly times: LeaseTimes;
  /** Set on the Lease by its holder. */
  readonly annotations: Readonly<Record<string, string>>;
}

/** The Lease to write when `claim` takes or keeps it. */
export function claimedLease(
  object: KubeObject,
  step: 'renew' | 'acquire',
  claim: LeaseClaim,
  wall: number,
): JsonObject {
  const now = isoMicros(wall);
  const spec = object.spec ?? {};
  const transitions = typeof spec.leaseTransitions === 'number' ? spec.leaseTransitions : 0;
  const renewed = {
    ...spec,
    holderIdentity: claim.identity,
    leaseDurationSeconds: Math.ceil(claim.times.duration / 1000),
    renewTime: now,
  };
  const acquired = isoMicros(Math.max(wall, acquiredAt(object) + 1));
  const taken = step === 'renew' ? renewed : { ...renewed, acquireTime: acquired, leaseTransitions: transitions + 1 };
  return withSpec(object, taken, { ...object.metadata.annotations, ...claim.annotations });
}

/**
 * When the lease was acquired, ms since the epoch; 0 when it never was. Each leader's is greater than those before it,
 * whatever the clocks of their machines say, and stays so when the Lease is deleted: the number by which leaders are told
 * apart.
 */
export function acquiredAt(object: KubeObject): number {
  const { acquireTime } = object.spec ?? {};
  return typeof acquireTime === 'string' ? timeOf(acquireTime) : 0;
}

/** The Lease to write when its holder leaves: free at once, and no address left behind that nobody answers. */
export function releasedLease(object: KubeObject, claim: LeaseClaim, wall: number): JsonObject {
  const kept = Object.entries(object.metadata.annotations ?? {}).filter(([key]) => !(key in claim.annotations));
  const spec = { ...object.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: isoMicros(wall) };
  return withSpec(object, spec, Object.fromEntries(kept));
}

function withSpec(object: KubeObject, spec: JsonObject, annotations: Readonly<Record<string, string>>): JsonObject {
  const { managedFields: _managed, ...metadata } = asObject((object as unknown as JsonObject).metadata) ?? {};
  return { ...(object as unknown as JsonObject), metadata: { ...metadata, annotations }, spec };
}
