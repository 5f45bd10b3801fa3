// The pools of one subnet, one per CIDR, with their hold-down. Counts as Kube-OVN's tests do, exactly:
//
//   usable addresses of the CIDR = excluded (gateways too) + using + available
//   available                    = can be given now + held down
//
// An assigned address inside excludeIps counts as excluded, not as using. Must not know who holds an address.
import {
  containsIp,
  formatIp,
  ipRange,
  mergeRanges,
  parseCidr,
  parseIp,
  parseRange,
  rangesContain,
  rangesText,
  subtractRanges,
} from '../../lib/net/index.ts';
import type { Family, Ip } from '../../lib/net/index.ts';
import type { Usage } from '../api/tables.ts';
import { AddressError } from './errors.ts';
import { HoldDown } from './hold-down.ts';
import type { Allocator } from './module.ts';
import { AddressPool } from './pool.ts';

/** Texts as in table `network`. */
export interface SubnetRanges {
  readonly cidrs: readonly string[];
  /** `a` or `a..b`. */
  readonly exclude: readonly string[];
  readonly gateways: readonly string[];
}

type FamilyUsage = Usage['families'][number];

export class SubnetPools {
  readonly #pools: readonly AddressPool[];
  readonly #gateways: readonly Ip[];
  /** Families in order, and the pools of each. */
  readonly #families: readonly Family[];
  readonly #byFamily: ReadonlyMap<Family, readonly AddressPool[]>;
  readonly #text: string;
  readonly #holdDown = new HoldDown();
  /** Addresses with more than one holder, which two objects of the API can claim: how many besides the first. */
  readonly #shared = new Map<string, number>();

  constructor(allocator: Allocator, ranges: SubnetRanges) {
    this.#text = textOf(ranges);
    this.#gateways = ranges.gateways.map(parseIp).filter((ip) => ip !== undefined);
    const exclude = ranges.exclude.map(parseRange).filter((range) => range !== undefined);
    exclude.push(...this.#gateways.map(ipRange));
    const cidrs = ranges.cidrs.map(parseCidr).filter((cidr) => cidr !== undefined);
    cidrs.sort((a, b) => a.family - b.family);
    this.#pools = cidrs.map((cidr) => new AddressPool(allocator, cidr, exclude));
    this.#byFamily = Map.groupBy(this.#pools, (pool) => pool.cidr.family);
    this.#families = [...this.#byFamily.keys()];
  }

  sameRanges(ranges: SubnetRanges): boolean {
    return this.#text === textOf(ranges);
  }

  /** The fixed addresses and a chosen one for each further family; all or nothing. Throws AddressError. */
  allocate(fixed: readonly Ip[], families?: readonly Family[]): Ip[] {
    const odd = fixed.find((ip) => families && !families.includes(ip.family));
    if (odd) throw new AddressError('InvalidIPFamily', `${formatIp(odd)} is not of the family that is asked for`);
    const wanted = families ?? this.#families;
    const given: Ip[] = [];
    try {
      for (const ip of fixed) given.push(this.#claimFixed(ip));
      for (const family of wanted) {
        if (!given.some((ip) => ip.family === family)) given.push(this.#choose(family, wanted.length > 1));
      }
      return given;
    } catch (error) {
      for (const ip of given) this.release(ip);
      throw error;
    }
  }

  /** Marks one address as held, for an assignment that exists already; outside the subnet it is passed over. */
  claim(ip: Ip): void {
    const pool = this.#poolOf(ip);
    if (pool && !pool.claim(ip) && !this.#holdDown.take(ip)) this.#share(ip, 1);
  }

  /** `claim` of many. */
  claimAll(ips: readonly Ip[]): void {
    for (const pool of this.#pools) {
      const inside = ips.filter((ip) => pool.contains(ip));
      if (inside.length === 0) continue;
      for (const [at, fresh] of pool.claimAll(inside).entries()) {
        const ip = inside[at];
        if (ip && !fresh && !this.#holdDown.take(ip)) this.#share(ip, 1);
      }
    }
  }

  /** One holder less. The last one's address is free at once, or when the clock reaches `until`. */
  release(ip: Ip, until?: number): void {
    const pool = this.#poolOf(ip);
    if (!pool || this.#share(ip, -1)) return;
    if (until !== undefined && pool.used(ip)) this.#holdDown.add(ip, until);
    else pool.release(ip);
  }

  /** Returns addresses whose hold-down is over; whether there were any. */
  expire(now: number): boolean {
    const next = this.#holdDown.next;
    if (next === undefined || next > now) return false;
    for (const ip of this.#holdDown.expired(now)) this.#poolOf(ip)?.release(ip);
    return true;
  }

  get nextExpiry(): number | undefined {
    return this.#holdDown.next;
  }

  /** Takes over the hold-down of the pools that these replace. */
  inherit(before: SubnetPools): void {
    for (const { ip, until } of before.#holdDown.entries()) {
      if (this.#poolOf(ip)?.claim(ip)) this.#holdDown.add(ip, until);
    }
  }

  /** How many addresses of a family, or of the scarcest one, can be given now. */
  room(of: Family | 'any'): bigint {
    const families = of === 'any' ? this.#families : [of];
    const rooms = families.map((family) => this.#of(family).reduce((sum, pool) => sum + pool.size - pool.using, 0n));
    return rooms.reduce((least, room) => (room < least ? room : least), rooms[0] ?? 1n << 32n);
  }

  usage(): FamilyUsage[] {
    return this.#families.map((family) => this.#familyUsage(family));
  }

  destroy(): void {
    for (const pool of this.#pools) pool.destroy();
  }

  #familyUsage(family: Family): FamilyUsage {
    const pools = this.#of(family);
    const held = [...this.#holdDown.entries()].map(({ ip }) => ip).filter((ip) => ip.family === family);
    const using = subtractRanges(
      pools.flatMap((pool) => pool.usingRanges()),
      held.map(ipRange),
    );
    const open = mergeRanges(pools.flatMap((pool) => [...pool.open]));
    const size = pools.reduce((sum, pool) => sum + pool.size, 0n);
    const heldOpen = held.filter((ip) => rangesContain(open, ip)).length;
    const count = pools.reduce((sum, pool) => sum + pool.using, 0n) - BigInt(heldOpen);
    return {
      family,
      using: count,
      available: size - count,
      usingRange: rangesText(using),
      availableRange: rangesText(subtractRanges(open, using)),
    };
  }

  #claimFixed(ip: Ip): Ip {
    const pool = this.#poolOf(ip);
    if (!pool || ip.value < pool.usable.first || ip.value > pool.usable.last) {
      throw new AddressError('AddressOutOfRange', `${formatIp(ip)} is not in ${this.#cidrs()}`);
    }
    if (this.#gateways.some((gateway) => gateway.family === ip.family && gateway.value === ip.value)) {
      throw new AddressError('AddressConflict', `${formatIp(ip)} is the gateway`);
    }
    // Whoever asks for this very address gets it also during its hold-down.
    if (pool.claim(ip) || this.#holdDown.take(ip)) return ip;
    throw new AddressError('AddressConflict', `${formatIp(ip)} is in use`, { held: formatIp(ip) });
  }

  /** `among`: further families are needed too. */
  #choose(family: Family, among: boolean): Ip {
    const pools = this.#of(family);
    if (pools.length === 0) throw new AddressError('InvalidIPFamily', `there is no IPv${family} range`);
    for (const pool of pools) {
      const ip = pool.allocate();
      if (ip) return ip;
    }
    const full = among ? 'any' : family;
    throw new AddressError('NoAvailableAddress', `no IPv${family} address is left in ${this.#cidrs()}`, { full });
  }

  /** Adds to the further holders of an address; false when there would be fewer than none. */
  #share(ip: Ip, by: number): boolean {
    if (by < 0 && this.#shared.size === 0) return false;
    const text = formatIp(ip);
    const count = (this.#shared.get(text) ?? 0) + by;
    if (count > 0) this.#shared.set(text, count);
    else this.#shared.delete(text);
    return count >= 0;
  }

  #of(family: Family): readonly AddressPool[] {
    return this.#byFamily.get(family) ?? [];
  }

  #poolOf(ip: Ip): AddressPool | undefined {
    return this.#pools.find((pool) => containsIp(pool.cidr, ip));
  }

  #cidrs(): string {
    return this.#text.split('|')[0] ?? '';
  }
}

const textOf = (ranges: SubnetRanges): string =>
  [ranges.cidrs, ranges.exclude, ranges.gateways].map((list) => list.join(',')).join('|');
