// The pools of one subnet, with their hold-down: the default one, and those of IPPool objects, whose ranges are carved
// out of it. An address belongs to one pool, whoever asks for it. Counts as Kube-OVN's tests do, exactly:
//
//   usable addresses of the CIDR = excluded (gateways too) + using + available
//   available                    = can be given now + held down + reserved
//
// An assigned address inside excludeIps counts as excluded, not as using. Must not know who holds an address.
import {
  cidrRange,
  compareIp,
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
import type { Family, Ip, Range } from '../../lib/net/index.ts';
import type { Usage } from '../api/tables.ts';
import { AddressError } from './errors.ts';
import { HoldDown } from './hold-down.ts';
import type { Held } from './hold-down.ts';
import type { Allocator } from './module.ts';
import { AddressPool } from './pool.ts';

/** Texts as in table `space`. */
export interface SubnetRanges {
  readonly cidrs: readonly string[];
  /** `a` or `a..b`. */
  readonly exclude: readonly string[];
  readonly gateways: readonly string[];
  /** Addresses of nodes. */
  readonly reserved?: readonly string[];
  /** The gateway's. */
  readonly mac?: string;
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

const noGroups: ReadonlyMap<string, Group> = new Map();

export class SubnetPools {
  readonly #ranges: SubnetRanges;
  readonly #namedRanges: readonly NamedRanges[];
  /** What is left for those who name no pool. */
  readonly #default: Group;
  readonly #named: ReadonlyMap<string, Group>;
  readonly #gateways: readonly Ip[];
  /** Nobody is given these. Few subnets have any. */
  readonly #reserved: ReadonlySet<string> | undefined;
  /** Of them, those that nobody has: assigned to none, so that they are not chosen. */
  readonly #withheld: Set<string> | undefined;
  /** In order. */
  readonly #families: readonly Family[];
  /** Made when first needed, as `#shared`: most subnets are quiet most of the time. */
  #holdDown: HoldDown | undefined;
  /** Addresses with more than one holder, which two objects of the API can claim: how many besides the first. */
  #shared: Map<string, number> | undefined;

  /** Of two pools that name one address the first has it. Keeps what it is given, which must not change. */
  constructor(allocator: Allocator, ranges: SubnetRanges, named: readonly NamedRanges[] = []) {
    this.#ranges = ranges;
    this.#namedRanges = named;
    this.#gateways = ranges.gateways.map(parseIp).filter((ip) => ip !== undefined);
    const exclude = parsedRanges(ranges.exclude);
    exclude.push(...this.#gateways.map(ipRange));
    const cidrs = ranges.cidrs.map(parseCidr).filter((cidr) => cidr !== undefined);
    if (cidrs.length > 1) cidrs.sort((a, b) => a.family - b.family);
    this.#families = families.filter((family) => cidrs.some((cidr) => cidr.family === family));
    const poolsOf = (closed: readonly Range[]): AddressPool[] =>
      cidrs.map((cidr) => new AddressPool(allocator, cidr, closed));
    const whole = cidrs.map(cidrRange);
    const groups = named.length === 0 ? undefined : new Map<string, Group>();
    let rest: readonly Range[] = whole;
    for (const { name, ranges: texts } of named) {
      const own = intersectRanges(rest, parsedRanges(texts));
      rest = subtractRanges(rest, own);
      groups?.set(name, { own, pools: poolsOf([...exclude, ...subtractRanges(whole, own)]) });
    }
    this.#named = groups ?? noGroups;
    const foreign = named.length === 0 ? [] : subtractRanges(whole, rest);
    this.#default = { own: rest, pools: poolsOf([...exclude, ...foreign]) };
    if (!ranges.reserved?.length) return;
    this.#reserved = new Set(ranges.reserved);
    this.#withheld = new Set([...this.#reserved].filter((text) => this.#canWithhold(text)));
  }

  isSame(ranges: SubnetRanges, named: readonly NamedRanges[]): boolean {
    const lists = (of: SubnetRanges): readonly (readonly string[])[] => [
      of.cidrs,
      of.exclude,
      of.gateways,
      of.reserved ?? [],
    ];
    const before = lists(this.#ranges);
    if (!lists(ranges).every((list, at) => sameTexts(list, before[at]))) return false;
    const past = this.#namedRanges;
    return (
      named.length === past.length &&
      named.every(({ name, ranges: own }, at) => name === past[at]?.name && sameTexts(own, past[at].ranges))
    );
  }

  isOfPool(name: string, ip: Ip): boolean {
    return rangesContain(this.#group(name)?.own ?? [], ip);
  }

  /** The fixed addresses and a chosen one for each further family; all or nothing. Throws AddressError. */
  allocate(fixed: readonly Ip[], choice: Choice): Ip[] {
    const given: Ip[] = [];
    try {
      const rested = this.#giveFixed(fixed, choice, given);
      this.#giveChosen(fixed, choice, given);
      for (const ip of rested) if (this.#holdDown?.take(ip)) given.push(ip);
      return given;
    } catch (error) {
      for (const ip of given) this.release(ip);
      throw error;
    }
  }

  /**
   * Assigns these and adds them to `given`, but for those that are held down, and so assigned already: whoever asks for
   * one gets it all the same, once all that he asks for can be had.
   */
  #giveFixed(fixed: readonly Ip[], { families }: Choice, given: Ip[]): readonly Ip[] {
    if (fixed.length === 0) return fixed;
    const odd = fixed.find((ip) => families?.includes(ip.family) === false);
    if (odd) throw new AddressError('InvalidIPFamily', `${formatIp(odd)} is not of the family that is asked for`);
    const rested: Ip[] = [];
    for (const ip of fixed) (this.#claimFixed(ip, rested) ? given : rested).push(ip);
    return rested;
  }

  #giveChosen(fixed: readonly Ip[], { families = this.#families, pool = defaultPool }: Choice, given: Ip[]): void {
    for (const family of families) {
      if (fixed.some((ip) => ip.family === family)) continue;
      given.push(this.#choose(family, { pool, full: families.length > 1 ? 'any' : family }));
    }
  }

  /** Marks one address as held, for an assignment that exists already; outside the subnet it is passed over. */
  claim(ip: Ip): void {
    const pool = this.#poolOf(ip);
    if (pool && !pool.claim(ip) && !this.#isUnheld(ip)) this.#share(ip, 1);
  }

  /** `claim` of many. */
  claimAll(ips: readonly Ip[]): void {
    for (const [pool, inside] of Map.groupBy(ips, (ip) => this.#poolOf(ip))) {
      if (!pool) continue;
      for (const [at, fresh] of pool.claimAll(inside).entries()) {
        const ip = inside[at];
        if (ip && !fresh && !this.#isUnheld(ip)) this.#share(ip, 1);
      }
    }
  }

  /** One holder less. The last one's address is free at once, or when the clock reaches `until`. */
  release(ip: Ip, until?: number): void {
    const pool = this.#poolOf(ip);
    if (!pool || this.#share(ip, -1)) return;
    if (this.#reserved?.has(formatIp(ip))) this.#withheld?.add(formatIp(ip));
    else if (until !== undefined && pool.used(ip)) this.#hold(ip, until);
    else pool.release(ip);
  }

  /** Returns addresses whose hold-down is over; whether there were any. */
  expire(now: number): boolean {
    if (!this.#holdDown) return false;
    const expired = this.#holdDown.expired(now);
    for (const ip of expired) this.#poolOf(ip)?.release(ip);
    return expired.length > 0;
  }

  get nextExpiry(): number | undefined {
    return this.#holdDown?.next;
  }

  /** Takes over the hold-down of the pools that these replace. */
  inherit(before: SubnetPools): void {
    for (const { ip, until } of before.#heldDown()) {
      if (this.#poolOf(ip)?.claim(ip)) this.#hold(ip, until);
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
    const names = name === undefined ? [defaultPool, ...this.#named.keys()] : [name];
    return this.#families.map((family) =>
      this.#familyUsage(
        family,
        names.flatMap((one) => this.#of(family, one)),
      ),
    );
  }

  destroy(): void {
    for (const { pools } of [this.#default, ...this.#named.values()]) for (const pool of pools) pool.destroy();
  }

  #familyUsage(family: Family, pools: readonly AddressPool[]): FamilyUsage {
    const withheld = [...(this.#withheld ?? [])].map(parseIp).filter((ip) => ip !== undefined);
    const idle = [...[...this.#heldDown()].map(({ ip }) => ip), ...withheld];
    const held = idle.filter((ip) => ip.family === family);
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

  /** False when it is held down; `rested`: those of them that are asked for with it. */
  #claimFixed(ip: Ip, rested: readonly Ip[]): boolean {
    const pool = this.#poolOf(ip);
    if (!pool?.isUsable(ip)) {
      throw new AddressError('AddressOutOfRange', `${formatIp(ip)} is not in ${this.#cidrText()}`);
    }
    if (this.#gateways.some((gateway) => gateway.family === ip.family && gateway.value === ip.value)) {
      throw new AddressError('AddressConflict', `${formatIp(ip)} is the gateway`);
    }
    if (this.#reserved?.has(formatIp(ip)))
      throw new AddressError('AddressConflict', `${formatIp(ip)} is the address of a node`);
    if (pool.claim(ip)) return true;
    if (this.#holdDown?.has(ip) && !rested.some((other) => compareIp(other, ip) === 0)) return false;
    throw new AddressError('AddressConflict', `${formatIp(ip)} is in use`, { held: formatIp(ip) });
  }

  #choose(family: Family, obstacle: { readonly full: Family | 'any'; readonly pool: string }): Ip {
    const name = obstacle.pool;
    if (!this.#families.includes(family)) throw new AddressError('InvalidIPFamily', `there is no IPv${family} range`);
    for (const pool of this.#group(name)?.pools ?? []) {
      const ip = pool.cidr.family === family ? pool.allocate() : undefined;
      if (ip) return ip;
    }
    const where = name === defaultPool ? this.#cidrText() : `ippool ${name}`;
    throw new AddressError('NoAvailableAddress', `no IPv${family} address is left in ${where}`, obstacle);
  }

  #canWithhold(text: string): boolean {
    const ip = parseIp(text);
    return ip !== undefined && this.#poolOf(ip)?.claim(ip) === true;
  }

  /** An address that is assigned and has no holder has one from now on. */
  #isUnheld(ip: Ip): boolean {
    return this.#holdDown?.take(ip) === true || this.#withheld?.delete(formatIp(ip)) === true;
  }

  /** Adds to the further holders of an address; false when there would be fewer than none. */
  #share(ip: Ip, by: number): boolean {
    if (by < 0 && !this.#shared) return false;
    this.#shared ??= new Map();
    const text = formatIp(ip);
    const count = (this.#shared.get(text) ?? 0) + by;
    if (count > 0) this.#shared.set(text, count);
    else this.#shared.delete(text);
    if (this.#shared.size === 0) this.#shared = undefined;
    return count >= 0;
  }

  #hold(ip: Ip, until: number): void {
    (this.#holdDown ??= new HoldDown()).add(ip, until);
  }

  #heldDown(): Iterable<Held> {
    return this.#holdDown?.entries() ?? [];
  }

  #group(name: string): Group | undefined {
    return name === defaultPool ? this.#default : this.#named.get(name);
  }

  #of(family: Family, name: string): readonly AddressPool[] {
    return this.#group(name)?.pools.filter((pool) => pool.cidr.family === family) ?? [];
  }

  #poolOf(ip: Ip): AddressPool | undefined {
    const { pools } = this.#default;
    const at = pools.findIndex((pool) => pool.contains(ip));
    if (at < 0 || this.#named.size === 0) return pools[at];
    for (const group of this.#named.values()) if (rangesContain(group.own, ip)) return group.pools[at];
    return pools[at];
  }

  #cidrText(): string {
    return this.#ranges.cidrs.join(',');
  }
}

const families: readonly Family[] = [4, 6];

const parsedRanges = (texts: readonly string[]): Range[] =>
  texts.map(parseRange).filter((range) => range !== undefined);

const sameTexts = (a: readonly string[], b: readonly string[] | undefined): boolean =>
  a.length === b?.length && a.every((text, at) => text === b[at]);
