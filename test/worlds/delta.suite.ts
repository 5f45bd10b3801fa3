// Scenarios through the differ into a real database, by every path that test/expand.ts knows: after each leg the database
// holds what is wanted and nothing else of ours, and a process that starts anew has nothing to write. Also when the process
// dies after each transaction, one owner at a time. In parts, each a file of its own with a server of its own, which take
// minutes one after the other.
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Differ } from '../../lib/delta/differ.ts';
import type { MemberFact, RowFact } from '../../lib/delta/fact.ts';
import type { Item } from '../../lib/delta/item.ts';
import type { Row } from '../../lib/ovsdb/index.ts';
import { singletonId } from '../../lib/delta/ids.ts';
import { columns } from '../../operator/nb/columns.ts';
import { adoptBy, keep, ours as known, owns, untagged } from '../../operator/nb/owns.ts';
import { ownerOf } from '../../operator/world.ts';
import { expand } from '../expand.ts';
import type { Leg } from '../expand.ts';
import { eventually } from '../eventually.ts';
import { bench } from '../lib/delta/harness.ts';
import type { Bench, BenchOptions } from '../lib/delta/harness.ts';
import { startServer } from '../ovsdb-server.ts';
import type { PlainRow } from '../ovsdb-server.ts';
import { factsOf, feed, start } from './process.ts';
import type { Process } from './process.ts';
import { scenario } from './scenario.ts';

type Fact = RowFact | MemberFact;

const tables = Object.keys(columns);
const product: BenchOptions = { tables, tracker: { owns, adoptBy, keep, ownerOf, untagged, ours: known } };
/** Of the OVN that is shipped. */
const schemaFile = 'operator/nb/ovn-nb.ovsschema';
const schema = JSON.parse(readFileSync(schemaFile, 'utf8')) as { tables: Record<string, { isRoot?: boolean }> };
let server: Awaited<ReturnType<typeof startServer>>;
const open: Bench[] = [];

function serve(): void {
  beforeAll(async () => {
    server = await startServer({ schema: schemaFile });
  });
  afterAll(async () => {
    await server.dispose();
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.stop()));
  });
}

async function begin(options: BenchOptions = product): Promise<Bench> {
  const made = await bench(server, options);
  open.push(made);
  return made;
}

/** A session of somebody else's, which a route of a scenario names. */
const session = {
  op: 'insert',
  table: 'BFD',
  uuid: '4b1d6f1e-7a63-4c0e-9d51-0c2e8f6a7b90',
  row: { logical_port: 'v1-s1', dst_ip: '10.0.1.252' },
};

/** A database as northd leaves it, with a key and a row of its own. */
async function empty(): Promise<void> {
  const roots = tables.filter((table) => schema.tables[table]?.isRoot === true);
  // A group is referred to by rows that go with their router, and only in the end of a transaction.
  const referred = new Set(['HA_Chassis_Group']);
  await server.transact([
    ...roots.filter((table) => !referred.has(table)).map((table) => ({ op: 'delete', table, where: [] })),
    { op: 'insert', table: 'NB_Global', row: { options: ['map', [['mac_prefix', 'aa:bb:cc']]] } },
  ]);
  await server.transact([...[...referred].map((table) => ({ op: 'delete', table, where: [] })), session]);
}

/** Tells the differ all that the process wants, and what it has given up since. */
class Feeder {
  readonly #bench: Bench;
  readonly #told = new Set<string>();

  constructor(made: Bench) {
    this.#bench = made;
  }

  tell({ sinks: { rows } }: Process): void {
    const { tracker, differ } = this.#bench;
    for (const source of this.#told)
      if (!rows.sources.has(source) && !rows.frozen.has(source)) tracker.replace(source, []);
    for (const [source, facts] of rows.sources) {
      this.#told.add(source);
      tracker.replace(source, facts as Fact[]);
    }
    for (const source of rows.frozen) tracker.freeze(source, new Error('withheld'));
    differ.enable();
  }

  /** Waits until nothing is pending but for those who are frozen or wait for rows that nobody wants now; answers what is. */
  async rest(): Promise<{ pending: Item[]; failing: Differ['failing'] }> {
    const { tracker, differ } = this.#bench;
    const waits = (item: Item): boolean =>
      item.owners.some((owner) => tracker.frozen.has(owner) || differ.parked.has(owner)) ||
      // Elements of unknown owners stay while a source has never said what it wants.
      (item.kind === 'remove' && tracker.frozen.blind);
    const pending = (): Item[] => [...tracker.items.values()].filter((item) => !waits(item));
    await eventually(() => !differ.inFlight && pending().length === 0, { every: 1 }).catch(() => undefined);
    return { pending: pending(), failing: differ.failing };
  }
}

const nothing = { pending: [], failing: new Map() };

/** A value as Debian's client prints it. */
function printed(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (!(value instanceof Set)) return value;
  const all = [...value].toSorted((a, b) => (String(a) < String(b) ? -1 : 1));
  return all.length === 1 ? all[0] : all;
}

/** The columns that facts name, by the id of the row. */
function columnsOf(facts: readonly Fact[]): Map<string, Record<string, unknown>> {
  const rows = new Map<string, Record<string, unknown>>();
  for (const fact of facts) if ('row' in fact) rows.set(fact.id, { ...fact.columns });
  const place = (id: string, column: string, element: unknown, value?: unknown): void => {
    const row = rows.get(id);
    if (!row) return;
    const before = row[column];
    if (value !== undefined) row[column] = new Map([...((before as Map<unknown, unknown>) ?? []), [element, value]]);
    else row[column] = new Set([...((before as Set<unknown>) ?? []), element]);
  };
  for (const fact of facts) {
    if ('member' in fact) place(fact.id, fact.column, fact.element, fact.value);
    else if (fact.in) place(fact.in.id, fact.in.column, fact.id);
  }
  return rows;
}

/** All rows of ours, by their id. */
function oursAmong(database: ReadonlyMap<string, PlainRow[]>): Map<string, PlainRow> {
  const ours = new Map<string, PlainRow>();
  for (const table of tables)
    for (const row of database.get(table) ?? []) {
      const ids = row['external_ids'] as Record<string, string> | undefined;
      const isOurs = ids?.['kubeloom-id'] !== undefined || known[table]?.(row as Row) === true;
      if (isOurs) ours.set(String(row['_uuid']), row);
    }
  return ours;
}

/** Every row of ours with every column that a fact names: what there is, and what there should be. */
async function expectWanted(facts: readonly Fact[]): Promise<void> {
  const wanted = columnsOf(facts);
  const database = await server.dumpAll();
  const ours = oursAmong(database);
  expect([...ours.keys()].toSorted()).toEqual([...wanted.keys()].toSorted());
  for (const [id, named] of wanted) {
    const names = Object.keys(named);
    const there = names.map((name) => [name, ours.get(id)?.[name]]);
    expect(there).toEqual(names.map((name) => [name, printed(named[name])]));
  }
  const global = facts.filter((fact) => 'member' in fact && fact.id === singletonId('NB_Global')) as MemberFact[];
  const [row] = database.get('NB_Global') ?? [];
  expect(row).toMatchObject({ options: { mac_prefix: 'aa:bb:cc' } });
  for (const { column, element, value } of global) expect(row?.[column]).toMatchObject({ [String(element)]: value });
}

const wantedOf = (process: Process): Fact[] => factsOf(process, 'rows') as Fact[];

/** Walks the path with one process, and a new one wherever the path has it; answers how many legs there were. */
async function walk(legs: readonly Leg[]): Promise<number> {
  await empty();
  let process = start();
  let writer = await begin();
  let feeder = new Feeder(writer);
  for (const { fresh, batches } of legs) {
    if (fresh) {
      await writer.stop();
      process = start();
      writer = await begin();
      feeder = new Feeder(writer);
    }
    for (const batch of batches) {
      feed(process, batch);
      // A fresh process takes nothing away before it knows everything.
      if (batch !== batches.at(-1) && fresh) continue;
      feeder.tell(process);
      expect(await feeder.rest()).toEqual(nothing);
    }
    if (process.graph.failures.size === 0) await expectWanted(wantedOf(process));
  }
  await writer.stop();
  const again = await begin();
  const last = new Feeder(again);
  last.tell(process);
  expect(await last.rest()).toEqual(nothing);
  expect(again.sent).toEqual([]);
  await again.stop();
  return legs.length;
}

/**
 * Writes one transaction of one owner and dies, until there is nothing to write; answers how often it died. One that is
 * refused, because another owner has not given up a name yet, does not count: the process goes on with the others.
 */
async function stumble(process: Process): Promise<number> {
  for (let deaths = 0; ; deaths++) {
    let counters: Differ['counters'] | undefined;
    const wrote = (): boolean => counters !== undefined && counters.batches > counters.refusals;
    const writer = await begin({ ...product, caps: { owners: 1, bytes: 1 }, mayWrite: () => !wrote() });
    counters = writer.differ.counters;
    const feeder = new Feeder(writer);
    feeder.tell(process);
    await eventually(() => !writer.differ.inFlight && (wrote() || counters?.batches === 0), { every: 1 });
    await writer.crash();
    if (counters.batches === 0) return deaths;
  }
}

const files = globSync(join(import.meta.dirname, '*.world')).sort();

/** One of two parts: every other scenario. */
export function everyOtherScenario(part: 0 | 1): void {
  serve();
  const own = files.filter((_, at) => at % 2 === part);
  describe.each(own.map((file) => [basename(file, '.world'), file]))('%s', (_, file) => {
    const { steps, history } = scenario(readFileSync(file, 'utf8'));

    it.each(expand(steps, history).map(({ name, legs }) => [name, legs] as const))('%s', async (_name, legs) => {
      expect(await walk(legs)).toBeGreaterThan(0);
    });

    it('a death after every transaction', async () => {
      await empty();
      const process = start();
      for (const { changes } of steps) {
        feed(process, changes);
        if (process.graph.failures.size > 0) return;
        expect(await stumble(process)).toBeGreaterThanOrEqual(0);
        await expectWanted(wantedOf(process));
      }
    });
  });
}

/** In a file of its part's, since it needs the server. */
export function waitingRoute(): void {
  it('a route that names a row of BFD waits for it alone', async () => {
    await empty();
    await server.transact([{ op: 'delete', table: 'BFD', where: [] }]);
    const process = start();
    feed(process, scenario(readFileSync(join(import.meta.dirname, 'vpcs.world'), 'utf8')).steps[0]?.changes ?? []);
    const writer = await begin();
    const feeder = new Feeder(writer);
    feeder.tell(process);
    expect(await feeder.rest()).toEqual(nothing);
    const waiting = wantedOf(process).filter((fact) => 'row' in fact && fact.owner.includes('/bfd/'));
    expect(waiting).toHaveLength(1);
    await expectWanted(wantedOf(process).filter((fact) => !waiting.includes(fact)));
    await server.transact([session]);
    await eventually(() => writer.tracker.items.size === 0);
    await expectWanted(wantedOf(process));
  });
}
