// Tells the use of subnets, each at most once per period: a burst of a thousand pods is one status write, not a thousand.
// The first change after quiet is told at once, the last one always.
import type { Clock } from './clock.ts';

export interface UsageReportOptions {
  readonly clock: Clock;
  readonly periodMs: number;
  /** Tells the present use of a subnet, or that there is no such subnet any more. */
  readonly tell: (subnet: string) => void;
}

export class UsageReport {
  readonly #options: UsageReportOptions;
  /** Subnets told less than a period ago: whether they have changed since. */
  readonly #recent = new Map<string, { changed: boolean; cancel: () => void }>();

  constructor(options: UsageReportOptions) {
    this.#options = options;
  }

  changed(subnet: string): void {
    const recent = this.#recent.get(subnet);
    if (recent) recent.changed = true;
    else this.#tell(subnet);
  }

  stop(): void {
    for (const { cancel } of this.#recent.values()) cancel();
    this.#recent.clear();
  }

  #tell(subnet: string): void {
    const cancel = this.#options.clock.after(this.#options.periodMs, () => this.#periodOver(subnet));
    this.#recent.set(subnet, { changed: false, cancel });
    this.#options.tell(subnet);
  }

  #periodOver(subnet: string): void {
    const changed = this.#recent.get(subnet)?.changed ?? false;
    this.#recent.delete(subnet);
    if (changed) this.#tell(subnet);
  }
}
