// The three requests that copy tables, and the shapes in which their replies and notifications come: `monitor` of RFC 7047
// section 4.1.5, `monitor_cond` and `monitor_cond_since` of ovsdb-server(7) 4.1.12 and 4.1.15. What a row's update holds
// tells by itself which of the three it is of, so only the frames around it are read here.
import { ProtocolError } from './errors.ts';
import { ZERO_UUID, uuidText } from './wire.ts';

export type MonitorMethod = 'monitor_cond_since' | 'monitor_cond' | 'monitor';

/** What an older server has instead (before 2.12 and before 2.6); undefined when there is nothing older. */
export function olderMethod(method: MonitorMethod): MonitorMethod | undefined {
  if (method === 'monitor_cond_since') return 'monitor_cond';
  return method === 'monitor_cond' ? 'monitor' : undefined;
}

export interface MonitorReply {
  /** The updates are what changed since the transaction that was named; otherwise they are everything. */
  readonly found: boolean;
  /** The last transaction in them; zero when the server does not say. */
  readonly since: string;
  readonly updates: unknown;
}

/** Reads a reply to `method`. */
export function monitorReply(method: MonitorMethod, reply: unknown): MonitorReply {
  if (method !== 'monitor_cond_since') return { found: false, since: ZERO_UUID, updates: reply };
  if (!Array.isArray(reply) || typeof reply[0] !== 'boolean' || !isUuid(reply[1])) {
    throw new ProtocolError('not a reply to monitor_cond_since');
  }
  const [found, since, updates] = reply as [boolean, string, unknown];
  return { found, since, updates };
}

export interface MonitorUpdate {
  readonly since: string;
  readonly updates: unknown;
}

/** Reads the parameters of `update`, `update2` or `update3`; undefined for any other notification. */
export function monitorUpdate(method: string, params: readonly unknown[]): MonitorUpdate | undefined {
  if (method === 'update' || method === 'update2') return { since: ZERO_UUID, updates: params[1] };
  if (method !== 'update3') return undefined;
  const [, since, updates] = params;
  if (!isUuid(since)) throw new ProtocolError('update3 without a transaction id');
  return { since, updates };
}

function isUuid(json: unknown): json is string {
  return typeof json === 'string' && uuidText.test(json);
}
