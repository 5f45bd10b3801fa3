// Scenarios through the differ into a real database: after each step nothing is pending, what stands there is what is
// wanted, and a process that starts anew with the same state has nothing to write.
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Differ } from '../../lib/delta/differ.ts';
import type { Outcome } from '../../lib/delta/database.ts';
import type { MemberFact, RowFact } from '../../lib/delta/fact.ts';
import { Tracker } from '../../lib/delta/tracker.ts';
import { Session } from '../../lib/ovsdb/index.ts';
import type { DatabaseSchema, Operation } from '../../lib/ovsdb/index.ts';
import { adoptBy, keep, owns } from '../../operator/nb/owns.ts';
import { ownerOf } from '../../operator/world.ts';
import { eventually } from '../eventually.ts';
import { startServer } from '../ovsdb-server.ts';
import { feed, start } from './process.ts';
import type { Process } from './process.ts';
import { scenario } from './scenario.ts';

const tables = Object.keys(owns);

/** What the differ says of itself, and how much it has sent. */
interface Writer {
  readonly tracker: Tracker;
  readonly differ: Differ;
  apply(process: Process): Promise<void>;
  stop(): Promise<void>;
}

async function connect(remote: string): Promise<Writer> {
  const session = new Session({ remotes: [remote], database: 'OVN_Northbound' });
  session.start();
  const schema = await eventually(() => session.schema);
  const tracker = new Tracker(schema, {
    owns,
    adoptBy,
    keep,
    vendor: ['vendor', 'kube-ovn'],
    ownerOf,
    singletons: ['NB_Global'],
  });
  let fed = false;
  const differ = new Differ(
    tracker,
    { transact: (operations) => outcome(session, operations) },
    {
      clock: { now: () => performance.now(), after: (ms, fn) => after(ms, fn) },
      random: () => 0.5,
      settled: () => fed,
      inputsSynced: () => fed,
      mayWrite: () => true,
    },
  );
  session.monitor(monitored(schema), {
    changed: (changes) => tracker.change(changes),
    synced: () => {
      tracker.connect();
      differ.enable();
    },
    lost: () => tracker.disconnect(),
  });
  await eventually(() => tracker.synced);
  const sources = new Set<string>();
  return {
    tracker,
    differ,
    async apply(process) {
      const wanted = process.sinks.rows;
      for (const source of sources)
        if (!wanted.sources.has(source) && !wanted.frozen.has(source)) tracker.replace(source, []);
      for (const [source, facts] of wanted.sources) {
        sources.add(source);
        tracker.replace(source, facts as (RowFact | MemberFact)[]);
      }
      for (const source of wanted.frozen) tracker.freeze(source, new Error('withheld'));
      fed = true;
      differ.poke();
      await eventually(
        () => !differ.inFlight && [...tracker.items.owners()].every((owner) => tracker.frozen.has(owner)),
        {
          what: 'nothing to be pending',
        },
      );
    },
    async stop() {
      await differ.disable();
      await session.stop();
    },
  };
}

function after(ms: number, fn: () => void): () => void {
  const timer = setTimeout(fn, ms);
  return () => clearTimeout(timer);
}

const monitored = (schema: DatabaseSchema): { tables: Record<string, string[]> } => ({
  tables: Object.fromEntries(tables.map((table) => [table, [...(schema.tables.get(table)?.columns.keys() ?? [])]])),
});

async function outcome(session: Session, operations: readonly Operation[]): Promise<Outcome> {
  try {
    return { kind: 'done', results: await session.transact(operations) };
  } catch (error) {
    return { kind: 'refused', index: 0, code: 'test', message: String(error) };
  }
}

const files = globSync(join(import.meta.dirname, '*.world')).sort();

describe.each(files.map((file) => [basename(file, '.world'), file]))('%s', (_, file) => {
  it('leaves nothing pending after each step, and nothing to do for a new process', async () => {
    const server = await startServer();
    try {
      // As northd makes it, with a key of its own.
      await server.transact([
        { op: 'insert', table: 'NB_Global', row: { options: ['map', [['mac_prefix', 'aa:bb:cc']]] } },
      ]);
      const writer = await connect(server.remote);
      const process = start();
      const { steps } = scenario(readFileSync(file, 'utf8'));
      for (const { changes } of steps) {
        feed(process, changes);
        await writer.apply(process);
        expect(writer.differ.failing).toEqual(new Map());
        expect(writer.differ.parked).toEqual(new Map());
      }
      await writer.stop();
      const again = await connect(server.remote);
      const fresh = start();
      feed(fresh, steps.at(-1)?.state ?? []);
      await again.apply(fresh);
      expect(again.differ.counters.operations).toBe(0);
      await again.stop();
    } finally {
      await server.dispose();
    }
  });
});
