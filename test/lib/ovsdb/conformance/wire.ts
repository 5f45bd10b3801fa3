// A connection without a session, for what a session does not ask: every notification is kept.
import { Connection, dial, systemClock } from '../../../../lib/ovsdb/index.ts';

export interface Notification {
  readonly method: string;
  readonly params: readonly unknown[];
}

export interface Wire {
  readonly notifications: readonly Notification[];
  request(method: string, params: readonly unknown[]): Promise<unknown>;
  /** What came since the last call; everything caused by requests that were answered is among it. */
  take(): Notification[];
  end(): void;
}

export async function connectWire(remote: string): Promise<Wire> {
  const notifications: Notification[] = [];
  const connection = new Connection(await dial(remote, undefined, AbortSignal.timeout(5000)), {
    clock: systemClock,
    probeInterval: 0,
    maxMessage: 2 ** 26,
    maxRequests: 1000,
    maxBuffered: 2 ** 26,
    notified: (method, params) => notifications.push({ method, params }),
    ended: () => undefined,
  });
  return {
    notifications,
    request: async (method, params) => await connection.request(method, params),
    take: () => notifications.splice(0),
    end: () => connection.end('done'),
  };
}
