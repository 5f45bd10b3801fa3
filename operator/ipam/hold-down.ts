// Addresses that were freed a moment ago and are not given out yet: caches elsewhere (ARP, conntrack, a slow client)
// still know their former holder. Time is the caller's.
import type { Family, Ip } from '../../lib/net/index.ts';

export interface Held {
  readonly ip: Ip;
  readonly until: number;
}

/** A queue by end of hold-down. All entries are held equally long, so the order of entry is the order of expiry. */
export class HoldDown {
  /** In order of expiry from `#first` on; those that are not in `#held` any more were taken. */
  #queue: Held[] = [];
  #first = 0;
  readonly #held: Readonly<Record<Family, Map<bigint, Held>>> = { 4: new Map(), 6: new Map() };

  add(ip: Ip, until: number): void {
    const held = { ip, until };
    this.#held[ip.family].set(ip.value, held);
    this.#queue.push(held);
  }

  has(ip: Ip): boolean {
    return this.#held[ip.family].has(ip.value);
  }

  /** Ends the hold-down of this address early; whether it was held. */
  take(ip: Ip): boolean {
    return this.#held[ip.family].delete(ip.value);
  }

  /** Removes and gives those whose time is over. */
  expired(now: number): Ip[] {
    const out: Ip[] = [];
    for (let held = this.#head(); held && held.until <= now; held = this.#head()) {
      this.take(held.ip);
      out.push(held.ip);
    }
    return out;
  }

  /** When the next one is over; undefined when none is held. */
  get next(): number | undefined {
    return this.#head()?.until;
  }

  *entries(): Generator<Held> {
    for (const held of this.#queue) if (this.#isHeld(held)) yield held;
  }

  /** The first that is still held. Constant cost over the life of an entry: what was passed over is dropped in bulk. */
  #head(): Held | undefined {
    let held = this.#queue[this.#first];
    while (held && !this.#isHeld(held)) held = this.#queue[++this.#first];
    if (this.#first * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#first);
      this.#first = 0;
    }
    return held;
  }

  #isHeld(held: Held): boolean {
    return this.#held[held.ip.family].get(held.ip.value) === held;
  }
}
