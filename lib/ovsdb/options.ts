// What a session can be told, and what it tells of itself.
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { dialReusing } from './remote.ts';
import type { Dial, Tls } from './remote.ts';

/** `ready`: transactions are taken and every copy is as the server is. */
export type SessionState = 'stopped' | 'connecting' | 'syncing' | 'ready' | 'waiting';

/** Where state changes are told; pino's loggers fit. */
export interface SessionLog {
  debug(fields: Readonly<Record<string, unknown>>, message: string): void;
  info(fields: Readonly<Record<string, unknown>>, message: string): void;
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What a session is told; only the remotes and the database are needed. */
export interface SessionOptions {
  /** `unix:PATH`, `tcp:HOST:PORT`, `ssl:HOST:PORT`. May be empty until `setRemotes`. */
  readonly remotes: readonly string[];
  readonly database: string;
  /** Stay only with the leader of a clustered database, as a writer should; no effect on a standalone one. */
  readonly leaderOnly?: boolean;
  /** Needed for `ssl:` remotes. */
  readonly tls?: Tls;
  /** Milliseconds of silence before a probe, and again before giving up; 5,000 by default, 0 for never. */
  readonly probeInterval?: number;
  /** Milliseconds that a connect may take; 5,000 by default. */
  readonly connectTimeout?: number;
  /** Milliseconds of the longest pause between two rounds over the remotes; 2,000 by default. */
  readonly longestPause?: number;
  /** Bytes of the longest message taken; 256 MiB by default (100,000 rows of OVN are 50 MB). */
  readonly maxMessage?: number;
  /**
   * Requests outstanding (10,000) and bytes unsent (64 MiB) on the connection beyond which transactions are refused
   * (QueueFull): what a server that does not read can cost.
   */
  readonly maxRequests?: number;
  readonly maxBuffered?: number;
  readonly clock?: Clock;
  /** Uniform in [0, 1). */
  readonly random?: () => number;
  readonly log?: SessionLog;
  /** How a stream is made; the network by default. */
  readonly dial?: Dial;
  /** Told of every state, after it was entered; `reason` says why a connection ended. */
  readonly observe?: (state: SessionState, reason: string | undefined) => void;
}

/** What a transaction is told. */
export interface TransactOptions {
  /** Aborting it cancels the transaction, if the server is not done with it. */
  readonly signal?: AbortSignal;
}

const silent: SessionLog = { debug: () => undefined, info: () => undefined, warn: () => undefined };

export type SettledOptions = Required<Omit<SessionOptions, 'tls' | 'observe' | 'remotes'>> &
  Pick<SessionOptions, 'tls' | 'observe'>;

/** With the defaults for what was not given. */
export function settledOptions(options: SessionOptions): SettledOptions {
  return {
    leaderOnly: false,
    probeInterval: 5000,
    connectTimeout: 5000,
    longestPause: 2000,
    maxMessage: 256 * 2 ** 20,
    maxRequests: 10_000,
    maxBuffered: 64 * 2 ** 20,
    clock: systemClock,
    random: Math.random,
    log: silent,
    dial: dialReusing,
    ...options,
  };
}
