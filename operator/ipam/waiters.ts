// Names that wait for an address, per subnet in the order in which they came.
export class Waiters {
  readonly #bySubnet = new Map<string, Set<string>>();
  readonly #subnetsOf = new Map<string, readonly string[]>();

  /** Queues a name at each subnet that could serve it; a name that waits already keeps its place. */
  add(name: string, subnets: readonly string[]): void {
    const before = this.#subnetsOf.get(name) ?? [];
    for (const subnet of before) if (!subnets.includes(subnet)) this.#leave(subnet, name);
    this.#subnetsOf.set(name, subnets);
    for (const subnet of subnets) {
      const queue = this.#bySubnet.get(subnet) ?? new Set();
      this.#bySubnet.set(subnet, queue.add(name));
    }
  }

  /** The subnets at which the name waited: who is behind it there may be next. */
  delete(name: string): readonly string[] {
    const subnets = this.#subnetsOf.get(name) ?? [];
    for (const subnet of subnets) this.#leave(subnet, name);
    this.#subnetsOf.delete(name);
    return subnets;
  }

  /** The first ones of a subnet's queue; they stay in it. */
  first(subnet: string, count: bigint): string[] {
    const out: string[] = [];
    for (const name of this.#bySubnet.get(subnet) ?? []) {
      if (BigInt(out.length) >= count) break;
      out.push(name);
    }
    return out;
  }

  #leave(subnet: string, name: string): void {
    const queue = this.#bySubnet.get(subnet);
    queue?.delete(name);
    if (queue?.size === 0) this.#bySubnet.delete(subnet);
  }
}
