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
  readonly uid: string;
  readonly resourceVersion: string;
  /** '' for nobody. */
  readonly holder: string;
  /** See `acquiredAt`. */
  readonly epoch: number;
  /** Monotonic time from which on another may take it. */
  readonly freeAt: number;
}

export type LeaseStep =
  /** The lease is ours: extend it. */
  | 'renew'
  /** Nobody holds it, or the holder has been silent for its duration: take it. */
  | 'acquire'
  /** Another holds it, or may believe that it does. */
  | 'wait';

/** `held` is the epoch under which this process holds the lease by its own clock; undefined when it does not. */
export function leaseStep(
  lease: SeenLease,
  { identity, held }: { readonly identity: string; readonly held: number | undefined },
  now: number,
): LeaseStep {
  if (lease.holder === identity) return 'renew';
  // Its holder was struck out by hand, and nobody else has led meanwhile.
  if (lease.holder === '' && held !== undefined && lease.epoch <= held) return 'renew';
  return now >= lease.freeAt ? 'acquire' : 'wait';
}

/** Whether a holder whose last good renewal began at `renewedAt` may still write. */
export function holds(renewedAt: number, now: number, times: LeaseTimes): boolean {
  return now < renewedAt + times.deadline;
}

/** How a holder leaves its lease, in seconds; client-go does the same. */
const releasedSeconds = 1;

/**
 * What was read, dated. An unchanged resourceVersion keeps the time when it was first seen. A lease that was given back
 * in order is free at once. One that was deleted and made again says nothing of who held it: that is remembered. Nobody
 * who may be writing is believed to be gone sooner than `patience` ms after he was heard of, whatever the Lease says.
 */
export function seenLease(object: KubeObject, before: SeenLease | undefined, now: number, patience: number): SeenLease {
  const { resourceVersion, uid } = object.metadata;
  const spec = object.spec ?? {};
  const seconds = typeof spec.leaseDurationSeconds === 'number' ? spec.leaseDurationSeconds : 0;
  const holder = typeof spec.holderIdentity === 'string' ? spec.holderIdentity : '';
  const seen = { uid, resourceVersion, holder, epoch: acquiredAt(object) };
  if (before?.resourceVersion === resourceVersion) return { ...seen, freeAt: before.freeAt };
  if (holder !== '' || seconds > releasedSeconds) return { ...seen, freeAt: now + Math.max(seconds * 1000, patience) };
  return { ...seen, freeAt: before === undefined || before.uid === uid ? now : before.freeAt };
}

/**
 * What is known of a lease that somebody has deleted. Another may have taken it since it was last seen, and may be
 * writing: only the one who holds it may make it anew before `patience` ms have passed without it.
 */
export function absentLease(before: SeenLease, now: number, patience: number): SeenLease {
  if (before.resourceVersion === '') return before;
  return { ...before, uid: '', resourceVersion: '', freeAt: Math.max(before.freeAt, now + patience) };
}

export interface LeaseClaim {
  readonly identity: string;
  readonly times: LeaseTimes;
  /** Set on the Lease by its holder. */
  readonly annotations: Readonly<Record<string, string>>;
  /** The highest epoch known; for a renewal, the one that it keeps. */
  readonly epoch: number;
}

/** The Lease to write when `claim` takes or keeps it. */
export function claimedLease(
  object: KubeObject,
  step: 'renew' | 'acquire',
  claim: LeaseClaim,
  wall: number,
): JsonObject {
  const spec = object.spec ?? {};
  const transitions = typeof spec.leaseTransitions === 'number' ? spec.leaseTransitions : 0;
  const known = Math.max(acquiredAt(object), claim.epoch);
  const taken =
    step === 'renew'
      ? { acquireTime: isoMicros(known) }
      : { acquireTime: isoMicros(Math.max(wall, known + 1)), leaseTransitions: transitions + 1 };
  const held = {
    ...spec,
    ...taken,
    holderIdentity: claim.identity,
    leaseDurationSeconds: Math.ceil(claim.times.duration / 1000),
    renewTime: isoMicros(wall),
  };
  return withSpec(object, held, { ...object.metadata.annotations, ...claim.annotations });
}

/**
 * When the lease was acquired, ms since the epoch; 0 when it never was: the number by which leaders are told apart. Each
 * leader's is greater than those before it, whatever the clocks of their machines say. When the Lease is deleted, it
 * stays so as long as any process remembers the last one, or the clock is not behind it.
 */
export function acquiredAt(object: KubeObject): number {
  const { acquireTime } = object.spec ?? {};
  return typeof acquireTime === 'string' ? timeOf(acquireTime) : 0;
}

/** The Lease to write when its holder leaves: free at once, and no address left behind that nobody answers. */
export function releasedLease(object: KubeObject, claim: Pick<LeaseClaim, 'annotations'>, wall: number): JsonObject {
  const kept = Object.entries(object.metadata.annotations ?? {}).filter(([key]) => !(key in claim.annotations));
  const spec = {
    ...object.spec,
    holderIdentity: '',
    leaseDurationSeconds: releasedSeconds,
    renewTime: isoMicros(wall),
  };
  return withSpec(object, spec, Object.fromEntries(kept));
}

function withSpec(object: KubeObject, spec: JsonObject, annotations: Readonly<Record<string, string>>): JsonObject {
  const { managedFields: _managed, ...metadata } = asObject((object as unknown as JsonObject).metadata) ?? {};
  return { ...(object as unknown as JsonObject), metadata: { ...metadata, annotations }, spec };
}
