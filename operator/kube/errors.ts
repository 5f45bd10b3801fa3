// What can go wrong between us and the API server, one class per meaning, so that callers decide by type and never
// by text. Every error names the request that failed.
import type { Json } from '../api/fact.ts';

/** Base of all errors of this folder's client. `request` is `METHOD /path`. */
export class KubeError extends Error {
  readonly request: string;

  constructor(request: string, message: string, options?: ErrorOptions) {
    super(`${request}: ${message}`, options);
    this.name = new.target.name;
    this.request = request;
  }
}

/** No answer: refused, reset, unreachable, TLS failure, or an answer cut off. The request may have been carried out. */
export class ConnectionError extends KubeError {}

/** No complete answer within the request's deadline. The request may have been carried out. */
export class DeadlineError extends KubeError {}

/** The answer is not what the protocol allows (not JSON, not an object of the API). */
export class ProtocolError extends KubeError {}

/** An event of a watch is longer than is read; a list has no such limit. */
export class OversizedError extends ProtocolError {}

/** Events whose versions go back: what was seen before them cannot be trusted to be all there was. */
export class OrderError extends ProtocolError {}

/** A watch on which nothing has come for too long, bookmarks included: a peer that vanished without closing. */
export class StalledError extends KubeError {}

/** The API server refused: its HTTP status and the Status object of its answer. */
export class ApiError extends KubeError {
  readonly status: number;
  /** `reason` of the Status object, such as Conflict or Invalid; '' when the answer had none. */
  readonly reason: string;
  readonly causes: readonly { readonly reason: string; readonly field: string; readonly message: string }[];
  /** The server's Retry-After in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(request: string, answer: Refusal) {
    super(request, `${answer.status} ${answer.reason} ${answer.message}`.trimEnd());
    this.status = answer.status;
    this.reason = answer.reason;
    this.causes = answer.causes;
    this.retryAfterMs = answer.retryAfterMs;
  }
}

/** 401: the token or certificate is not (or no longer) accepted. */
export class UnauthorizedError extends ApiError {}
/** 403: RBAC, an admission plugin, or a namespace that is being deleted. */
export class ForbiddenError extends ApiError {}
/** 404: the object, or its whole kind, does not exist. */
export class NotFoundError extends ApiError {}
/** Whether nothing can be made in a namespace any more: it ends, or is gone (a kind that is not served is not told apart). */
export const isOfEndingNamespace = (error: unknown): boolean =>
  error instanceof NotFoundError ||
  (error instanceof ApiError && error.causes.some(({ reason }) => reason === 'NamespaceTerminating'));

/** 409 Conflict: changed meanwhile, or another UID than meant. */
export class ConflictError extends ApiError {}
/** 409 AlreadyExists: the name is taken. */
export class AlreadyExistsError extends ApiError {}
/** 410: a resourceVersion or a continue token that the server no longer remembers. */
export class GoneError extends ApiError {}
/** 422: refused by validation, or a `test` of a JSON patch that does not hold. */
export class InvalidError extends ApiError {}
/** 429: the server is overloaded; see `retryAfterMs`. */
export class TooManyRequestsError extends ApiError {}

export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  readonly causes: ApiError['causes'];
  readonly retryAfterMs: number | undefined;
}

const byStatus: Readonly<Record<number, new (request: string, answer: Refusal) => ApiError>> = {
  401: UnauthorizedError,
  403: ForbiddenError,
  404: NotFoundError,
  409: ConflictError,
  410: GoneError,
  422: InvalidError,
  429: TooManyRequestsError,
};

/**
 * The error for an answer of the given HTTP status; `body` is the Status object if the answer had one, `retryAfterMs`
 * what the header said, and otherwise the Status object's `retryAfterSeconds` counts (an ERROR event has no header).
 */
export function apiError(request: string, status: number, body: Json | string, retryAfterMs?: number): ApiError {
  const { retryAfterSeconds, ...said } = statusObject(body);
  const fromBody = retryAfterSeconds > 0 ? retryAfterSeconds * 1000 : undefined;
  const answer: Refusal = { ...said, status, retryAfterMs: retryAfterMs ?? fromBody };
  if (status === 409 && answer.reason === 'AlreadyExists') return new AlreadyExistsError(request, answer);
  return new (byStatus[status] ?? ApiError)(request, answer);
}

interface StatusObject extends Pick<Refusal, 'reason' | 'message' | 'causes'> {
  readonly retryAfterSeconds: number;
}

function statusObject(body: Json | string): StatusObject {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    return { reason: '', message: String(body).slice(0, 500), causes: [], retryAfterSeconds: 0 };
  }
  const status = body as {
    reason?: string;
    message?: string;
    details?: { causes?: Partial<ApiError['causes'][number]>[]; retryAfterSeconds?: number };
  };
  return {
    reason: status.reason ?? '',
    message: status.message ?? '',
    causes: (status.details?.causes ?? []).map(({ reason = '', field = '', message = '' }) => ({
      reason,
      field,
      message,
    })),
    retryAfterSeconds: status.details?.retryAfterSeconds ?? 0,
  };
}

/**
 * Ms of a Retry-After header (RFC 9110, 10.2.3): seconds, or a date, which is compared with the answer's own Date
 * header so that no two clocks meet. Undefined when it says nothing that can be used.
 */
export function retryAfterMs(retryAfter: string | undefined, date: string | undefined): number | undefined {
  if (retryAfter === undefined) return undefined;
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const ms = parseDate(retryAfter) - parseDate(date ?? '');
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

// oxlint-disable-next-line no-restricted-globals -- parsing a text reads no clock
const parseDate = (text: string): number => Date.parse(text);

/** Whether the same request may succeed later without anything else changing. */
export function isTransient(error: unknown): boolean {
  if (error instanceof ConnectionError || error instanceof DeadlineError) return true;
  if (error instanceof TooManyRequestsError || error instanceof UnauthorizedError) return true;
  return error instanceof ApiError && (error.status === 408 || error.status >= 500);
}

/**
 * Whether a write that named a UID found no such object: it is gone, or a namesake is in its place. Checked on 1.36: 409
 * for a delete and for an apply without an object, 422 on `metadata.uid` for an apply to a namesake.
 */
export function isAnotherUid(error: unknown): boolean {
  if (error instanceof NotFoundError || error instanceof ConflictError) return true;
  return error instanceof InvalidError && error.causes.some(({ field }) => field === 'metadata.uid');
}

/** Text of anything thrown, for logs. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
