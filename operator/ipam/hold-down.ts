// Addresses that were freed a moment ago and are not given out yet: caches elsewhere (ARP, conntrack, a slow client)
// still know their former holder. Time is the caller's.
import { formatIp } from '../../lib/net/index.ts';
import type { Ip } from '../../lib/net/index.ts';

export interface Held {
  readonly ip: Ip;
  readonly until: number;
}

/** A queue by end of hold-down. All entries are held equally long, so the order of entry is the order of expiry. */
export class HoldDown {
  readonly #held = new Map<string, Held>();

  add(ip: Ip, until: number): void {
    this.#held.set(formatIp(ip), { ip, until });
  }

  /** Ends the hold-down of this address early; whether it was held. */
  take(ip: Ip): boolean {
    return this.#held.size > 0 && this.#held.delete(formatIp(ip));
  }

  /** Removes and gives those whose time is over. */
  expired(now: number): Ip[] {
    const out: Ip[] = [];
    for (const [key, { ip, until }] of this.#held) {
      if (until > now) break;
      this.#held.delete(key);
      out.push(ip);
    }
    return out;
  }

  /** When the next one is over; undefined when none is held. */
  get next(): number | undefined {
    const [first] = this.#held.values();
    return first?.until;
  }

  entries(): IterableIterator<Held> {
    return this.#held.values();
  }
}
