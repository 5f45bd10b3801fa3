// How long to wait before trying again. Pure: the attempt and a random number in, milliseconds out.
import { ApiError } from './errors.ts';

export interface BackoffLimits {
  /** Delay after the first failure, ms. */
  readonly base: number;
  /** No delay is longer than this, ms. */
  readonly cap: number;
}

/** For writers of single objects: quick at first, since most failures are conflicts or a restart of the API server. */
export const writeBackoff: BackoffLimits = { base: 100, cap: 30_000 };

/** For watches: an API server that comes back should not find every reflector at its door at once. */
export const watchBackoff: BackoffLimits = { base: 200, cap: 10_000 };

/** For what only a person can repair: no right to read a kind. */
export const refusedBackoff: BackoffLimits = { base: 1000, cap: 60_000 };

/** For a kind that need not exist: what brings it (Multus, KubeVirt) is used soon after it is installed. */
export const absentBackoff: BackoffLimits = { base: 1000, cap: 10_000 };

/** A server that asks for more than this is not believed: it may have changed its mind long before. */
const longestRetryAfterMs = 120_000;

/** Doubles per attempt (1 is the first failure), capped, then spread over its upper half by `random` in [0, 1). */
export function backoff(attempt: number, limits: BackoffLimits, random: number): number {
  const full = Math.min(limits.cap, limits.base * 2 ** Math.min(attempt - 1, 30));
  return full / 2 + (full / 2) * random;
}

/** The server's own wish (Retry-After) wins when it is longer than ours, up to two minutes. */
export function retryDelay(error: unknown, ours: number): number {
  const theirs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(Math.min(theirs, longestRetryAfterMs), ours);
}
