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
  countAddresses,
  mergeRanges,
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
  readonly #allocator: Allocator;
  /** The highest address of the prefix. */
  readonly #last: bigint;
  /** Window 0. Most pools have no other, and what is in no map costs no look-up. */
  #first: PoolHandle | undefined;
  #further: Map<bigint, PoolHandle> | undefined;
  /** Whether window 0 is the whole prefix, as for IPv4 and IPv6 /64; offsets then need no division. */
  readonly #single: boolean;

  /** `exclude` may name addresses of other prefixes; they are ignored. */
  constructor(allocator: Allocator, cidr: Cidr, exclude: readonly Range[]) {
    this.cidr = cidr;
    this.#allocator = allocator;
    this.#last = broadcastAddress(cidr).value;
    this.open = subtractRanges([usableRange(cidr)], exclude);
    this.size = countAddresses(this.open);
    this.#single = span(cidr) <= 1n << WINDOW_BITS;
  }

  contains(ip: Ip): boolean {
    return ip.family === this.cidr.family && ip.value >= this.cidr.network && ip.value <= this.#last;
  }

  /** Whether the address may be assigned at all: not so the network's and the broadcast address, where there are such. */
  isUsable(ip: Ip): boolean {
    if (!this.contains(ip)) return false;
    const isEdge = ip.value === this.cidr.network || ip.value === this.#last;
    return !isEdge || this.#last - this.cidr.network < 2n;
  }

  /** The next address, undefined when none is left. */
  allocate(): Ip | undefined {
    if (this.#single) return this.#allocateIn(0n);
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
    const window = this.#present(index);
    return window !== undefined && this.#allocator.used(window, offset);
  }

  /** Number of open addresses that are assigned. */
  get using(): bigint {
    let sum = 0n;
    for (const [, window] of this.#windows()) sum += BigInt(this.#allocator.counts(window).open);
    return sum;
  }

  /** Open addresses that are assigned, merged. O(ranges). */
  usingRanges(): Range[] {
    const out: Range[] = [];
    for (const [index, window] of this.#windows()) {
      const base = this.cidr.network + (index << WINDOW_BITS);
      for (const { first, last } of this.#allocator.ranges(window)) {
        out.push({ family: this.cidr.family, first: base + first, last: base + last });
      }
    }
    return mergeRanges(out);
  }

  /** Gives the module's memory back. The pool must not be used any more. */
  destroy(): void {
    for (const [, window] of this.#windows()) this.#allocator.destroy(window);
    this.#first = this.#further = undefined;
  }

  #place(ip: Ip): [index: bigint, offset: bigint] {
    const offset = ip.value - this.cidr.network;
    if (this.#single) return [0n, offset];
    return [offset >> WINDOW_BITS, offset & WINDOW_LAST];
  }

  #present(index: bigint): PoolHandle | undefined {
    return index === 0n ? this.#first : this.#further?.get(index);
  }

  *#windows(): Generator<[index: bigint, window: PoolHandle]> {
    if (this.#first !== undefined) yield [0n, this.#first];
    if (this.#further) yield* this.#further;
  }

  #window(index: bigint): PoolHandle {
    const present = this.#present(index);
    if (present !== undefined) return present;
    const window = this.#made(index);
    if (index === 0n) this.#first = window;
    else (this.#further ??= new Map()).set(index, window);
    return window;
  }

  /** A new window, closed where the prefix has no open addresses. */
  #made(index: bigint): PoolHandle {
    const start = index << WINDOW_BITS;
    const rest = this.#last - this.cidr.network - start;
    const last = rest < WINDOW_LAST ? rest : WINDOW_LAST;
    const window = this.#allocator.create(last);
    const family = this.cidr.family;
    const base = this.cidr.network + start;
    const here: Range = { family, first: base, last: base + last };
    for (const range of subtractRanges([here], this.open)) {
      this.#allocator.close(window, { first: range.first - base, last: range.last - base });
    }
    return window;
  }
}
