// What the allocator must do, in the plainest way: lists of addresses and a scan for the first that will do. Written from
// what Kube-OVN does (the first never used, then the lowest released; pools carved out of the default one; excluded
// addresses on request only and never back; a change of a range or of its pools forgets what was used before) and from
// what is added here: a released address rests, and no failure leaves a trace but that an address was used.
// Knows 10.0.0.0 to 10.0.0.255 and fd00:: to fd00::ffff.
import type { Family } from '../../../lib/net/index.ts';
import type { NamedPool, Wants } from '../../../operator/ipam/ipam.ts';
import type { SubnetRanges } from '../../../operator/ipam/subnet-pools.ts';

export interface Holding {
  readonly addresses: readonly string[];
  readonly mac: string;
  /** Asked for by address. */
  readonly fixed: boolean;
}

interface Subnet {
  readonly ranges: SubnetRanges;
  readonly pools: readonly NamedPool[];
  /** Given since the last change of ranges or pools. */
  readonly spent: Set<string>;
  /** Released not long ago: until when nobody is given the address. */
  readonly resting: Map<string, number>;
}

/** Why there is no address: the reason alone. */
export class Refused extends Error {}

export const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4);
export const addressOf = (family: Family, last: number): string =>
  family === 4 ? `10.0.0.${last}` : `fd00::${last === 0 ? '' : last.toString(16)}`;

function lastOf(address: string): number {
  const digits = familyOf(address) === 4 ? address.slice('10.0.0.'.length) : address.slice('fd00::'.length);
  return familyOf(address) === 4 ? Number(digits) : Number.parseInt(digits || '0', 16);
}

/** `a`, or `a..b`, as a list. */
function listed(range: string): string[] {
  const [from = '', to = from] = range.split('..');
  const [first, last] = [lastOf(from), lastOf(to)];
  if (familyOf(from) !== familyOf(to)) return [];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => addressOf(familyOf(from), first + at));
}

/** All addresses of a CIDR in order. */
function allOf(cidr: string): string[] {
  const [network = '', length] = cidr.split('/');
  const family = familyOf(network);
  const count = 2 ** ((family === 4 ? 32 : 128) - Number(length));
  return Array.from({ length: count }, (_, at) => addressOf(family, lastOf(network) + at));
}

/** Without network and broadcast address, where there are such. */
const usableOf = (cidr: string): string[] => (allOf(cidr).length > 2 ? allOf(cidr).slice(1, -1) : allOf(cidr));

export class Model {
  readonly #holdDownMs: number;
  readonly #ranges = new Map<string, SubnetRanges>();
  readonly #pools = new Map<string, NamedPool>();
  readonly #subnets = new Map<string, Subnet>();
  readonly #held = new Map<string, Map<string, Holding>>();

  constructor(holdDownMs: number) {
    this.#holdDownMs = holdDownMs;
  }

  /** The same world in another process: what is written in the API, and nothing else. */
  restarted(): Model {
    const next = new Model(this.#holdDownMs);
    for (const [subnet, holdings] of this.#held) {
      for (const [key, holding] of holdings) next.#of(subnet).set(key, { ...holding, fixed: false });
    }
    for (const [name, ranges] of this.#ranges) next.#ranges.set(name, ranges);
    for (const [name, pool] of this.#pools) next.#pools.set(name, pool);
    for (const name of this.#ranges.keys()) next.#changed(name);
    return next;
  }

  setSubnet(name: string, ranges: SubnetRanges): void {
    this.#ranges.set(name, ranges);
    this.#changed(name);
  }

  removeSubnet(name: string): void {
    this.#ranges.delete(name);
    this.#subnets.delete(name);
  }

  setPool(pool: NamedPool): void {
    const before = this.#pools.get(pool.name);
    this.#pools.set(pool.name, pool);
    if (before) this.#changed(before.subnet);
    this.#changed(pool.subnet);
  }

  removePool(name: string): void {
    const before = this.#pools.get(name);
    this.#pools.delete(name);
    if (before) this.#changed(before.subnet);
  }

  get ranges(): ReadonlyMap<string, SubnetRanges> {
    return this.#ranges;
  }

  get pools(): ReadonlyMap<string, NamedPool> {
    return this.#pools;
  }

  holdings(subnet: string): ReadonlyMap<string, Holding> {
    return this.#of(subnet);
  }

  /** `mac`: what the allocator has drawn, if it has. Throws Refused. */
  allocate(name: string, key: string, wants: Wants, mac: string): Holding {
    const subnet = this.#subnets.get(name);
    if (!subnet) throw new Refused('NoSubnet');
    if (this.#of(name).has(key)) throw new Refused('AddressConflict');
    if (wants.mac !== undefined) this.#checkMac(name, wants.mac);
    const given = this.#given(name, subnet, wants);
    for (const address of given) subnet.resting.delete(address);
    const holding = {
      addresses: given.sort(byFamily),
      mac: wants.mac ?? mac,
      fixed: (wants.addresses ?? []).length > 0,
    };
    this.#of(name).set(key, holding);
    return holding;
  }

  #checkMac(name: string, mac: string): void {
    if (!/^[0-9a-f][02468ace]:/.test(mac)) throw new Refused('AddressOutOfRange');
    if (this.hasMac(name, mac)) throw new Refused('AddressConflict');
  }

  #given(name: string, subnet: Subnet, { addresses = [], families, pool = '' }: Wants): string[] {
    if (addresses.some((address) => families?.includes(familyOf(address)) === false)) {
      throw new Refused('InvalidIPFamily');
    }
    const given: string[] = [];
    for (const address of addresses) given.push(this.#asked(name, subnet, address, given));
    for (const family of families ?? this.#familiesOf(name)) {
      const isGiven = addresses.some((address) => familyOf(address) === family);
      if (!isGiven) given.push(this.#chosen(name, subnet, family, pool));
    }
    return given;
  }

  /** What the API says that a key holds, whatever it held before. */
  hold(name: string, key: string, { addresses, mac }: Omit<Holding, 'fixed'>, now: number): void {
    const before = this.#of(name).get(key) ?? { addresses: [], mac: '', fixed: false };
    const after = { addresses: [...new Set(addresses)], mac, fixed: before.fixed };
    this.#of(name).delete(key);
    if (after.addresses.length > 0 || mac !== '') this.#of(name).set(key, after);
    const subnet = this.#subnets.get(name);
    for (const address of after.addresses.filter((one) => this.#isInside(name, one))) {
      subnet?.spent.add(address);
      subnet?.resting.delete(address);
    }
    const gone = before.addresses.filter((address) => !after.addresses.includes(address));
    this.#leave(name, gone, after.fixed ? undefined : now + this.#holdDownMs);
  }

  release(name: string, key: string, unused: boolean, now: number): boolean {
    const before = this.#of(name).get(key);
    if (!before) return false;
    this.#of(name).delete(key);
    this.#leave(name, before.addresses, unused || before.fixed ? undefined : now + this.#holdDownMs);
    return true;
  }

  expire(now: number): void {
    for (const { resting } of this.#subnets.values()) {
      for (const [address, until] of resting) if (until <= now) resting.delete(address);
    }
  }

  get nextExpiry(): number | undefined {
    const ends = [...this.#subnets.values()].flatMap(({ resting }) => [...resting.values()]);
    return ends.length > 0 ? Math.min(...ends) : undefined;
  }

  hasMac(name: string, mac: string): boolean {
    return [...this.#of(name).values()].some((holding) => holding.mac === mac);
  }

  /** Addresses of a family that are given without being asked for: held, and all; of one pool or of the whole subnet. */
  counts(name: string, pool?: string): { family: Family; using: string[]; open: string[] }[] {
    return this.#familiesOf(name).map((family) => {
      const open = this.#open(name, family).filter((one) => pool === undefined || this.#poolOf(name, one) === pool);
      return { family, using: open.filter((address) => this.#isHeld(name, address)), open };
    });
  }

  /** How many of a family could be given now to who names this pool. */
  room(name: string, family: Family, pool: string): number {
    return this.#free(name, family, pool).length;
  }

  #of(subnet: string): Map<string, Holding> {
    const present = this.#held.get(subnet) ?? new Map<string, Holding>();
    this.#held.set(subnet, present);
    return present;
  }

  /** Ranges or pools are set: when they are others than before, what was used is forgotten, but for what is held or rests. */
  #changed(name: string): void {
    const ranges = this.#ranges.get(name);
    if (!ranges) return;
    const pools = [...this.#pools.values()]
      .filter(({ subnet }) => subnet === name)
      .sort((a, b) => (a.precedence < b.precedence ? -1 : 1));
    const before = this.#subnets.get(name);
    const parts = (of: readonly NamedPool[]): unknown => of.map((pool) => [pool.name, pool.ranges]);
    const text = JSON.stringify([ranges, parts(pools)]);
    if (before && JSON.stringify([before.ranges, parts(before.pools)]) === text) return;
    const inside = (address: string): boolean => ranges.cidrs.some((cidr) => allOf(cidr).includes(address));
    const resting = new Map([...(before?.resting ?? [])].filter(([address]) => inside(address)));
    const held = [...this.#of(name).values()].flatMap(({ addresses }) => addresses);
    this.#subnets.set(name, { ranges, pools, spent: new Set([...held, ...resting.keys()]), resting });
  }

  /** This very address, for a key. */
  #asked(name: string, { ranges, spent }: Subnet, address: string, given: readonly string[]): string {
    if (!ranges.cidrs.some((cidr) => usableOf(cidr).includes(address))) throw new Refused('AddressOutOfRange');
    if (ranges.gateways.includes(address)) throw new Refused('AddressConflict');
    if (this.#isHeld(name, address) || given.includes(address)) throw new Refused('AddressConflict');
    spent.add(address);
    return address;
  }

  #chosen(name: string, { spent }: Subnet, family: Family, pool: string): string {
    if (!this.#familiesOf(name).includes(family)) throw new Refused('InvalidIPFamily');
    const free = this.#free(name, family, pool);
    const address = free.find((one) => !spent.has(one)) ?? free[0];
    if (address === undefined) throw new Refused('NoAvailableAddress');
    spent.add(address);
    return address;
  }

  #familiesOf(name: string): Family[] {
    const families = this.#subnets.get(name)?.ranges.cidrs.map(familyOf) ?? [];
    return ([4, 6] as const).filter((family) => families.includes(family));
  }

  /** Usable and not excluded, in order. */
  #open(name: string, family: Family): string[] {
    const { cidrs = [], exclude = [], gateways = [] } = this.#subnets.get(name)?.ranges ?? {};
    const closed = [...exclude.flatMap(listed), ...gateways];
    return cidrs
      .filter((cidr) => familyOf(cidr) === family)
      .flatMap(usableOf)
      .filter((address) => !closed.includes(address));
  }

  #free(name: string, family: Family, pool: string): string[] {
    const resting = this.#subnets.get(name)?.resting;
    return this.#open(name, family).filter(
      (one) => this.#poolOf(name, one) === pool && !this.#isHeld(name, one) && !resting?.has(one),
    );
  }

  /** The first pool that names the address, else the default one. */
  #poolOf(name: string, address: string): string {
    const pools = this.#subnets.get(name)?.pools ?? [];
    return pools.find(({ ranges }) => ranges.flatMap(listed).includes(address))?.name ?? '';
  }

  #isHeld(name: string, address: string): boolean {
    return [...this.#of(name).values()].some(({ addresses }) => addresses.includes(address));
  }

  #isInside(name: string, address: string): boolean {
    return this.#subnets.get(name)?.ranges.cidrs.some((cidr) => allOf(cidr).includes(address)) ?? false;
  }

  /** Frees what nobody holds any more: at once, or to rest first. */
  #leave(name: string, addresses: readonly string[], until: number | undefined): void {
    if (until === undefined) return;
    for (const address of addresses) {
      if (this.#isHeld(name, address) || !this.#isInside(name, address)) continue;
      this.#subnets.get(name)?.resting.set(address, until);
    }
  }
}

const byFamily = (a: string, b: string): number => familyOf(a) - familyOf(b) || lastOf(a) - lastOf(b);
