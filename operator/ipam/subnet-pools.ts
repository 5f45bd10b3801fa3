// The pools of one subnet, with their hold-down: the default one, and those of IPPool objects, whose ranges are carved
// out of it. An address belongs to one pool, whoever asks for it. Counts as Kube-OVN's tests do, exactly:
//
//   usable addresses of the CIDR = excluded (gateways too) + using + available
//   available                    = can be given now + held down
//
// An assigned address inside excludeIps counts as excluded, not as using. Must not know who holds an address.
import {
  cidrRange,
  containsIp,
  formatIp,
  intersectRanges,
  ipRange,
  mergeRanges,
  parseCidr,
  parseIp,
  parseRange,
  rangesContain,
  rangesText,
  subtractRanges,
} from '../../lib/net/index.ts';
import type { Cidr, Family, Ip, Range } from '../../lib/net/index.ts';
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

/** A part of a subnet that is given on request only. */
export interface NamedRanges {
  readonly name: string;
  /** `a` or `a..b`; what lies outside of the subnet is ignored. */
  readonly ranges: readonly string[];
}

/** What is free to choose from: one of the subnet's families or all, of the default pool unless another is named. */
export interface Choice {
  readonly families?: readonly Family[];
  readonly pool?: string;
}

interface Group {
  readonly own: readonly Range[];
  /** One per CIDR. */
  readonly pools: readonly AddressPool[];
}

type FamilyUsage = Usage['families'][number];

const defaultPool = '';

export class SubnetPools {
  readonly #groups: ReadonlyMap<string, Group>;
  readonly #cidrs: readonly Cidr[];
  readonly #gateways: readonly Ip[];
  /** In order. */
  readonly #families: readonly Family[];
  readonly #text: string;
  readonly #holdDown = new HoldDown();
  /** Addresses with more than one holder, which two objects of the API can claim: how many besides the first. */
  readonly #shared = new Map<string, number>();

  /** Of two pools that name one address the first has it. */
  constructor(allocator: Allocator, ranges: SubnetRanges, named: readonly NamedRanges[] = []) {
    this.#text = textOf(ranges, named);
    this.#gateways = ranges.gateways.map(parseIp).filter((ip) => ip !== undefined);
    const exclude = ranges.exclude.map(parseRange).filter((range) => range !== undefined);
    exclude.push(...this.#gateways.map(ipRange));
    this.#cidrs = ranges.cidrs
      .map(parseCidr)
      .filter((cidr) => cidr !== undefined)
      .sort((a, b) => a.family - b.family);
    this.#families = [...new Set(this.#cidrs.map((cidr) => cidr.family))];
    const groups = new Map<string, Group>();
    let rest = mergeRanges(this.#cidrs.map(cidrRange));
    for (const { name, ranges: texts } of named) {
      const own = intersectRanges(
        rest,
        texts.map(parseRange).filter((range) => range !== undefined),
      );
      rest = subtractRanges(rest, own);
      groups.set(name, this.#group(allocator, own, exclude));
    }
    this.#groups = groups.set(defaultPool, this.#group(allocator, rest, exclude));
  }

  #group(allocator: Allocator, own: readonly Range[], exclude: readonly Range[]): Group {
    const pools = this.#cidrs.map((cidr) => {
      const foreign = subtractRanges([cidrRange(cidr)], own);
      return new AddressPool(allocator, cidr, [...exclude, ...foreign]);
    });
    return { own, pools };
  }

  isSame(ranges: SubnetRanges, named: readonly NamedRanges[]): boolean {
    return this.#text === textOf(ranges, named);
  }

  isOfPool(name: string, ip: Ip): boolean {
    return rangesContain(this.#groups.get(name)?.own ?? [], ip);
  }

  /** The fixed addresses and a chosen one for each further family; all or nothing. Throws AddressError. */
  allocate(fixed: readonly Ip[], { families, pool = defaultPool }: Choice): Ip[] {
    const odd = fixed.find((ip) => families && !families.includes(ip.family));
    if (odd) throw new AddressError('InvalidIPFamily', `${formatIp(odd)} is not of the family that is asked for`);
    const wanted = families ?? this.#families;
    const given: Ip[] = [];
    try {
      for (const ip of fixed) given.push(this.#claimFixed(ip));
      for (const family of wanted) {
        if (given.some((ip) => ip.family === family)) continue;
        given.push(this.#choose(family, { pool, full: wanted.length > 1 ? 'any' : family }));
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
    for (const [pool, inside] of Map.groupBy(ips, (ip) => this.#poolOf(ip))) {
      if (!pool) continue;
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
  room(of: Family | 'any', name = defaultPool): bigint {
    const families = of === 'any' ? this.#families : [of];
    const rooms = families.map((family) =>
      this.#of(family, name).reduce((sum, pool) => sum + pool.size - pool.using, 0n),
    );
    return rooms.reduce((least, room) => (room < least ? room : least), rooms[0] ?? 1n << 32n);
  }

  /** Of one pool, or of all together. */
  usage(name?: string): FamilyUsage[] {
    const names = name === undefined ? [...this.#groups.keys()] : [name];
    return this.#families.map((family) =>
      this.#familyUsage(
        family,
        names.flatMap((one) => this.#of(family, one)),
      ),
    );
  }

  destroy(): void {
    for (const { pools } of this.#groups.values()) for (const pool of pools) pool.destroy();
  }

  #familyUsage(family: Family, pools: readonly AddressPool[]): FamilyUsage {
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
      throw new AddressError('AddressOutOfRange', `${formatIp(ip)} is not in ${this.#cidrText()}`);
    }
    if (this.#gateways.some((gateway) => gateway.family === ip.family && gateway.value === ip.value)) {
      throw new AddressError('AddressConflict', `${formatIp(ip)} is the gateway`);
    }
    // Whoever asks for this very address gets it also during its hold-down.
    if (pool.claim(ip) || this.#holdDown.take(ip)) return ip;
    throw new AddressError('AddressConflict', `${formatIp(ip)} is in use`, { held: formatIp(ip) });
  }

  #choose(family: Family, obstacle: { readonly full: Family | 'any'; readonly pool: string }): Ip {
    const name = obstacle.pool;
    if (!this.#families.includes(family)) throw new AddressError('InvalidIPFamily', `there is no IPv${family} range`);
    for (const pool of this.#of(family, name)) {
      const ip = pool.allocate();
      if (ip) return ip;
    }
    const where = name === defaultPool ? this.#cidrText() : `ippool ${name}`;
    throw new AddressError('NoAvailableAddress', `no IPv${family} address is left in ${where}`, obstacle);
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

  #of(family: Family, name: string): readonly AddressPool[] {
    return this.#groups.get(name)?.pools.filter((pool) => pool.cidr.family === family) ?? [];
  }

  #poolOf(ip: Ip): AddressPool | undefined {
    const at = this.#cidrs.findIndex((cidr) => containsIp(cidr, ip));
    if (at < 0) return undefined;
    const groups = this.#groups.size > 1 ? this.#groups : undefined;
    for (const { own, pools } of groups?.values() ?? []) if (rangesContain(own, ip)) return pools[at];
    return this.#groups.get(defaultPool)?.pools[at];
  }

  #cidrText(): string {
    return this.#text.split('|')[0] ?? '';
  }
}

const textOf = ({ cidrs, exclude, gateways }: SubnetRanges, named: readonly NamedRanges[]): string => {
  const pools = named.map(({ name, ranges }) => `${name}=${ranges.join(',')}`);
  return [cidrs.join(','), exclude.join(','), gateways.join(','), ...pools].join('|');
};
