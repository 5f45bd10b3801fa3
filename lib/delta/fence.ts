// The fence: a number in one row of the database that only the present leader's transactions match. OVSDB's own lock
// lives in one server process and does not fence on raft; a comparison inside the transaction does. A leader takes its
// number with its first write, so that one with nothing to write writes nothing.
import type { Atom, Operation, Value } from '../ovsdb/types.ts';
import { singletonId } from './ids.ts';
import { isMap } from './shape.ts';
import type { Tracker } from './tracker.ts';

export interface FenceOptions {
  /** A table of one row, with a map column of strings. */
  readonly table: string;
  readonly column: string;
  readonly key: string;
}

type Phase =
  /** Nothing written yet; `base` is the text that the key had when the leadership began. */
  | { readonly kind: 'waiting'; readonly base: string | undefined }
  /** The number has been sent with a batch whose result is not known yet. */
  | { readonly kind: 'taking'; readonly base: string | undefined; readonly text: string }
  | { readonly kind: 'held'; readonly text: string };

export class Fence {
  readonly #tracker: Tracker;
  readonly #options: FenceOptions;
  #phase: Phase | undefined;
  /** The column as it was when a number was sent. */
  #sent: Value | undefined;

  constructor(tracker: Tracker, options: FenceOptions) {
    this.#tracker = tracker;
    this.#options = options;
  }

  /** The number that the database has now, as far as the replica knows; 0 when there is none. */
  get epoch(): number {
    return numberOf(this.#text());
  }

  /** The leadership ends; the next one takes a number of its own. */
  reset(): void {
    this.#phase = undefined;
  }

  /** False when someone else has taken a number since this leadership began. To be asked with a synced tracker. */
  holds(): boolean {
    const now = this.#text();
    this.#phase ??= { kind: 'waiting', base: now };
    if (this.#phase.kind === 'taking' && now === this.#phase.text) this.#phase = { kind: 'held', text: now };
    return now === (this.#phase.kind === 'held' ? this.#phase.text : this.#phase.base);
  }

  /** The operations that begin a transaction; it fails as a whole when they do not match. */
  operations(): Operation[] {
    if (this.#phase?.kind === 'held') return [this.#wait(this.#phase.text)];
    const base = this.#phase?.base;
    const text = String(numberOf(base) + 1);
    this.#phase = { kind: 'taking', base, text };
    const value = new Map([[this.#options.key, text]]);
    const { table, column, key } = this.#options;
    const row = this.#row();
    this.#sent = row;
    if (!row) return [{ op: 'insert', table, uuid: singletonId(table), row: { [column]: value } }];
    const mutations = [
      [column, 'delete', new Set<Atom>([key])],
      [column, 'insert', value],
    ] as const;
    const take: Operation = { op: 'mutate', table, where: this.#where(), mutations };
    return [base === undefined ? this.#unchanged(row) : this.#wait(base), take];
  }

  /**
   * What a refusal says of the fence: that somebody else leads, that the row has changed otherwise meanwhile (another
   * key was written, or the row was made by another), or nothing. `index` is the operation's, from the first of ours;
   * `own` is how many of them are ours.
   */
  verdict(index: number, own: number, code: string): 'deposed' | 'again' | undefined {
    const phase = this.#phase;
    if (phase?.kind !== 'taking') return index === 0 && code === 'timed out' ? 'deposed' : undefined;
    // It was refused, so a number that is there now is not the one that was sent.
    this.#phase = { kind: 'waiting', base: phase.base };
    if (this.#text() !== phase.base) return 'deposed';
    if (index === 0 && phase.base !== undefined) return 'deposed';
    return index < own || this.#row() !== this.#sent ? 'again' : undefined;
  }

  #wait(text: string): Operation {
    const { table, column, key } = this.#options;
    const where = [...this.#where(), [column, 'includes', new Map([[key, text]])] as const];
    return { op: 'wait', timeout: 0, table, where, columns: [column], until: '!=', rows: [] };
  }

  /** There is no condition for the absence of a key, so the first number ever compares the whole column. */
  #unchanged(value: Value): Operation {
    const { table, column } = this.#options;
    const rows = [{ [column]: value }];
    return { op: 'wait', timeout: 0, table, where: this.#where(), columns: [column], until: '==', rows };
  }

  #where(): readonly (readonly ['_uuid', '==', string])[] {
    return [['_uuid', '==', this.#tracker.aliases.real(singletonId(this.#options.table))]];
  }

  #row(): Value | undefined {
    return this.#tracker.judge.found(singletonId(this.#options.table))?.row[this.#options.column];
  }

  #text(): string | undefined {
    const value = this.#row();
    return isMap(value) ? (value.get(this.#options.key) as string | undefined) : undefined;
  }
}

function numberOf(text: string | undefined): number {
  const number = Number(text ?? 0);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}
