// The northbound database: one session, one tracker, one differ. Facts go in by `sink`; whether an owner is applied and
// what is wrong with it comes out. A standby copies and compares and writes nothing; `lead` lets the differ write.
//
//   stopped --start--> standby (connected, compared, warm) --lead--> leading --follow, or deposed--> standby --> stopped
import { Differ } from '../../lib/delta/differ.ts';
import type { DeltaProblem, DifferOptions } from '../../lib/delta/differ.ts';
import type { Outcome } from '../../lib/delta/database.ts';
import { dump } from '../../lib/delta/dump.ts';
import type { DeltaDump } from '../../lib/delta/dump.ts';
import type { Owner } from '../../lib/delta/fact.ts';
import type { Owns, TrackerOptions } from '../../lib/delta/options.ts';
import { Tracker } from '../../lib/delta/tracker.ts';
import type { Sink } from '../../lib/graph/types.ts';
import { ConnectionLost, QueueFull, RequestError, Session, TransactError, systemClock } from '../../lib/ovsdb/index.ts';
import type { Clock, DatabaseSchema, Operation, Replica, RowChange, SessionOptions } from '../../lib/ovsdb/index.ts';
import { columns, structural } from './columns.ts';
import { fitting, type Fit, type NbFact } from './fitting.ts';
import { adoptBy, keep, ours, owns, untagged } from './owns.ts';

export interface NorthboundOptions
  extends
    Pick<SessionOptions, 'remotes' | 'tls' | 'log' | 'probeInterval' | 'observe'>,
    Pick<DifferOptions, 'settled' | 'inputsSynced' | 'mayWrite' | 'onDeposed' | 'onChange'>,
    Pick<TrackerOptions, 'ownerOf'> {
  readonly clock?: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** The copy is complete and compared, at first and after each reconnect: owners without rows are applied from now on. */
  readonly onSynced?: () => void;
  /** Told of every transaction with its time until the reply. */
  readonly onTransaction?: (outcome: Outcome['kind'], seconds: number) => void;
}

/** What a tracker and a differ are made for; another schema needs others. */
interface Core {
  readonly version: string;
  /** Leaves out of facts what this schema lacks and can do without. */
  readonly fit: Fit;
  readonly tracker: Tracker;
  readonly differ: Differ;
}

const FENCE = { table: 'NB_Global', column: 'external_ids', key: 'kubeloom-epoch' } as const;

/** Of the comparison after a connect; a step of it is small beside this. */
const SLICE_MS = 5;

export class Northbound {
  /** Row and member facts of all derivations. */
  readonly sink: Sink<NbFact>;
  readonly #options: NorthboundOptions;
  readonly #clock: Clock;
  readonly #session: Session;
  readonly #replica: Replica;
  /** What every source yields now: a tracker for another schema is fed with it. */
  readonly #facts = new Map<string, readonly NbFact[]>();
  readonly #frozen = new Map<string, unknown>();
  #core: Core | undefined;
  #leading = false;
  /** The copy is complete and has not been compared. */
  #uncompared = false;

  constructor(options: NorthboundOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.sink = {
      replace: (source, facts) => this.#replace(source, facts),
      freeze: (source, error) => this.#freeze(source, error),
    };
    const { remotes, tls, log, probeInterval, observe, random } = options;
    this.#session = new Session({
      remotes,
      database: 'OVN_Northbound',
      leaderOnly: true,
      clock: this.#clock,
      random,
      ...(tls && { tls }),
      ...(log && { log }),
      ...(observe && { observe }),
      ...(probeInterval !== undefined && { probeInterval }),
    });
    this.#replica = this.#session.monitor(
      { tables: columns },
      {
        changed: (changes) => this.#changed(changes),
        synced: () => this.#synced(),
        lost: () => this.#lost(),
      },
    );
  }

  /** Connects and copies; writes nothing. */
  start(): void {
    this.#session.start();
  }

  /** From now on pending changes are written, as long as `mayWrite` says so. */
  lead(): void {
    this.#leading = true;
    this.#core?.differ.enable();
  }

  /** Stops writing; resolves when nothing is in flight any more. */
  async follow(): Promise<void> {
    this.#leading = false;
    await this.#core?.differ.disable();
  }

  async stop(): Promise<void> {
    await this.follow();
    await this.#session.stop();
  }

  setRemotes(remotes: readonly string[]): void {
    this.#session.setRemotes(remotes);
  }

  /** To be called when the graph is quiet, when inputs have synced, when the lease was renewed. */
  poke(): void {
    this.#compare();
    this.#core?.differ.poke();
  }

  /** Whether the copy is complete and compared. */
  get synced(): boolean {
    return this.#core?.tracker.synced ?? false;
  }

  applied(owner: Owner): boolean {
    return this.#core?.tracker.applied(owner) ?? false;
  }

  /** What keeps the owner from being applied, beside work that is about to be done. */
  problems(owner: Owner): readonly DeltaProblem[] {
    return this.#core?.differ.problems(owner) ?? [];
  }

  /** The number of the present leader in the database; 0 before anyone has written. */
  get epoch(): number {
    return this.#core?.differ.epoch ?? 0;
  }

  /** For metrics; empty before the first connect. */
  counts(): Readonly<Record<string, number>> {
    if (!this.#core) return {};
    const { tracker, differ } = this.#core;
    return {
      pending: tracker.items.size,
      rows: tracker.actual.ours,
      adopted: tracker.aliases.size,
      conflicts: tracker.conflicts.size,
      frozen: tracker.frozen.sources.size,
      parked: differ.parked.size,
      failing: differ.failing.size,
      ...differ.counters,
    };
  }

  /** `key` is an owner, a row id or a UUID; everything without it. */
  dump(key?: string): DeltaDump | undefined {
    return this.#core && dump(this.#core.tracker, this.#core.differ, key);
  }

  #replace(source: string, facts: readonly NbFact[]): void {
    this.#frozen.delete(source);
    const kept = this.#told(source, facts);
    if (kept.length > 0) this.#facts.set(source, kept);
    else this.#facts.delete(source);
  }

  /** Tells the tracker. Answers the facts with the objects that it has kept of them: one copy is enough. */
  #told(source: string, facts: readonly NbFact[]): readonly NbFact[] {
    if (!this.#core) return facts;
    const { tracker, fit } = this.#core;
    const fitted = fit(facts);
    tracker.replace(source, fitted);
    const isTaken = fitted === facts && !tracker.frozen.sources.has(source);
    return isTaken ? tracker.desired.facts(source) : facts;
  }

  #freeze(source: string, error: unknown): void {
    this.#frozen.set(source, error);
    this.#core?.tracker.freeze(source, error);
  }

  #changed(changes: readonly RowChange[]): void {
    const schema = this.#session.schema;
    if (!schema) return;
    if (this.#core?.version === schema.version) {
      this.#core.tracker.change(changes);
      this.#core.differ.poke();
    } else {
      this.#build(schema);
    }
  }

  #synced(): void {
    const schema = this.#session.schema;
    if (schema && this.#core?.version !== schema.version) this.#build(schema);
    this.#uncompared = true;
    this.#compare();
  }

  /** Once what is wanted is complete: what is compared before that, with each object that comes, is compared in vain. */
  #compare(): void {
    if (!this.#uncompared || !this.#options.inputsSynced()) return;
    this.#uncompared = false;
    this.#core?.tracker.connect();
  }

  #lost(): void {
    this.#uncompared = false;
    this.#core?.tracker.disconnect();
  }

  /** The replica holds its rows already; what is wanted is told again. */
  #build(schema: DatabaseSchema): void {
    void this.#core?.differ.disable();
    this.#core?.tracker.disconnect();
    const tracker = new Tracker(schema, this.#trackerOptions(), present(schema));
    const fit = fitting(schema);
    for (const [source, facts] of this.#facts) tracker.replace(source, fit(facts));
    for (const [source, error] of this.#frozen) tracker.freeze(source, error);
    for (const table of Object.keys(columns)) {
      tracker.change([...this.#replica.rows(table)].map(([uuid, row]) => ({ table, uuid, new: row })));
    }
    tracker.watch({ compared: () => this.#options.onSynced?.() });
    const differ = new Differ(tracker, { transact: (operations) => this.#transact(operations) }, this.#differOptions());
    this.#core = { version: schema.version, fit, tracker, differ };
    if (this.#leading) differ.enable();
  }

  #trackerOptions(): TrackerOptions {
    const { ownerOf } = this.#options;
    return {
      owns: withoutFence(owns),
      ours,
      adoptBy,
      keep,
      untagged,
      singletons: ['NB_Global'],
      vendor: ['vendor', 'kube-ovn'],
      slices: { now: () => this.#clock.now(), defer: (fn) => void setImmediate(fn), ms: SLICE_MS },
      ...(ownerOf && { ownerOf }),
    };
  }

  #differOptions(): DifferOptions {
    const { random, settled, inputsSynced, mayWrite, onDeposed, onChange } = this.#options;
    const clock = {
      now: () => this.#clock.now(),
      after: (ms: number, fn: () => void) => {
        const timer = this.#clock.setTimeout(fn, ms);
        return () => this.#clock.clearTimeout(timer);
      },
    };
    const told = { ...(onDeposed && { onDeposed }), ...(onChange && { onChange }) };
    return { clock, random, structural, fence: FENCE, settled, inputsSynced, mayWrite, ...told };
  }

  async #transact(operations: readonly Operation[]): Promise<Outcome> {
    const begun = this.#clock.now();
    const outcome = await this.#session.transact(operations).then(
      (results): Outcome => ({ kind: 'done', results }),
      (error: unknown) => outcomeOf(error),
    );
    this.#options.onTransaction?.(outcome.kind, (this.#clock.now() - begun) / 1000);
    return outcome;
  }
}

/** What is neither the server's refusal nor a broken connection is a bug, and not caught. */
function outcomeOf(error: unknown): Outcome {
  if (error instanceof TransactError) {
    return { kind: 'refused', index: error.index, code: error.code, message: error.message };
  }
  if (error instanceof ConnectionLost || error instanceof QueueFull || error instanceof RequestError) {
    return { kind: 'lost', message: error.message };
  }
  throw error;
}

/** The fence's own key is nobody's to want or to take out. */
function withoutFence(all: Owns): Owns {
  const { table, column, key } = FENCE;
  const keys = all[table]?.[column];
  if (keys === undefined || typeof keys === 'string') return all;
  return { ...all, [table]: { ...all[table], [column]: keys.filter((each) => each !== key) } };
}

function present({ tables }: DatabaseSchema): Record<string, readonly string[]> {
  const known = Object.entries(columns).filter(([table]) => tables.has(table));
  return Object.fromEntries(
    known.map(([table, names]) => [table, names.filter((name) => tables.get(table)?.columns.has(name))]),
  );
}
