// The rows of table `ip` as claims on addresses: feeds them to the allocator and tells which of two rows with one
// address has the better right. Must not write anything to the API.
import type { IpRow } from '../api/tables.ts';
import type { Ipam } from './ipam.ts';

/** Of two rows with one address the older keeps it, then the lower UID: the same everywhere, whoever asks. */
export function precedes(a: IpRow, b: IpRow): boolean {
  if (a.created !== b.created) return a.created < b.created;
  return a.meta.uid < b.meta.uid;
}

/** Key of an address of a subnet. */
const claimKey = (subnet: string, address: string): string => `${subnet}|${address}`;

export class Ledger {
  readonly #ipam: Ipam;
  readonly #rows = new Map<string, IpRow>();
  /** Names of the rows that state an address. Nearly always one, kept without a set; more are a conflict. */
  readonly #claims = new Map<string, string | Set<string>>();

  constructor(ipam: Ipam) {
    this.#ipam = ipam;
  }

  row(name: string): IpRow | undefined {
    return this.#rows.get(name);
  }

  names(): IterableIterator<string> {
    return this.#rows.keys();
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Takes a new state of a row, undefined when it is gone. Returns the names whose right may have changed. */
  change(name: string, row: IpRow | undefined): string[] {
    const before = this.#rows.get(name);
    const touched = new Set<string>([name]);
    for (const key of keysOf(before)) this.#withdraw(key, name, touched);
    if (row) this.#rows.set(name, row);
    else this.#rows.delete(name);
    for (const key of keysOf(row)) this.#state(key, name, touched);
    if (before && before.subnet !== row?.subnet) this.#ipam.release(before.subnet, name);
    if (row && isHolding(row)) this.#ipam.hold(row.subnet, name, row.addresses, row.mac);
    return [...touched];
  }

  /** The row that holds an address of this one with better right; undefined when this one may keep all of its. */
  winner(name: string): IpRow | undefined {
    const row = this.#rows.get(name);
    if (!row) return undefined;
    for (const key of keysOf(row)) {
      for (const other of this.#claimants(key)) {
        const rival = this.#rows.get(other);
        if (rival && rival !== row && precedes(rival, row)) return rival;
      }
    }
    return undefined;
  }

  #state(key: string, name: string, touched: Set<string>): void {
    const names = this.#claims.get(key);
    if (names === undefined) this.#claims.set(key, name);
    else if (typeof names !== 'string') names.add(name);
    else if (names !== name) this.#claims.set(key, new Set([names, name]));
    for (const other of this.#claimants(key)) touched.add(other);
  }

  #withdraw(key: string, name: string, touched: Set<string>): void {
    const names = this.#claims.get(key);
    if (names === name) this.#claims.delete(key);
    if (names === undefined || typeof names === 'string') return;
    names.delete(name);
    const [last] = names;
    if (names.size === 1 && last !== undefined) this.#claims.set(key, last);
    for (const other of names) touched.add(other);
  }

  #claimants(key: string): Iterable<string> {
    const names = this.#claims.get(key) ?? [];
    return typeof names === 'string' ? [names] : names;
  }
}

/** One that somebody made without an address holds what was chosen for it since. */
const isHolding = ({ subnet, addresses, ownerUid }: IpRow): boolean =>
  subnet !== '' && (addresses.length > 0 || ownerUid !== '');

function keysOf(row: IpRow | undefined): string[] {
  return row && row.subnet !== '' ? row.addresses.map((address) => claimKey(row.subnet, address)) : [];
}
