// What an error of a list or a watch means for the next try. Pure: the reflector acts on it.
import { type BackoffLimits, refusedBackoff, watchBackoff } from './backoff.ts';
import {
  ApiError,
  ForbiddenError,
  GoneError,
  KubeError,
  NotFoundError,
  OrderError,
  OversizedError,
  ProtocolError,
  StalledError,
  TooManyRequestsError,
  UnauthorizedError,
} from './errors.ts';

/** Why a list or watch had to be started again, for logs and metrics. */
export type RestartReason =
  /** The server ended the watch, as it does every few minutes. */
  | 'ended'
  /** 410: the server has forgotten our position. */
  | 'expired'
  /** The server stands before our position: its database was restored from a copy. */
  | 'restored'
  /** Neither event nor bookmark for too long. */
  | 'stalled'
  /** Not the protocol: cut within an event, not JSON, an unknown type, versions that go back. */
  | 'garbled'
  /** An event longer than is read. */
  | 'oversized'
  /** 429. */
  | 'throttled'
  /** 401: credentials are read anew for each try. */
  | 'unauthorized'
  /** 403: RBAC does not let us list or watch the kind. */
  | 'forbidden'
  /** 404: the kind is not served (its CRD is missing, or has gone). */
  | 'absent'
  /** No connection, a timeout, 5xx. */
  | 'failed'
  /** Our own mistake. */
  | 'internal';

export interface Recovery {
  readonly reason: RestartReason;
  /** The position is of no use: all objects must be read again. */
  readonly relist: boolean;
  readonly backoff: BackoffLimits;
}

/** The server's database has gone back in time. */
export class RestoredError extends KubeError {}

// The first that holds counts.
const rules: readonly (readonly [(error: unknown) => boolean, RestartReason, ('relist' | 'resume')?])[] = [
  [(error) => error instanceof GoneError, 'expired', 'relist'],
  [(error) => error instanceof RestoredError || isTooLarge(error), 'restored', 'relist'],
  [(error) => error instanceof StalledError, 'stalled'],
  [(error) => error instanceof OversizedError, 'oversized', 'relist'],
  [(error) => error instanceof OrderError, 'garbled', 'relist'],
  [(error) => error instanceof ProtocolError, 'garbled'],
  [(error) => error instanceof TooManyRequestsError, 'throttled'],
  [(error) => error instanceof UnauthorizedError, 'unauthorized'],
  [(error) => error instanceof ForbiddenError, 'forbidden'],
  [(error) => error instanceof NotFoundError, 'absent', 'relist'],
  [(error) => error instanceof KubeError, 'failed'],
];

/** How to go on after `error`. What is not an error of the edge is a mistake of ours: the tables are made anew. */
export function recoveryOf(error: unknown): Recovery {
  const [, reason, next] = rules.find(([holds]) => holds(error)) ?? [undefined, 'internal' as const, 'relist' as const];
  return { reason, relist: next === 'relist', backoff: reason === 'forbidden' ? refusedBackoff : watchBackoff };
}

// The watch cache of a restored server has not been where we have been.
function isTooLarge(error: unknown): boolean {
  return error instanceof ApiError && error.causes.some(({ reason }) => reason === 'ResourceVersionTooLarge');
}
