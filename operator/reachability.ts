// Whether gateway nodes can be reached, by what agents of other nodes tell. Most of those who look have to agree: one that
// is cut off itself takes nobody else with it, and an agent that is away says nothing at all. That its own node is cut off
// an agent knows best. That another is lost it says again and again: what nobody repeats may be of somebody who is no more
// heard, long before the end of his connection tells.
import type { Clock } from './kube/clock.ts';

export interface Sighting {
  readonly node: string;
  readonly lost: boolean;
}

interface Seen {
  readonly lost: boolean;
  readonly forget: () => void;
}

/** Gateways that one agent may speak of: more than any cluster has. */
const MOST = 1024;
/** For so long a loss counts that is not repeated, ms; agents repeat it every second. */
const staleMs = 5000;
const nothing = (): void => undefined;

export class Reachability {
  /** By gateway, then by who tells. */
  readonly #sightings = new Map<string, Map<string, Seen>>();
  readonly #lost = new Set<string>();
  readonly #clock: Pick<Clock, 'after'>;
  readonly #changed: (node: string, lost: boolean) => void;

  /** `changed` hears of a node that is lost, or not any more. */
  constructor(clock: Pick<Clock, 'after'>, changed: (node: string, lost: boolean) => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  /** What an agent sees. */
  take(from: string, { node, lost }: Sighting): void {
    const sightings = this.#sightings.get(node) ?? new Map<string, Seen>();
    if (sightings.size >= MOST && !sightings.has(from)) return;
    sightings.get(from)?.forget();
    const forget = lost && from !== node ? this.#clock.after(staleMs, () => this.#drop(from, node)) : nothing;
    this.#sightings.set(node, sightings.set(from, { lost, forget }));
    this.#judge(node);
  }

  /** An agent is not heard any more. */
  left(from: string): void {
    for (const node of this.#sightings.keys()) this.#drop(from, node);
  }

  /** Nobody is heard any more. */
  clear(): void {
    for (const sightings of this.#sightings.values()) for (const { forget } of sightings.values()) forget();
    this.#sightings.clear();
    for (const node of this.#lost) this.#judge(node);
  }

  #drop(from: string, node: string): void {
    const sightings = this.#sightings.get(node);
    sightings?.get(from)?.forget();
    if (sightings?.delete(from) !== true) return;
    if (sightings.size === 0) this.#sightings.delete(node);
    this.#judge(node);
  }

  #judge(node: string): void {
    const sightings = [...(this.#sightings.get(node) ?? [])];
    const others = sightings.filter(([from]) => from !== node).map(([, seen]) => seen.lost);
    const own = sightings.some(([from, seen]) => from === node && seen.lost);
    const lost = own || others.filter((other) => other).length * 2 > others.length;
    if (lost === this.#lost.has(node)) return;
    if (lost) this.#lost.add(node);
    else this.#lost.delete(node);
    this.#changed(node, lost);
  }
}
