// A tracker and a differ on a real ovsdb-server: facts go in, what the server holds is read with Debian's client.
import { setTimeout as pause } from 'node:timers/promises';
import { Differ } from '../../../lib/delta/differ.ts';
import type { DifferOptions } from '../../../lib/delta/differ.ts';
import type { Outcome } from '../../../lib/delta/database.ts';
import type { TrackerOptions } from '../../../lib/delta/options.ts';
import { Tracker } from '../../../lib/delta/tracker.ts';
import { ask, getSchema, Session, TransactError } from '../../../lib/ovsdb/index.ts';
import type { DatabaseSchema, Operation, RowChange } from '../../../lib/ovsdb/index.ts';
import { eventually } from '../../eventually.ts';
import type { OvsdbServer, PlainRow } from '../../ovsdb-server.ts';
import { owns } from './facts.ts';
import { Wire } from './wire.ts';

export interface BenchOptions extends Partial<DifferOptions> {
  readonly remotes?: readonly string[];
  readonly tracker?: Partial<TrackerOptions>;
  /** True unless stated. */
  readonly leaderOnly?: boolean;
  /** Tables to copy; the usual ones of the tests by default. */
  readonly tables?: readonly string[];
}

export interface Bench {
  readonly tracker: Tracker;
  readonly differ: Differ;
  readonly session: Session;
  /** The stream to the server. */
  readonly wire: Wire;
  /** Every transaction sent. */
  readonly sent: (readonly Operation[])[];
  /** Keeps transactions from the server until the function that it gives is called. */
  hold(): () => void;
  /** Replaces facts of sources, leads from now on, and waits until everything that can go has gone. */
  want(facts: Readonly<Record<string, Parameters<Tracker['replace']>[1]>>): Promise<void>;
  /** Waits until nothing is in flight or ready. */
  idle(): Promise<void>;
  /** Ends it in order; fails if any transaction broke a rule that holds for all. */
  stop(): Promise<void>;
  /** Ends it in the middle of whatever it does, as the death of the process would. */
  crash(): Promise<void>;
}

const TABLES = Object.keys(owns);

export const clock = {
  now: (): number => performance.now(),
  after: (ms: number, fn: () => void): (() => void) => {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
};

async function outcomeOf(session: Session, operations: readonly Operation[]): Promise<Outcome> {
  try {
    return { kind: 'done', results: await session.transact(operations) };
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof TransactError) return { kind: 'refused', index: error.index, code: error.code, message };
    return { kind: 'lost', message };
  }
}

/** Connects to `server` (or to `remotes`), copies its rows, and leads from the first `want` on. */
export async function bench(
  server: Pick<OvsdbServer, 'remote' | 'database'>,
  options: BenchOptions = {},
): Promise<Bench> {
  const remotes = options.remotes ?? [server.remote];
  const schema = await schemaOf(server);
  const wire = new Wire({ schema, owns: options.tracker?.owns ?? owns });
  const { leaderOnly = true } = options;
  const session = new Session({ remotes, database: server.database, leaderOnly, longestPause: 200, dial: wire.dial });
  const tables = Object.fromEntries(
    (options.tables ?? TABLES).map((table) => [table, [...(schema.tables.get(table)?.columns.keys() ?? [])]]),
  );
  const vendor = ['vendor', 'kube-ovn'] as const;
  const tracker = new Tracker(schema, { owns, singletons: ['NB_Global'], vendor, ...options.tracker }, tables);
  const sent: (readonly Operation[])[] = [];
  const held: { until: Promise<void> | undefined } = { until: undefined };
  const transact = async (operations: readonly Operation[]): Promise<Outcome> => {
    sent.push(operations);
    await held.until;
    return await outcomeOf(session, operations);
  };
  const always = { settled: () => true, inputsSynced: () => true, mayWrite: () => true };
  const differ = new Differ(tracker, { transact }, { clock, random: () => 0, ...always, ...options });
  follow(session, tables, tracker, differ);
  session.start();
  await eventually(() => tracker.synced && session.state === 'ready', { every: 1, what: 'the tracker to be synced' });
  return { tracker, session, wire, sent, differ, ...verbs({ tracker, session, differ, wire, held }) };
}

function follow(session: Session, tables: Record<string, string[]>, tracker: Tracker, differ: Differ): void {
  const consumer = {
    changed: (changes: readonly RowChange[]): void => {
      tracker.change(changes);
      differ.poke();
    },
    synced: (): void => {
      tracker.connect();
    },
    lost: () => tracker.disconnect(),
  };
  session.monitor({ tables }, consumer);
}

type Parts = Pick<Bench, 'tracker' | 'session' | 'differ' | 'wire'> & {
  readonly held: { until: Promise<void> | undefined };
};

function verbs({
  tracker,
  session,
  differ,
  wire,
  held,
}: Parts): Pick<Bench, 'hold' | 'want' | 'idle' | 'stop' | 'crash'> {
  let led = false;
  const idle = async (): Promise<void> => {
    await eventually(() => session.state === 'ready' && tracker.synced && !differ.inFlight, { every: 1 });
    // The reply's own turn has had its chance after this.
    await pause(2);
    if (differ.inFlight) await idle();
  };
  return {
    idle,
    hold() {
      let release = (): void => undefined;
      held.until = new Promise((resolve) => (release = resolve));
      return () => {
        held.until = undefined;
        release();
      };
    },
    async want(facts) {
      for (const [source, wanted] of Object.entries(facts)) tracker.replace(source, wanted);
      if (!led) differ.enable();
      led = true;
      differ.poke();
      await idle();
    },
    async stop() {
      await differ.disable();
      await session.stop();
      if (wire.broken.length > 0) throw new Error(wire.broken.join('\n'));
    },
    async crash() {
      wire.cut();
      const disabled = differ.disable();
      await session.stop();
      await disabled;
      if (wire.broken.length > 0) throw new Error(wire.broken.join('\n'));
    },
  };
}

/** Asked for once of each server: none of these tests converts a database. */
const schemas = new WeakMap<object, Promise<DatabaseSchema>>();

async function schemaOf(server: Pick<OvsdbServer, 'remote' | 'database'>): Promise<DatabaseSchema> {
  const known =
    schemas.get(server) ?? eventually(() => ask(server.remote, (connection) => getSchema(connection, server.database)));
  schemas.set(server, known);
  return await known;
}

/** Rows of ours, or all, without `_uuid` and the columns that are not named. */
export async function rows(server: OvsdbServer, table: string, ...columns: string[]): Promise<PlainRow[]> {
  const all = await server.dump(table, columns);
  return all.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

/** Removes every row of the tables that tests write. */
export async function wipe(server: OvsdbServer): Promise<void> {
  const roots = ['Logical_Switch', 'Logical_Router', 'Port_Group', 'Address_Set', 'DHCP_Options', 'Load_Balancer'];
  const all = [...roots, 'Meter', 'NB_Global', 'Load_Balancer_Group', 'HA_Chassis_Group'];
  await server.transact(all.map((table) => ({ op: 'delete', table, where: [] })));
}
