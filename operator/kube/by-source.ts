// Facts as writers keep them: each source replaces its whole output, and facts are looked up by what they are about.

/** Facts by source and, at the same time, by target; both directions cost as much as the change. */
export class BySource<F> {
  readonly #target: (fact: F) => string;
  readonly #bySource = new Map<string, readonly F[]>();
  readonly #byTarget = new Map<string, Map<string, F[]>>();

  constructor(target: (fact: F) => string) {
    this.#target = target;
  }

  /** The source now wants exactly these. Returns the targets that may look different. */
  replace(source: string, facts: readonly F[]): ReadonlySet<string> {
    const touched = new Set<string>();
    for (const fact of this.#bySource.get(source) ?? []) {
      const target = this.#target(fact);
      const sources = this.#byTarget.get(target);
      sources?.delete(source);
      if (sources?.size === 0) this.#byTarget.delete(target);
      touched.add(target);
    }
    if (facts.length === 0) this.#bySource.delete(source);
    else this.#bySource.set(source, facts);
    for (const fact of facts) {
      const target = this.#target(fact);
      this.#add(target, source, fact);
      touched.add(target);
    }
    return touched;
  }

  /** All facts about a target, in an order that depends on their sources alone. */
  at(target: string): readonly F[] {
    const sources = this.#byTarget.get(target);
    if (sources === undefined) return [];
    if (sources.size === 1) return [...sources.values()].flat();
    return [...sources].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, facts]) => facts);
  }

  targets(): IterableIterator<string> {
    return this.#byTarget.keys();
  }

  #add(target: string, source: string, fact: F): void {
    let sources = this.#byTarget.get(target);
    if (sources === undefined) this.#byTarget.set(target, (sources = new Map()));
    const facts = sources.get(source);
    if (facts === undefined) sources.set(source, [fact]);
    else facts.push(fact);
  }
}
