// The addresses of one CIDR: between addresses and the allocator module's offsets. Holds no names and no policy.
//
//   network                                                      broadcast
//   | 0 | 1 ................ 2^64 - 1 | 2^64 ...        |    ...    |
//     closed  window 0 (a pool of the module)   window 1 ...     closed
//
// A window is made when it is first needed. Prefixes of /64 and longer have one; shorter ones more, and all but the
// first few are never touched.
import {
  broadcastAddress,
  cidrRange,
  containsIp,
  countAddresses,
  intersectRanges,
  mergeRanges,
  rangesContain,
  span,
  subtractRanges,
  usableRange,
} from '../../lib/net/index.ts';
import type { Cidr, Ip, Range } from '../../lib/net/index.ts';
import type { Allocator, PoolHandle } from './module.ts';

const WINDOW_BITS = 64n;
const WINDOW_LAST = (1n << WINDOW_BITS) - 1n;

export class AddressPool {
  readonly cidr: Cidr;
  /** Addresses that may be given without being asked for, merged. */
  readonly open: readonly Range[];
  /** Number of open addresses, assigned or not: the usable addresses of the prefix less what is excluded. */
  readonly size: bigint;
  /** First and last address that may be assigned at all. */
  readonly usable: Range;
  readonly #allocator: Allocator;
  readonly #closed: readonly Range[];
  readonly #windows = new Map<bigint, PoolHandle>();
  /** Whether window 0 is the whole prefix, as for IPv4 and IPv6 /64; offsets then need no division. */
  readonly #single: boolean;

  /** `exclude` may name addresses of other prefixes; they are ignored. */
  constructor(allocator: Allocator, cidr: Cidr, exclude: readonly Range[]) {
    this.cidr = cidr;
    this.#allocator = allocator;
    this.usable = usableRange(cidr);
    this.open = subtractRanges([this.usable], exclude);
    this.size = countAddresses(this.open);
    this.#single = span(cidr) <= 1n << WINDOW_BITS;
    this.#closed = subtractRanges([cidrRange(cidr)], this.open);
  }

  contains(ip: Ip): boolean {
    return containsIp(this.cidr, ip);
  }

  /** Whether the address returns to the pool and counts as using; network, broadcast and excluded ones do not. */
  isOpen(ip: Ip): boolean {
    return rangesContain(this.open, ip);
  }

  /** The next address, undefined when none is left. */
  allocate(): Ip | undefined {
    if (this.#single) return this.size > 0n ? this.#allocateIn(0n) : undefined;
    for (const range of this.open) {
      const [first, last] = [range.first - this.cidr.network, range.last - this.cidr.network];
      for (let index = first >> WINDOW_BITS; index <= last >> WINDOW_BITS; index++) {
        const ip = this.#allocateIn(index);
        if (ip) return ip;
        // A window that lies in the range whole has 2^64 addresses and is never full, so this ends.
      }
    }
    return undefined;
  }

  #allocateIn(index: bigint): Ip | undefined {
    const offset = this.#allocator.allocate(this.#window(index));
    if (offset === undefined) return undefined;
    const { family, network } = this.cidr;
    return { family, value: index === 0n ? network + offset : network + (index << WINDOW_BITS) + offset };
  }

  /** Assigns this address of the prefix, open or not; false when it is assigned already. */
  claim(ip: Ip): boolean {
    const [index, offset] = this.#place(ip);
    return this.#allocator.claim(this.#window(index), offset) === 'ok';
  }

  /** Assigns many; all must be of the prefix. False for those that were assigned already, in order. */
  claimAll(ips: readonly Ip[]): boolean[] {
    if (!this.#single) return ips.map((ip) => this.claim(ip));
    const offsets = ips.map((ip) => ip.value - this.cidr.network);
    return this.#allocator.claimAll(this.#window(0n), offsets).map((status) => status === 'ok');
  }

  /** Frees an assigned address; false when it was not assigned. */
  release(ip: Ip): boolean {
    const [index, offset] = this.#place(ip);
    return this.#allocator.release(this.#window(index), offset) === 'ok';
  }

  used(ip: Ip): boolean {
    const [index, offset] = this.#place(ip);
    const window = this.#windows.get(index);
    return window !== undefined && this.#allocator.used(window, offset);
  }

  /** Number of open addresses that are assigned. */
  get using(): bigint {
    let sum = 0n;
    for (const window of this.#windows.values()) sum += BigInt(this.#allocator.counts(window).open);
    return sum;
  }

  /** Open addresses that are assigned, merged. O(ranges). */
  usingRanges(): Range[] {
    const out: Range[] = [];
    for (const [index, window] of this.#windows) {
      const base = this.cidr.network + (index << WINDOW_BITS);
      for (const { first, last } of this.#allocator.ranges(window)) {
        out.push({ family: this.cidr.family, first: base + first, last: base + last });
      }
    }
    return mergeRanges(out);
  }

  /** Gives the module's memory back. The pool must not be used any more. */
  destroy(): void {
    for (const window of this.#windows.values()) this.#allocator.destroy(window);
    this.#windows.clear();
  }

  #last(): bigint {
    return broadcastAddress(this.cidr).value - this.cidr.network;
  }

  #place(ip: Ip): [index: bigint, offset: bigint] {
    const offset = ip.value - this.cidr.network;
    if (this.#single) return [0n, offset];
    return [offset >> WINDOW_BITS, offset & WINDOW_LAST];
  }

  #window(index: bigint): PoolHandle {
    const present = this.#windows.get(index);
    if (present !== undefined) return present;
    const start = index << WINDOW_BITS;
    const rest = this.#last() - start;
    const last = rest < WINDOW_LAST ? rest : WINDOW_LAST;
    const window = this.#allocator.create(last);
    this.#windows.set(index, window);
    const family = this.cidr.family;
    const base = this.cidr.network + start;
    const here: Range = { family, first: base, last: base + last };
    for (const range of intersectRanges(this.#closed, [here])) {
      this.#allocator.close(window, { first: range.first - base, last: range.last - base });
    }
    return window;
  }
}
