// Writes that have succeeded and show in table `ip` only when the watch gets there: none of them is repeated meanwhile.
import type { IpRow } from '../api/tables.ts';
import type { Clock } from './clock.ts';

interface Entry {
  readonly row: IpRow;
  readonly action: string;
  readonly cancel: () => void;
}

export class Awaited {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #entries = new Map<string, Entry>();

  /** `ms`: how long to believe that the watch will still tell. */
  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  has(name: string, row: IpRow, action: string): boolean {
    const entry = this.#entries.get(name);
    return entry?.row === row && entry.action === action;
  }

  /** Awaits the outcome of an action on this row; `late` when it does not show in time. */
  add(name: string, { row, action }: Omit<Entry, 'cancel'>, late: () => void): void {
    this.#forget(name);
    const cancel = this.#clock.after(this.#ms, () => {
      this.#entries.delete(name);
      late();
    });
    this.#entries.set(name, { row, action, cancel });
  }

  /** The table shows this now. */
  seen(name: string, row: IpRow | undefined): void {
    if (this.#entries.get(name)?.row !== row) this.#forget(name);
  }

  clear(): void {
    for (const name of this.#entries.keys()) this.#forget(name);
  }

  #forget(name: string): void {
    this.#entries.get(name)?.cancel();
    this.#entries.delete(name);
  }
}
