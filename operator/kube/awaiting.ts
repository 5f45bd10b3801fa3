// Which writes wait for which owners to be applied; both directions cost as much as the change.
import type { Owner } from '../../lib/delta/fact.ts';

export class Awaiting {
  readonly #targets = new Map<Owner, Set<string>>();
  readonly #owners = new Map<string, readonly Owner[]>();

  /** Targets that wait. */
  get size(): number {
    return this.#owners.size;
  }

  /** The target waits for these owners, and for no others. */
  wait(target: string, owners: readonly Owner[]): void {
    this.arrive(target);
    this.#owners.set(target, owners);
    for (const owner of owners) {
      const targets = this.#targets.get(owner);
      if (targets === undefined) this.#targets.set(owner, new Set([target]));
      else targets.add(target);
    }
  }

  /** The target waits for nobody any more. */
  arrive(target: string): void {
    for (const owner of this.#owners.get(target) ?? []) {
      const targets = this.#targets.get(owner);
      targets?.delete(target);
      if (targets?.size === 0) this.#targets.delete(owner);
    }
    this.#owners.delete(target);
  }

  /** The targets that waited for this owner. They wait for nobody any more: who still has to, says so again. */
  confirmed(owner: Owner): readonly string[] {
    const targets = [...(this.#targets.get(owner) ?? [])];
    for (const target of targets) this.arrive(target);
    return targets;
  }

  clear(): void {
    this.#targets.clear();
    this.#owners.clear();
  }
}
