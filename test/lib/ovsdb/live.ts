// A session on a real server, with everything that it told kept for assertions.
import { Session } from '../../../lib/ovsdb/index.ts';
import type { Replica, RowChange, SessionOptions, SessionState } from '../../../lib/ovsdb/index.ts';
import { eventually } from '../../eventually.ts';

export interface Live {
  readonly session: Session;
  readonly replica: Replica;
  /** One entry per call of `changed`. */
  readonly batches: readonly (readonly RowChange[])[];
  /** One entry per `synced`: whether the copy was continued. */
  readonly synced: readonly boolean[];
  readonly lost: readonly string[];
  readonly states: readonly (readonly [SessionState, string | undefined])[];
  ready(): Promise<void>;
}

export interface LiveOptions extends Partial<Omit<SessionOptions, 'remotes'>> {
  readonly remotes: readonly string[];
  readonly tables: Readonly<Record<string, readonly string[]>>;
}

/** Starts a session with one monitor; `ready` waits for the state of that name. */
export function live({ tables, ...options }: LiveOptions): Live {
  const batches: (readonly RowChange[])[] = [];
  const synced: boolean[] = [];
  const lost: string[] = [];
  const states: [SessionState, string | undefined][] = [];
  const session = new Session({
    database: 'OVN_Northbound',
    observe: (state, reason) => states.push([state, reason]),
    ...options,
  });
  const replica = session.monitor(
    { tables },
    {
      changed: (changes) => batches.push(changes),
      synced: (continued) => synced.push(continued),
      lost: (reason) => lost.push(reason),
    },
  );
  session.start();
  const ready = async (): Promise<void> => {
    await eventually(() => session.state === 'ready', { what: 'the session to be ready' });
  };
  return { session, replica, batches, synced, lost, states, ready };
}

/** The replica's rows of a table in the form of OvsdbServer.dump: sets of one as their element, sets and maps as plain. */
export function plainRows(replica: Replica, table: string): Record<string, unknown>[] {
  const rows = [...replica.rows(table)].map(([uuid, row]) => ({
    _uuid: uuid,
    ...Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])),
  }));
  return rows.sort((a, b) => (a._uuid < b._uuid ? -1 : 1));
}

function plain(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (!(value instanceof Set)) return value;
  const atoms = [...value].sort((a, b) => (String(a) < String(b) ? -1 : 1));
  return atoms.length === 1 ? atoms[0] : atoms;
}
