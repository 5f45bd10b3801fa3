// What can go wrong, as classes: one per error string of RFC 7047 (sections 3.1, 4.1.3, 5.2), of ovsdb-server(7) 3.1 and of
// what ovsdb-server 3.1 and 3.5 send beside them, so that a caller distinguishes them by `instanceof` and never by text.
// A connection's end is not a server's error. What a raft cluster meets on the way (`cluster error`, `not leader`) is never
// sent: the server tries again until the transaction is done, or the connection ends.
import { excerpt } from './json.ts';
import type { Operation } from './types.ts';

/** The <error> object of RFC 7047 section 3.1, as received. */
export interface ErrorObject {
  readonly error: string;
  readonly details?: string;
  /** ovsdb-server(7) 3.1: the JSON text that it could not take. */
  readonly syntax?: string;
}

/** The server refused a request other than a transaction, or the whole of one before any operation of it ran. */
export class RequestError extends Error {
  readonly method: string;
  readonly code: string;
  readonly details: string;

  constructor(method: string, error: ErrorObject) {
    super(`${method}: ${describe(error)}`);
    this.name = new.target.name;
    this.method = method;
    this.code = error.error;
    this.details = error.details ?? '';
  }
}

/**
 * A transaction was refused as a whole; nothing of it is in the database. `index` names the operation that failed;
 * an index equal to the number of operations (and no `operation`) means that all of them ran and the commit was refused.
 */
export class TransactError extends Error {
  readonly index: number;
  readonly operation: Operation | undefined;
  /** The error string as the server sent it. */
  readonly code: string;
  readonly details: string;

  constructor(error: ErrorObject, index: number, operation: Operation | undefined) {
    super(`${place(index, operation)}: ${describe(error)}`);
    this.name = new.target.name;
    this.index = index;
    this.operation = operation;
    this.code = error.error;
    this.details = error.details ?? '';
  }
}

/** A column's type, enum, size, immutability, a unique index or maxRows forbids it. */
export class ConstraintViolation extends TransactError {}
/** A strong reference to a row that does not exist; found at commit. */
export class ReferentialIntegrityViolation extends TransactError {}
/** The server lacks memory or disk. */
export class ResourcesExhausted extends TransactError {}
/** The server could not write to its storage. */
export class IoError extends TransactError {}
/** A `wait` was not met in time. */
export class TimedOut extends TransactError {}
/** Two inserts of the transaction have the same uuid-name. */
export class DuplicateUuidName extends TransactError {}
/** The chosen uuid of an insert is in use, or was deleted in the same transaction. */
export class DuplicateUuid extends TransactError {}
/** Division by zero. */
export class DomainError extends TransactError {}
/** The result of a mutation does not fit into the column. */
export class ResultRangeError extends TransactError {}
/** An `assert` of a lock that the connection does not hold. */
export class NotOwner extends TransactError {}
/** An `abort` of the transaction itself. */
export class Aborted extends TransactError {}
/** A `wait` where the server cannot wait, such as in a file offline. */
export class NotSupported extends TransactError {}
/** The request is not one of RFC 7047, or applies an operator to a column of another type. */
export class SyntaxViolation extends TransactError {}
/** A table that the schema does not have. ovsdb-server calls it a syntax error; found here before anything is sent. */
export class UnknownTable extends SyntaxViolation {}
/** A column that the table does not have. */
export class UnknownColumn extends TransactError {}
/** A condition's function that RFC 7047 section 5.1 does not have. */
export class UnknownFunction extends TransactError {}
/** A mutation's mutator that RFC 7047 section 5.1 does not have. */
export class UnknownMutator extends TransactError {}
/** A write to `_Server`, to a relay, to a backup or through a read-only remote. */
export class NotAllowed extends TransactError {}
/** A map contains a key twice. */
export class DuplicateElement extends TransactError {}
/** Role-based access control. */
export class PermissionDenied extends TransactError {}
/** A bug of the server. */
export class InternalServerError extends TransactError {}

const byCode: ReadonlyMap<string, typeof TransactError> = new Map([
  ['constraint violation', ConstraintViolation],
  ['referential integrity violation', ReferentialIntegrityViolation],
  ['resources exhausted', ResourcesExhausted],
  ['I/O error', IoError],
  ['timed out', TimedOut],
  ['duplicate uuid-name', DuplicateUuidName],
  ['duplicate uuid', DuplicateUuid],
  ['domain error', DomainError],
  ['range error', ResultRangeError],
  ['not owner', NotOwner],
  ['aborted', Aborted],
  ['not supported', NotSupported],
  ['syntax error', SyntaxViolation],
  ['unknown table', UnknownTable],
  ['unknown column', UnknownColumn],
  ['unknown function', UnknownFunction],
  ['unknown mutator', UnknownMutator],
  ['not allowed', NotAllowed],
  ['ovsdb error', DuplicateElement],
  ['permission error', PermissionDenied],
  ['internal error', InternalServerError],
]);

/** The error of operation `index`; an error string that no specification names is a plain TransactError. */
export function transactError(error: ErrorObject, index: number, operation: Operation | undefined): TransactError {
  return new (byCode.get(error.error) ?? TransactError)(error, index, operation);
}

/** The server does not know the method; it is older than what was asked of it, or the method is misspelt. */
export class UnknownMethod extends RequestError {}
/** The server does not have the database. */
export class UnknownDatabase extends RequestError {}

/** The error of a request; one that has no class of its own is a plain RequestError. */
export function requestError(method: string, error: ErrorObject): RequestError {
  if (error.error === 'unknown method') return new UnknownMethod(method, error);
  if (error.error === 'unknown database') return new UnknownDatabase(method, error);
  return new RequestError(method, error);
}

/**
 * A transaction was canceled: by its AbortSignal, or by the server because the schema changes or the database goes away
 * (RFC 7047 section 4.1.4). `uncertain`: a cluster may commit it all the same; a standalone server has not.
 */
export class Canceled extends RequestError {
  readonly uncertain: boolean;

  constructor(uncertain: boolean) {
    super('transact', { error: 'canceled', ...(uncertain && { details: 'the cluster may have committed it' }) });
    this.uncertain = uncertain;
  }
}

/** The connection ended, or was not there. `uncertain`: the server may have committed the transaction. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost';
  readonly uncertain: boolean;

  constructor(reason: string, uncertain: boolean) {
    super(reason);
    this.uncertain = uncertain;
  }
}

/** More is outstanding than the connection may hold; nothing was sent. */
export class QueueFull extends Error {
  override readonly name = 'QueueFull';
}

/** What the server sent is not the protocol. The connection ends with it as the reason. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError';
}

/** Reads an <error>: an object with a string `error`, or (ovsdb-server for unknown methods) a bare string. */
export function parseError(json: unknown): ErrorObject {
  if (typeof json === 'string') return { error: json };
  if (typeof json !== 'object' || json === null) return { error: excerpt(json) };
  const { error, details, syntax } = json as Record<string, unknown>;
  return {
    error: typeof error === 'string' ? error : excerpt(json),
    ...(typeof details === 'string' && { details }),
    ...(typeof syntax === 'string' && { syntax }),
  };
}

function place(index: number, operation: Operation | undefined): string {
  if (operation === undefined) return 'commit';
  const table = 'table' in operation ? ` on ${operation.table}` : '';
  return `operation ${index} (${operation.op}${table})`;
}

function describe(error: ErrorObject): string {
  const details = error.details === undefined ? '' : `: ${error.details}`;
  const syntax = error.syntax === undefined ? '' : ` in ${error.syntax}`;
  return `${error.error}${details}${syntax}`;
}
