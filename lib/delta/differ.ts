// The differ: writes what is pending, one transaction at a time, until nothing is. It decides when and what goes
// together (selection.ts), never what is wanted; it keeps no picture of the database but the replica's.
//
//   idle --poke, settled, allowed--> select --> in flight --done----> idle, and again while anything is ready
//                                                   +------refused--> taken apart by owner, the guilty one backs off
//                                                   +------lost-----> waits for the next connect, which compares
import type { Database, DifferClock, Outcome } from './database.ts';
import { Backoffs, takeApart } from './failure.ts';
import type { Group } from './failure.ts';
import type { Owner, RowId } from './fact.ts';
import { Fence } from './fence.ts';
import type { FenceOptions } from './fence.ts';
import type { Item } from './item.ts';
import { Multimap } from './multimap.ts';
import { stepsOf } from './operations.ts';
import type { Step } from './operations.ts';
import { Selection } from './selection.ts';
import type { Caps } from './selection.ts';
import type { Tracker } from './tracker.ts';
import { Turns, takesAway } from './turn.ts';
import type { Choice } from './turn.ts';
import { Window } from './window.ts';
import type { Operation, OperationResult } from '../ovsdb/types.ts';

export interface DifferOptions {
  readonly clock: DifferClock;
  /** Uniform in [0, 1), for the jitter of pauses. */
  readonly random: () => number;
  /** Whether what is wanted is the whole answer to the inputs; nothing is sent in the middle of a settle. */
  readonly settled: () => boolean;
  /** Whether all inputs have reported their first sync; nothing is taken away before. */
  readonly inputsSynced: () => boolean;
  /** Asked before each send, on a monotonic clock: whether the lease still lasts. Poke again when it does. */
  readonly mayWrite: () => boolean;
  /** Absent: nobody else writes what we write (the agent's own switch). */
  readonly fence?: FenceOptions;
  /** Somebody else has taken the fence: everything of ours must stop. */
  readonly onDeposed?: () => void;
  /** Tables whose rows are dear to whoever reads the database: they wait up to `structuralMs` for company. */
  readonly structural?: readonly string[];
  /** Milliseconds, 50 by default. */
  readonly structuralMs?: number;
  /** Of one batch; 200 owners or about 1 MB by default. */
  readonly caps?: Caps;
  /** An owner's problems or its state of being applied may have changed. Cheap, and never calls back. */
  readonly onChange?: (owner: Owner) => void;
}

/** Something that keeps an owner from being applied. */
export interface DeltaProblem {
  readonly reason: 'InternalError' | 'Conflict' | 'Rejected' | 'Waiting';
  readonly message: string;
}

/** Since the start; for metrics and for tests that count work. */
export interface DifferCounters {
  batches: number;
  operations: number;
  refusals: number;
  losses: number;
}

interface Batch {
  readonly group: Group | undefined;
  readonly selection: Selection;
  readonly steps: readonly Step[];
  /** Operations of the fence that come before the steps. */
  readonly offset: number;
}

/** What is chosen from: a part of a refused batch, or what of a turn's removals `allowed` admits. */
interface Scope {
  readonly group?: Group;
  readonly allowed?: (item: Item) => boolean;
}

/** How long a batch that was lost holds up the next one, unless a reconnect comes first. */
const LOST_PAUSE_MS = 100;

const NONE: readonly DeltaProblem[] = [];

const CAPS: Caps = { owners: 200, bytes: 1_000_000 };

export class Differ {
  readonly counters: DifferCounters = { batches: 0, operations: 0, refusals: 0, losses: 0 };
  readonly #tracker: Tracker;
  readonly #database: Database;
  readonly #options: DifferOptions;
  readonly #fence: Fence | undefined;
  readonly #window: Window;
  readonly #turns: Turns;
  readonly #backoffs: Backoffs;
  readonly #ready = new Set<Owner>();
  readonly #waiting = new Multimap<RowId, Owner>();
  readonly #parked = new Multimap<Owner, RowId>();
  /** Owners with removals that wait for all inputs. */
  readonly #held = new Set<Owner>();
  #groups: Group[] = [];
  #flight: Promise<void> | undefined;
  #enabled = false;
  /** What the removals that are held were judged by. */
  #gates = '';
  #pausedUntil = -Infinity;

  constructor(tracker: Tracker, database: Database, options: DifferOptions) {
    this.#tracker = tracker;
    this.#database = database;
    this.#options = options;
    this.#fence = options.fence && new Fence(tracker, options.fence);
    this.#backoffs = new Backoffs(options.clock, options.random);
    this.#window = new Window(tracker, options, () => this.poke());
    this.#turns = new Turns(tracker, {
      ready: this.#ready,
      due: (owners) => this.#window.due(owners),
      choose: (seeds, allowed) => this.#choose(seeds, { allowed }),
    });
    tracker.watch({
      owner: (owner, fresh) => this.#touched(owner, fresh),
      row: (id) => this.#wake(id),
      compared: () => this.#reconsider(),
    });
  }

  /** Begins to write: this process leads. */
  enable(): void {
    this.#fence?.reset();
    this.#enabled = true;
    this.#reconsider();
  }

  /** Stops writing; resolves when nothing is in flight any more. */
  async disable(): Promise<void> {
    this.#enabled = false;
    await this.#flight;
  }

  /** The number of the present leader; agents refuse a plan with a lower one. */
  get epoch(): number {
    return this.#fence?.epoch ?? 0;
  }

  get parked(): ReadonlyMap<Owner, ReadonlySet<RowId>> {
    return new Map(this.#parked.entries());
  }

  get failing(): ReadonlyMap<Owner, string> {
    return this.#backoffs.messages;
  }

  get inFlight(): boolean {
    return this.#flight !== undefined;
  }

  problems(owner: Owner): readonly DeltaProblem[] {
    if (!this.#troubled(owner)) return NONE;
    const rejected = this.#backoffs.message(owner);
    const missing = [...this.#parked.get(owner)];
    return [
      ...this.#tracker.frozen.errorsOf(owner).map((error) => problem('InternalError', String(error))),
      ...[...this.#tracker.conflictsOf(owner)].map((key) => problem('Conflict', this.#conflict(key))),
      ...(rejected === undefined ? [] : [problem('Rejected', rejected)]),
      ...(missing.length === 0 ? [] : [problem('Waiting', `waits for ${missing.slice(0, 5).join(', ')}`)]),
    ];
  }

  /** Nearly nobody is, and this is asked at every change. */
  #troubled(owner: Owner): boolean {
    const held = this.#tracker.frozen.has(owner) || this.#tracker.conflictsOf(owner).size > 0;
    return held || this.#parked.has(owner) || this.#backoffs.message(owner) !== undefined;
  }

  /** Sends what is ready, if anything may be sent. Called when the graph is quiet, the replica moved, time passed. */
  poke(): void {
    if (this.#gates !== this.#gatesNow()) this.#release();
    while (this.#mayBegin()) {
      const batch = this.#next();
      if (!batch) return;
      if (batch.steps.length > 0) this.#send(batch);
    }
  }

  #mayBegin(): boolean {
    if (!this.#idle() || !this.#options.settled()) return false;
    // This may compare everything, and what that tells may send: whether anything is in flight is asked after it.
    this.#tracker.refresh();
    if (!this.#tracker.synced || !this.#idle()) return false;
    if (this.#fence?.holds() === false) this.#deposed();
    return this.#work() && this.#enabled && this.#options.mayWrite();
  }

  #work(): boolean {
    return this.#groups.length > 0 || this.#ready.size > 0 || this.#turns.underWay;
  }

  #idle(): boolean {
    return this.#enabled && !this.#flight && this.#options.clock.now() >= this.#pausedUntil;
  }

  #next(): Batch | undefined {
    const group = this.#groups.pop();
    const { selection, looked } = group ? this.#choose(group.owners, { group }) : this.#turns.next();
    if (looked.length === 0) return undefined;
    for (const owner of [...looked, ...selection.owners]) this.#ready.delete(owner);
    this.#leaveBehind(selection);
    return { group, selection, steps: stepsOf(this.#tracker, selection.items), offset: 0 };
  }

  #choose(seeds: Iterable<Owner>, { group, allowed }: Scope): Choice {
    const selection = new Selection(this.#tracker, {
      owner: (owner) => !this.#tracker.frozen.has(owner) && !this.#backoffs.waits(owner),
      removal: (item) => this.#removal(item),
      turn: (item) => allowed?.(item) !== false || !takesAway(this.#tracker, item),
      company: group === undefined,
    });
    const caps = group ? { owners: Infinity, bytes: Infinity } : (this.#options.caps ?? CAPS);
    return { selection, looked: selection.fill(seeds, caps) };
  }

  #removal(item: Item): boolean {
    return this.#options.inputsSynced() ? !this.#unattributed(item) : !takesAway(this.#tracker, item);
  }

  /** An element from before this process, while a source that may want it has never succeeded in this one. */
  #unattributed(item: Item): boolean {
    if (!this.#tracker.frozen.blind || !('column' in item)) return false;
    const child = this.#tracker.judge.child(item.row, item.column, item.element);
    return child === undefined && !this.#tracker.judge.retired(item.key);
  }

  #leaveBehind({ parked, held }: Selection): void {
    for (const owner of held) this.#held.add(owner);
    for (const [owner, rows] of parked.entries()) {
      for (const row of rows) {
        this.#parked.add(owner, row);
        this.#waiting.add(row, owner);
      }
      this.#options.onChange?.(owner);
    }
  }

  #send(batch: Batch): void {
    const first = this.#fence?.operations() ?? [];
    const operations = [...first, ...batch.steps.map(({ operation }) => operation)];
    this.counters.batches++;
    this.counters.operations += operations.length;
    this.#tracker.takeOff(batch.selection.items);
    this.#flight = this.#fly({ ...batch, offset: first.length }, operations);
  }

  async #fly(batch: Batch, operations: readonly Operation[]): Promise<void> {
    const outcome = await this.#database.transact(operations);
    this.#flight = undefined;
    this.#landed(batch, outcome);
  }

  #landed(batch: Batch, outcome: Outcome): void {
    this.#tracker.land();
    switch (outcome.kind) {
      case 'done':
        this.#done(batch, outcome.results);
        break;
      case 'refused':
        this.#refused(batch, outcome);
        break;
      case 'lost':
        this.counters.losses++;
        this.#lost(batch);
        break;
      default:
        outcome satisfies never;
    }
    this.poke();
  }

  /** What was written and is still asked for, unchanged, had no effect: tried again with a pause, not in a loop. */
  #done({ selection, steps, offset }: Batch, results: readonly OperationResult[]): void {
    const guilty = new Map<Owner, string>();
    steps.forEach(({ counted, owners, operation }, i) => {
      if (!counted || results[i + offset]?.count === 1) return;
      for (const owner of owners) guilty.set(owner, `${operation.op} met no row`);
    });
    for (const item of selection.items) {
      if (this.#tracker.items.get(item.key) !== item) continue;
      for (const owner of item.owners) guilty.set(owner, `${item.kind} in ${item.table} had no effect`);
    }
    for (const owner of selection.owners) {
      const message = guilty.get(owner);
      if (message !== undefined) this.#fail(owner, message);
      else if (this.#backoffs.forget(owner)) this.#options.onChange?.(owner);
      if (this.#tracker.items.ofOwner(owner).size > 0) this.#ready.add(owner);
    }
  }

  #refused(batch: Batch, { index, code, message }: Outcome & { kind: 'refused' }): void {
    this.counters.refusals++;
    const verdict = this.#fence?.verdict(index, batch.offset, code);
    if (verdict === 'deposed') this.#deposed();
    else if (verdict === 'again') this.#lost(batch);
    else this.#blame(batch, index, message);
  }

  /** The owner of the operation that failed, if it is one; else whoever is left when the batch is taken apart. */
  #blame({ group, selection, steps, offset }: Batch, index: number, message: string): void {
    for (const owner of selection.owners) this.#ready.add(owner);
    const suspects = steps[index - offset]?.owners;
    const seeds: Group = group ?? { owners: [...selection.owners], tried: new Set() };
    const known = suspects?.size === 1 ? [...suspects] : undefined;
    const { groups, blame } = known ? { groups: [], blame: known } : takeApart(seeds, selection.owners);
    for (const owner of blame) this.#fail(owner, message);
    this.#groups.push(...groups.toReversed());
  }

  /** Nothing is kept of it: the comparison after the reconnect tells what is still to be done. */
  #lost({ selection }: Batch): void {
    this.#groups = [];
    for (const owner of selection.owners) this.#ready.add(owner);
    this.#pausedUntil = this.#options.clock.now() + LOST_PAUSE_MS;
    this.#options.clock.after(LOST_PAUSE_MS, () => this.poke());
  }

  #fail(owner: Owner, message: string): void {
    this.#ready.delete(owner);
    this.#backoffs.fail(owner, message, () => {
      this.#ready.add(owner);
      this.poke();
    });
    this.#options.onChange?.(owner);
  }

  /** The tracker has compared everything: whatever is pending may go. */
  #reconsider(): void {
    this.#groups = [];
    this.#turns.reset();
    this.#pausedUntil = -Infinity;
    for (const owner of this.#parked.keys()) this.#unpark(owner);
    for (const owner of this.#tracker.items.owners()) this.#ready.add(owner);
    this.poke();
  }

  #deposed(): void {
    this.#enabled = false;
    this.#groups = [];
    this.#options.onDeposed?.();
  }

  #touched(owner: Owner, fresh: boolean): void {
    if (fresh) this.#backoffs.forget(owner);
    this.#unpark(owner);
    if (this.#tracker.items.ofOwner(owner).size > 0) this.#ready.add(owner);
    else this.#ready.delete(owner);
    this.#options.onChange?.(owner);
  }

  #wake(id: RowId): void {
    for (const owner of this.#waiting.get(id)) {
      this.#unpark(owner);
      this.#ready.add(owner);
      this.#options.onChange?.(owner);
    }
  }

  #unpark(owner: Owner): void {
    for (const row of this.#parked.take(owner)) this.#waiting.delete(row, owner);
  }

  /** Removals that were held may be free. */
  #release(): void {
    this.#gates = this.#gatesNow();
    for (const owner of this.#held) this.#ready.add(owner);
    this.#held.clear();
  }

  #gatesNow(): string {
    return `${this.#options.inputsSynced()} ${this.#tracker.frozen.blind}`;
  }

  #conflict(key: string): string {
    const owners = this.#tracker.conflicts.get(key) ?? [];
    return `${key} is wanted differently by ${owners.join(' and ')}`;
  }
}

function problem(reason: DeltaProblem['reason'], message: string): DeltaProblem {
  return { reason, message };
}
