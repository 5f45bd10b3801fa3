// Who holds which address of which subnet, in memory. Holdings are kept apart from pools: a subnet may come after its
// addresses, change its range or go and come back, and what is held stays held. Must not know the API, pods or time
// beyond the clock that it is given.
import {
  canonicalIp,
  compareIp,
  formatIp,
  formatMac,
  isUnicastMac,
  parseIp,
  parseMac,
  randomMac,
} from '../../lib/net/index.ts';
import type { Family, Ip, RandomBytes } from '../../lib/net/index.ts';
import { AddressError } from './errors.ts';
import { Holders } from './holders.ts';
import type { Held } from './holders.ts';
import type { Allocator } from './module.ts';
import { SubnetPools } from './subnet-pools.ts';
import type { NamedRanges, SubnetRanges } from './subnet-pools.ts';
import type { PoolUsage, Usage } from '../api/tables.ts';

export interface IpamOptions {
  readonly allocator: Allocator;
  /** Milliseconds on a clock that never jumps. */
  readonly now: () => number;
  readonly random: RandomBytes;
  /** How long a released address is kept back, ms. Longer protects slow caches, shorter serves small subnets. */
  readonly holdDownMs: number;
  /**
   * Called after the use or the room of a subnet has changed, with the addresses and MACs that one may ask for again;
   * must not call back.
   */
  readonly changed?: (subnet: string, freed: readonly string[]) => void;
}

/** What a key asks for; absent fields are chosen. */
export interface Wants {
  /** Exact addresses; families that they leave out are chosen too, unless `families` says otherwise. */
  readonly addresses?: readonly string[];
  /** '' for none. */
  readonly mac?: string;
  readonly families?: readonly Family[];
  /** The part of the subnet to choose from. */
  readonly pool?: string;
}

/** What a key holds. Addresses canonical, IPv4 first. */
export interface Holding {
  readonly addresses: readonly string[];
  readonly mac: string;
}

/** A pool of a subnet; of two that overlap, the lower in text order of `precedence` has the address. */
export interface NamedPool extends NamedRanges {
  readonly subnet: string;
  readonly precedence: string;
}

interface SubnetState {
  /** Both undefined while there is no subnet of the name. */
  ranges: SubnetRanges | undefined;
  pools: SubnetPools | undefined;
  /** In order of precedence. */
  named: readonly NamedPool[];
  readonly holders: Holders;
}

export class Ipam {
  readonly #options: IpamOptions;
  readonly #subnets = new Map<string, SubnetState>();
  readonly #named = new Map<string, NamedPool>();

  constructor(options: IpamOptions) {
    this.#options = options;
  }

  /** Makes or changes a subnet. What is held stays held; addresses outside the new range are remembered, not counted. */
  setSubnet(name: string, ranges: SubnetRanges): void {
    const state = this.#state(name);
    state.ranges = ranges;
    this.#rebuild(state);
  }

  /** Forgets the subnet, not what is held of it. */
  removeSubnet(name: string): void {
    const state = this.#subnets.get(name);
    if (!state) return;
    state.ranges = undefined;
    this.#rebuild(state);
    this.#tidy(name);
  }

  /** Makes or changes a pool of a subnet, which may come later; its free addresses are its own from now on. */
  setPool(pool: NamedPool): void {
    this.removePool(pool.name, pool.subnet);
    this.#named.set(pool.name, pool);
    const state = this.#state(pool.subnet);
    const others = state.named.filter(({ name }) => name !== pool.name);
    state.named = [...others, pool].sort((a, b) => (a.precedence < b.precedence ? -1 : 1));
    this.#rebuild(state);
  }

  /** Its addresses are the default pool's again. Nothing happens when it is in the subnet `except`. */
  removePool(name: string, except?: string): void {
    const pool = this.#named.get(name);
    if (!pool || pool.subnet === except) return;
    this.#named.delete(name);
    const state = this.#state(pool.subnet);
    state.named = state.named.filter((other) => other.name !== name);
    this.#rebuild(state);
    this.#tidy(pool.subnet);
  }

  /** The subnet of a pool. */
  subnetOfPool(name: string): string | undefined {
    return this.#named.get(name)?.subnet;
  }

  /** Whether these addresses of a subnet are of this pool of it. */
  isOfPool(name: string, subnet: string, addresses: readonly string[]): boolean {
    const pools = this.subnetOfPool(name) === subnet ? this.#subnets.get(subnet)?.pools : undefined;
    return pools !== undefined && readable(addresses).every((address) => pools.isOfPool(name, parsed(address)));
  }

  #rebuild(state: SubnetState): void {
    const { ranges, named, pools: before } = state;
    if (ranges && before?.isSame(ranges, named)) return;
    state.pools = ranges && new SubnetPools(this.#options.allocator, ranges, named);
    state.pools?.claimAll([...state.holders.addresses()].map(parsed));
    if (before) state.pools?.inherit(before);
    before?.destroy();
  }

  hasSubnet(name: string): boolean {
    return this.#subnets.get(name)?.pools !== undefined;
  }

  /** Assigns addresses to a key that holds none in the subnet. Throws AddressError; then nothing is assigned. */
  allocate(subnet: string, key: string, wants: Wants = {}): Holding {
    return this.#assign(subnet, key, wants.addresses?.map(parsed) ?? [], wants);
  }

  /** `allocate` of exactly these addresses. */
  claim(subnet: string, key: string, addresses: readonly string[], mac?: string): Holding {
    const fixed = addresses.map(parsed);
    const families = fixed.map((ip) => ip.family);
    return this.#assign(subnet, key, fixed, mac === undefined ? { families } : { families, mac });
  }

  /**
   * Makes what a key holds exactly this, as the API says it: for assignments that exist already. Never fails; addresses
   * that someone else holds, or outside the subnet, are recorded for the key without being counted twice.
   */
  hold(subnet: string, key: string, addresses: readonly string[], mac: string): void {
    const state = this.#state(subnet);
    const now = readable(addresses);
    const before = state.holders.remove(key) ?? unheld;
    const gone = without(before.addresses, now);
    for (const address of without(now, before.addresses)) state.pools?.claim(parsed(address));
    this.#free(state, gone, before.fixed);
    state.holders.add(key, { addresses: now, mac, fixed: before.fixed });
    this.#tidy(subnet);
    this.#options.changed?.(subnet, freed(gone, before.mac));
  }

  /** Frees what a key holds; false when it held nothing. Without `unused`, chosen addresses are held down first. */
  release(subnet: string, key: string, unused = false): boolean {
    const state = this.#subnets.get(subnet);
    const held = state?.holders.remove(key);
    if (!state || !held) return false;
    this.#free(state, held.addresses, held.fixed || unused);
    this.#tidy(subnet);
    this.#options.changed?.(subnet, freed(held.addresses, held.mac));
    return true;
  }

  /** A MAC that nobody holds in the subnet; not assigned. */
  freeMac(subnet: string): string {
    return formatMac(this.#newMac(this.#state(subnet)));
  }

  holding(subnet: string, key: string): Holding | undefined {
    const held = this.#subnets.get(subnet)?.holders.get(key);
    return held && holdingOf(held);
  }

  /** Returns the addresses whose hold-down is over to their pools. */
  expire(): void {
    const now = this.#options.now();
    for (const [name, { pools }] of this.#subnets) if (pools?.expire(now)) this.#options.changed?.(name, []);
  }

  /** When the next hold-down is over, undefined when there is none. */
  get nextExpiry(): number | undefined {
    const ends = [...this.#subnets.values()].map((state) => state.pools?.nextExpiry).filter((end) => end !== undefined);
    return ends.length > 0 ? Math.min(...ends) : undefined;
  }

  /** How many keys could be served with a chosen address of this family, or of each, now. */
  room(subnet: string, of: Family | 'any' = 'any', pool?: string): bigint {
    return this.#subnets.get(subnet)?.pools?.room(of, pool) ?? 0n;
  }

  /** Exact counts and ranges: available = count - excluded - using. Undefined without the subnet. O(ranges). */
  usage(subnet: string): Usage | undefined {
    const pools = this.#subnets.get(subnet)?.pools;
    return pools && { subnet, families: pools.usage() };
  }

  /** The same for each pool of the subnet by itself. */
  poolUsages(subnet: string): PoolUsage[] {
    const { pools, named } = this.#subnets.get(subnet) ?? { named: [] };
    return pools ? named.map(({ name }) => ({ pool: name, families: pools.usage(name) })) : [];
  }

  #assign(subnet: string, key: string, fixed: readonly Ip[], wants: Wants): Holding {
    const state = this.#usable(subnet);
    if (state.holders.get(key))
      throw new AddressError('AddressConflict', `${key} holds addresses of ${subnet} already`);
    const mac = this.#macFor(state, key, wants.mac);
    const ips = state.pools.allocate(fixed, wants);
    // What is chosen comes in the order of the families.
    if (ips.length > 1 && (fixed.length > 0 || wants.families)) ips.sort(compareIp);
    const held: Held = {
      addresses: ips.map(formatIp),
      mac: mac === undefined ? '' : formatMac(mac),
      fixed: fixed.length > 0,
    };
    state.holders.add(key, held, mac);
    this.#options.changed?.(subnet, []);
    return holdingOf(held);
  }

  #state(name: string): SubnetState {
    const present = this.#subnets.get(name);
    if (present) return present;
    const state: SubnetState = { ranges: undefined, pools: undefined, named: [], holders: new Holders() };
    this.#subnets.set(name, state);
    return state;
  }

  #usable(name: string): SubnetState & { pools: SubnetPools } {
    const state = this.#subnets.get(name);
    if (!state?.pools) throw new AddressError('NoSubnet', `subnet ${name} does not exist or cannot be used`);
    state.pools.expire(this.#options.now());
    return state as SubnetState & { pools: SubnetPools };
  }

  #tidy(name: string): void {
    const state = this.#subnets.get(name);
    if (state && !state.pools && state.holders.size + state.named.length === 0) this.#subnets.delete(name);
  }

  #free(state: SubnetState, addresses: readonly string[], atOnce: boolean): void {
    const { now, holdDownMs } = this.#options;
    const until = atOnce || holdDownMs <= 0 ? undefined : now() + holdDownMs;
    for (const address of addresses) state.pools?.release(parsed(address), until);
  }

  #macFor(state: SubnetState, key: string, wanted: string | undefined): number | undefined {
    if (wanted === undefined) return this.#newMac(state);
    return wanted === '' ? undefined : this.#wantedMac(state, key, wanted);
  }

  #newMac(state: SubnetState): number {
    for (;;) {
      const mac = randomMac(this.#options.random);
      if (state.holders.holderOf(mac) === undefined) return mac;
    }
  }

  #wantedMac(state: SubnetState, key: string, wanted: string): number {
    const mac = isUnicastMac(wanted) ? parseMac(wanted) : undefined;
    if (mac === undefined) throw new AddressError('AddressOutOfRange', `${wanted} is not a unicast MAC`);
    const text = formatMac(mac);
    if (text === state.ranges?.mac) throw new AddressError('AddressConflict', `MAC ${text} is that of the gateway`);
    const holder = state.holders.holderOf(mac);
    if (holder === undefined || holder === key) return mac;
    throw new AddressError('AddressConflict', `MAC ${wanted} is held by ${holder}`, { held: text });
  }
}

const unheld: Held = { addresses: [], mac: '', fixed: false };

const freed = (addresses: readonly string[], mac: string): string[] =>
  mac === '' ? [...addresses] : [...addresses, mac];

const without = (addresses: readonly string[], minus: readonly string[]): readonly string[] =>
  minus.length === 0 ? addresses : addresses.filter((address) => !minus.includes(address));

/** The addresses among these texts, each once. */
const readable = (texts: readonly string[]): readonly string[] =>
  texts
    .map(canonicalText)
    .filter((address) => address !== undefined)
    .filter((address, at, all) => all.indexOf(address) === at);

/** `canonicalIp`; the text itself when it is canonical, so that there is only one of it. */
function canonicalText(text: string): string | undefined {
  const canonical = canonicalIp(text);
  return canonical === text ? text : canonical;
}

function parsed(text: string): Ip {
  const ip = parseIp(text);
  if (!ip) throw new AddressError('AddressOutOfRange', `${text} is not an address`);
  return ip;
}

const holdingOf = ({ addresses, mac }: Held): Holding => ({ addresses, mac });
