// The package's public surface.
export { systemClock } from './clock.ts';
export type { Clock } from './clock.ts';
export { connect, Database } from './connect.ts';
export type {
  Change,
  ConnectOptions,
  Copied,
  DatabaseTypes,
  SelectedConditions,
  SelectedRow,
  Selection,
} from './connect.ts';
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
  NotAllowed,
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
  UnknownDatabase,
  UnknownFunction,
  UnknownMethod,
  UnknownMutator,
  UnknownTable,
} from './errors.ts';
export type { ErrorObject } from './errors.ts';
export { schemaTypes } from './codegen.ts';
export { FrameReader } from './framing.ts';
export { Members } from './members.ts';
export type { Incumbent, MembersOptions } from './members.ts';
export { dial, parseRemote } from './remote.ts';
export type { Dial, Remote, Tls, TlsFiles, TlsTexts } from './remote.ts';
export type { Lock, LockConsumer, LockOptions } from './lock.ts';
export type { MonitorConditions, MonitorRequest, Replica, ReplicaConsumer } from './replica.ts';
export { ask, convert, echo, getSchema, getServerId, listDatabases } from './requests.ts';
export type { AskOptions, Requester } from './requests.ts';
export { parseSchema } from './schema.ts';
export { columns as serverColumns, database as serverDatabase } from './server.gen.ts';
export type { DatabaseRow as ServerDatabaseRow, Tables as ServerTables, Traits as ServerTraits } from './server.gen.ts';
export type { DatabaseStatus } from './server.ts';
export { Session } from './session.ts';
export type { SessionLog, SessionOptions, SessionState, TransactOptions } from './options.ts';
export { decodeResults, encodeOperations } from './transact.ts';
export { typed } from './typed.ts';
export type {
  Name,
  NewRow,
  Selectable,
  Selected,
  TableTraits,
  Trait,
  Typed,
  TypedCondition,
  TypedInsert,
  TypedMutation,
  TypedUpdate,
  TypedWait,
  Where,
} from './typed.ts';
export type {
  Abort,
  Assert,
  Atom,
  AtomicType,
  BaseType,
  Clause,
  ColumnSchema,
  Comment,
  Commit,
  Condition,
  ConditionFunction,
  DatabaseSchema,
  Delete,
  Insert,
  Mutate,
  Mutation,
  Mutator,
  Operation,
  OperationResult,
  ResultOf,
  Results,
  Row,
  RowChange,
  Select,
  SelectOf,
  TableSchema,
  Update,
  Value,
  Wait,
} from './types.ts';
export { decodeValue, defaultValue, encodeValue, EncodeError } from './wire.ts';
