// What is told of the use of addresses: a row per subnet, and one per pool of it.
import type { Ipam } from './ipam.ts';
import type { AssignmentOptions } from './options.ts';

export class ToldUsage {
  readonly #ipam: Ipam;
  readonly #options: Pick<AssignmentOptions, 'enter' | 'usage' | 'poolUsage'>;
  readonly #pools = new Map<string, readonly string[]>();

  constructor(ipam: Ipam, options: Pick<AssignmentOptions, 'enter' | 'usage' | 'poolUsage'>) {
    this.#ipam = ipam;
    this.#options = options;
  }

  /** Tells the present use of a subnet and its pools, or that there is none any more. */
  tell(subnet: string): void {
    const { enter, usage, poolUsage } = this.#options;
    const now = this.#ipam.usage(subnet);
    const pools = this.#ipam.poolUsages(subnet);
    // A pool that has moved is told with its new subnet.
    const gone = (this.#pools.get(subnet) ?? []).filter((pool) => {
      const at = this.#ipam.subnetOfPool(pool);
      return at === undefined || at === subnet;
    });
    if (pools.length === 0) this.#pools.delete(subnet);
    else
      this.#pools.set(
        subnet,
        pools.map(({ pool }) => pool),
      );
    enter(() => {
      if (now) usage.set(subnet, now);
      else usage.delete(subnet);
      const kept = new Set(pools.map(({ pool }) => pool));
      for (const pool of gone) if (!kept.has(pool)) poolUsage.delete(pool);
      for (const one of pools) poolUsage.set(one.pool, one);
    });
  }
}
