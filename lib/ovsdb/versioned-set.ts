// Large sets that change by a few elements at a time, such as the 10,000 ports of a switch. The newest version owns the one
// Set there is, and a version that it replaced knows what differs (Baker's persistent arrays):
//
//   oldest --{p7}--> older --{p3,p9}--> newest --> Set {p1,p2,...}
//
// So a change costs its own size, reading the newest costs what a Set costs, and old versions stay as they were for whoever
// holds one; nobody does for long, and then nothing of them is left.
import type { Atom } from './types.ts';

/** Below this many elements a copy costs less than what is saved. */
const SHARED_FROM = 64;

/** `set` with those elements of `difference` removed that it has and the others added. Neither argument changes. */
export function toggled(set: ReadonlySet<Atom>, difference: ReadonlySet<Atom>): ReadonlySet<Atom> {
  if (set instanceof VersionedSet) return set.next(difference);
  // The engine copies the table of a Set in one go here, far cheaper than adding its elements one by one.
  const changed = set.symmetricDifference(difference);
  return changed.size < SHARED_FROM ? changed : new VersionedSet(changed);
}

/** What a version keeps that is not the newest: what follows it, and the elements that only one of the two has. */
interface Replaced {
  readonly after: VersionedSet;
  readonly difference: ReadonlySet<Atom>;
}

function toggle(elements: Set<Atom>, difference: ReadonlySet<Atom>): void {
  for (const atom of difference) if (!elements.delete(atom)) elements.add(atom);
}

/**
 * One version; never changes for its readers. `instanceof Set` holds for it, since that is how many tell sets from maps, and
 * methods of Set that are not here (those that would change it) throw TypeError.
 */
class VersionedSet implements ReadonlySet<Atom> {
  readonly size: number;
  #content: Set<Atom> | Replaced;
  /** Elements toggled since the Set was made: bounds what a version that is held for long keeps alive. */
  readonly #age: number;
  /** Iterations that have begun and not ended. */
  #readers = 0;

  /** Takes ownership of `elements`. */
  constructor(elements: Set<Atom>, age = 0) {
    this.#content = elements;
    this.size = elements.size;
    this.#age = age;
  }

  /** The version with a difference applied, in time proportional to the difference when this is the newest one. */
  next(difference: ReadonlySet<Atom>): VersionedSet {
    const elements = this.#content;
    // An iteration that is under way has to go on over what it began with, and it may never be ended.
    if (!(elements instanceof Set) || this.#readers > 0 || this.#age > elements.size) {
      return new VersionedSet(this.symmetricDifference(difference));
    }
    toggle(elements, difference);
    const next = new VersionedSet(elements, this.#age + difference.size);
    this.#content = { after: next, difference };
    return next;
  }

  has(atom: Atom): boolean {
    let content = this.#content;
    let toggles = false;
    while (!(content instanceof Set)) {
      if (content.difference.has(atom)) toggles = !toggles;
      content = content.after.#content;
    }
    return content.has(atom) !== toggles;
  }

  /** A Set of these elements, made if this version has none. */
  #elements(): Set<Atom> {
    const differences: ReadonlySet<Atom>[] = [];
    let content = this.#content;
    while (!(content instanceof Set)) {
      differences.push(content.difference);
      content = content.after.#content;
    }
    if (differences.length === 0) return content;
    const elements = new Set(content);
    for (const difference of differences) toggle(elements, difference);
    this.#content = elements;
    return elements;
  }

  *values(): SetIterator<Atom> {
    const elements = this.#elements();
    this.#readers += 1;
    try {
      yield* elements;
    } finally {
      this.#readers -= 1;
    }
  }

  *entries(): SetIterator<[Atom, Atom]> {
    for (const atom of this.values()) yield [atom, atom];
  }

  keys(): SetIterator<Atom> {
    return this.values();
  }

  [Symbol.iterator](): SetIterator<Atom> {
    return this.values();
  }

  forEach(callback: (value: Atom, key: Atom, set: ReadonlySet<Atom>) => void, thisArg?: unknown): void {
    for (const atom of this.values()) callback.call(thisArg, atom, atom, this);
  }

  union<T>(other: ReadonlySetLike<T>): Set<Atom | T> {
    return this.#elements().union(other);
  }

  intersection<T>(other: ReadonlySetLike<T>): Set<Atom & T> {
    return this.#elements().intersection(other);
  }

  difference<T>(other: ReadonlySetLike<T>): Set<Atom> {
    return this.#elements().difference(other);
  }

  symmetricDifference<T>(other: ReadonlySetLike<T>): Set<Atom | T> {
    return this.#elements().symmetricDifference(other);
  }

  isSubsetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#elements().isSubsetOf(other);
  }

  isSupersetOf(other: ReadonlySetLike<unknown>): boolean {
    return this.#elements().isSupersetOf(other);
  }

  isDisjointFrom(other: ReadonlySetLike<unknown>): boolean {
    return this.#elements().isDisjointFrom(other);
  }

  /** What console.log shows. */
  [Symbol.for('nodejs.util.inspect.custom')](): ReadonlySet<Atom> {
    return new Set(this.#elements());
  }
}

Object.setPrototypeOf(VersionedSet.prototype, Set.prototype);
