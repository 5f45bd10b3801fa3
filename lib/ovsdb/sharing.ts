// What the values of many rows have in common is kept once: of 100,000 ports all have the same keys in external_ids, most the
// same few values there, and `up` as a set of one boolean. A Set of one element is 150 bytes, a short text 24.
// What has more values than COMMON is not common: it is not remembered at all then, so a copy is never held up by its pools.
import type { Atom } from './types.ts';
import type { Elements } from './wire.ts';

/** Different values of a column, or of a map's key, beyond which they are taken to be each row's own. */
const COMMON = 1024;

/** What was met, by the atom; undefined once that was too much. */
type Pool<T> = Map<Atom, T> | undefined;

/** A key as it is kept, and the values that were met with it. */
interface KnownKey {
  readonly key: Atom;
  values: Pool<Atom>;
}

/** The set of one that was made last in a row: the next column may hold the same (a port's addresses and port_security). */
export interface LastSet {
  atom: Atom | undefined;
  set: ReadonlySet<Atom>;
}

export const lastSet = (): LastSet => ({ atom: undefined, set: new Set() });

/** Elements of one column's values. */
export class ColumnSharing implements Elements {
  readonly #last: LastSet;
  #sets: Pool<ReadonlySet<Atom>> = new Map();
  readonly #keys = new Map<Atom, KnownKey>();

  /** `last` is that of the row: one for all columns of a table. */
  constructor(last: LastSet) {
    this.#last = last;
  }

  only(atom: Atom): ReadonlySet<Atom> {
    const last = this.#last;
    if (last.atom !== atom) {
      last.set = this.#sets?.get(atom) ?? this.#remembered(atom, new Set([atom]));
      last.atom = atom;
    }
    return last.set;
  }

  put(map: Map<Atom, Atom>, key: Atom, value: Atom): void {
    const known = this.#keys.get(key) ?? this.#known(key);
    if (known === undefined) map.set(key, value);
    else map.set(known.key, commonValue(known, value));
  }

  #remembered(atom: Atom, set: ReadonlySet<Atom>): ReadonlySet<Atom> {
    if (this.#sets?.size === COMMON) this.#sets = undefined;
    this.#sets?.set(atom, set);
    return set;
  }

  /** Not for keys beyond the limit, such as the addresses in Load_Balancer.vips. */
  #known(key: Atom): KnownKey | undefined {
    if (this.#keys.size === COMMON) return undefined;
    const known: KnownKey = { key, values: new Map() };
    this.#keys.set(key, known);
    return known;
  }
}

function commonValue(known: KnownKey, value: Atom): Atom {
  const common = known.values?.get(value);
  if (common !== undefined) return common;
  if (known.values?.size === COMMON) known.values = undefined;
  known.values?.set(value, value);
  return value;
}
