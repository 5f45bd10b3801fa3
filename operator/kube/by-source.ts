// Facts as writers keep them: each source replaces its whole output, and facts are looked up by what they are about.

/** What one source says of a target. */
interface Said<F> {
  readonly source: string;
  readonly facts: readonly F[];
}

/**
 * Facts by source and, at the same time, by target; both directions cost as much as the change. Nearly every target is
 * spoken of by one source alone, so that one is kept without a map around it.
 */
export class BySource<F> {
  readonly #target: (fact: F) => string;
  readonly #bySource = new Map<string, readonly F[]>();
  readonly #byTarget = new Map<string, Said<F> | Map<string, readonly F[]>>();

  constructor(target: (fact: F) => string) {
    this.#target = target;
  }

  /** The source now wants exactly these. Returns the targets that may look different. */
  replace(source: string, facts: readonly F[]): ReadonlySet<string> {
    const touched = new Set<string>();
    for (const fact of this.#bySource.get(source) ?? []) {
      const target = this.#target(fact);
      if (!touched.has(target)) this.#remove(target, source);
      touched.add(target);
    }
    if (facts.length === 0) this.#bySource.delete(source);
    else this.#bySource.set(source, facts);
    for (const [target, some] of this.#grouped(facts)) {
      this.#add(target, { source, facts: some });
      touched.add(target);
    }
    return touched;
  }

  /** All facts about a target, in an order that depends on their sources alone. */
  at(target: string): readonly F[] {
    const said = this.#byTarget.get(target);
    if (said === undefined) return [];
    if (!(said instanceof Map)) return said.facts;
    return [...said].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, facts]) => facts);
  }

  targets(): IterableIterator<string> {
    return this.#byTarget.keys();
  }

  // The list itself when all of it is about one target, as it nearly always is.
  #grouped(facts: readonly F[]): Iterable<readonly [string, readonly F[]]> {
    const [first] = facts;
    if (first === undefined) return [];
    const target = this.#target(first);
    if (facts.every((fact) => this.#target(fact) === target)) return [[target, facts]];
    return Map.groupBy(facts, this.#target);
  }

  #add(target: string, { source, facts }: Said<F>): void {
    const said = this.#byTarget.get(target);
    if (said === undefined) this.#byTarget.set(target, { source, facts });
    else if (said instanceof Map) said.set(source, facts);
    else {
      const both = new Map([
        [said.source, said.facts],
        [source, facts],
      ]);
      this.#byTarget.set(target, both);
    }
  }

  #remove(target: string, source: string): void {
    const said = this.#byTarget.get(target);
    if (said === undefined) return;
    if (!(said instanceof Map)) {
      if (said.source === source) this.#byTarget.delete(target);
      return;
    }
    said.delete(source);
    const [last] = said;
    if (said.size === 1 && last !== undefined) this.#byTarget.set(target, { source: last[0], facts: last[1] });
  }
}
