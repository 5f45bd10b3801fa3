// The package's public surface.
export { systemClock } from './clock.ts';
export type { Clock } from './clock.ts';
export { Connection } from './connection.ts';
export type { ConnectionOptions, Reply } from './connection.ts';
export { applyDifference, differenceOf, equal, rowDifference } from './difference.ts';
export {
  Aborted,
  Canceled,
  ConnectionLost,
  ConstraintViolation,
  DomainError,
  DuplicateElement,
  DuplicateUuid,
  DuplicateUuidName,
  InternalServerError,
  IoError,
  NotOwner,
  NotSupported,
  PermissionDenied,
  ProtocolError,
  QueueFull,
  ReferentialIntegrityViolation,
  RequestError,
  ResourcesExhausted,
  ResultRangeError,
  SyntaxViolation,
  TimedOut,
  TransactError,
  UnknownColumn,
} from './errors.ts';
export type { ErrorObject } from './errors.ts';
export { schemaTypes } from './codegen.ts';
export { FrameReader } from './framing.ts';
export { dial, parseRemote } from './remote.ts';
export type { Remote, Tls, TlsFiles, TlsTexts } from './remote.ts';
export type { Lock, LockConsumer, LockOptions } from './lock.ts';
export type { MonitorCondition } from './monitor.ts';
export type { MonitorConditions, MonitorRequest, Replica, ReplicaConsumer } from './replica.ts';
export { parseSchema } from './schema.ts';
export type { DatabaseStatus } from './server.ts';
export { Session } from './session.ts';
export type { SessionLog, SessionOptions, SessionState, TransactOptions } from './session.ts';
export { decodeResults, encodeOperations } from './transact.ts';
export { typed } from './typed.ts';
export type { NewRow, Typed, TypedCondition, TypedMutation, Where } from './typed.ts';
export type {
  Atom,
  AtomicType,
  BaseType,
  ColumnSchema,
  Condition,
  ConditionFunction,
  DatabaseSchema,
  Mutation,
  Mutator,
  Operation,
  OperationResult,
  Row,
  RowChange,
  TableSchema,
  Value,
} from './types.ts';
export { decodeValue, defaultValue, encodeValue, EncodeError } from './wire.ts';
