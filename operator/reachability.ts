// Whether gateway nodes can be reached, by what agents of other nodes tell. Most of those who look have to agree: one that
// is cut off itself takes nobody else with it, and an agent that is away says nothing at all. That its own node is cut off
// an agent knows best.

export interface Sighting {
  readonly node: string;
  readonly lost: boolean;
}

/** Gateways that one agent may speak of: more than any cluster has. */
const MOST = 1024;

export class Reachability {
  /** By gateway, then by who tells: whether it is lost. */
  readonly #sightings = new Map<string, Map<string, boolean>>();
  readonly #lost = new Set<string>();
  readonly #changed: (node: string, lost: boolean) => void;

  /** `changed` hears of a node that is lost, or not any more. */
  constructor(changed: (node: string, lost: boolean) => void) {
    this.#changed = changed;
  }

  /** What an agent sees. */
  take(from: string, { node, lost }: Sighting): void {
    const sightings = this.#sightings.get(node) ?? new Map<string, boolean>();
    if (sightings.size >= MOST && !sightings.has(from)) return;
    this.#sightings.set(node, sightings.set(from, lost));
    this.#judge(node);
  }

  /** An agent is not heard any more. */
  left(from: string): void {
    for (const [node, sightings] of this.#sightings) {
      if (!sightings.delete(from)) continue;
      if (sightings.size === 0) this.#sightings.delete(node);
      this.#judge(node);
    }
  }

  /** Nobody is heard any more. */
  clear(): void {
    this.#sightings.clear();
    for (const node of this.#lost) this.#judge(node);
  }

  #judge(node: string): void {
    const sightings = this.#sightings.get(node) ?? new Map<string, boolean>();
    const others = [...sightings].filter(([from]) => from !== node).map(([, lost]) => lost);
    const lost = sightings.get(node) === true || others.filter((other) => other).length * 2 > others.length;
    if (lost === this.#lost.has(node)) return;
    if (lost) this.#lost.add(node);
    else this.#lost.delete(node);
    this.#changed(node, lost);
  }
}
