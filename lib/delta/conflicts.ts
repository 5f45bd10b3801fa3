// Rows and elements that two owners want differently: held as they are until all but one give way.
import type { Owner } from './fact.ts';
import { Multimap } from './multimap.ts';

export class Conflicts {
  readonly #told: (owner: Owner) => void;
  readonly #byKey = new Map<string, readonly Owner[]>();
  readonly #ofOwner = new Multimap<Owner, string>();
  /** Not looked at since everything is being compared anew. */
  readonly #doubtful = new Set<string>();

  /** `told` hears of each owner that a conflict begins or ends for. */
  constructor(told: (owner: Owner) => void) {
    this.#told = told;
  }

  get all(): ReadonlyMap<string, readonly Owner[]> {
    return this.#byKey;
  }

  of(owner: Owner): ReadonlySet<string> {
    return this.#ofOwner.get(owner);
  }

  has(owner: Owner): boolean {
    return this.#ofOwner.has(owner);
  }

  /** The owners of the conflict about a row or an element; none: there is none. */
  set(key: string, owners: readonly Owner[]): void {
    if (owners.length === 0 && !this.#isConflict(key)) return;
    this.#doubtful.delete(key);
    const before = this.#byKey.get(key) ?? [];
    if (before.length === owners.length && before.every((owner, i) => owner === owners[i])) return;
    if (owners.length > 0) this.#byKey.set(key, owners);
    else this.#byKey.delete(key);
    for (const owner of before) this.#ofOwner.delete(owner, key);
    for (const owner of owners) this.#ofOwner.add(owner, key);
    for (const owner of new Set([...before, ...owners])) this.#told(owner);
  }

  /** Nearly always there is none, and looking for a key means to make its hash. */
  #isConflict(key: string): boolean {
    return this.#byKey.size > 0 && this.#byKey.has(key);
  }

  /** From now on those that `set` does not come by are doubtful. */
  doubt(): void {
    for (const key of this.#byKey.keys()) this.#doubtful.add(key);
  }

  /** Ends what is still doubtful. */
  settle(): void {
    for (const key of this.#doubtful) this.set(key, []);
    this.#doubtful.clear();
  }
}
