// Names that wait for an address, in the order in which they came: each in the queues of what would help it, so that one
// whose wish cannot be met stands in nobody's way.
import type { Obstacle } from './errors.ts';

/** Where to wait: for something inside of a subnet, or for another spec of it. */
export interface Place {
  readonly subnet: string;
  readonly obstacle?: Obstacle;
}

type Full = Extract<Obstacle, { readonly full: unknown }>;

interface Queue {
  readonly full: Full | undefined;
  readonly names: Set<string>;
}

function keyOf({ obstacle }: Place): string {
  if (!obstacle) return '';
  return 'held' in obstacle ? `held ${obstacle.held}` : `full ${obstacle.full} ${obstacle.pool}`;
}

export class Waiters {
  readonly #subnets = new Map<string, Map<string, Queue>>();
  readonly #placesOf = new Map<string, readonly Place[]>();

  /** Queues a name at these places; where it waits already it keeps its turn. Answers the places that it leaves. */
  add(name: string, places: readonly Place[]): readonly Place[] {
    const before = this.#placesOf.get(name) ?? [];
    const left = before.filter((place) => !places.some((other) => isSame(place, other)));
    for (const place of left) this.#leave(place, name);
    this.#placesOf.set(name, places);
    for (const place of places) this.#enter(place, name);
    return left;
  }

  /** The places at which the name waited: who is behind it there may be next. */
  delete(name: string): readonly Place[] {
    const places = this.#placesOf.get(name) ?? [];
    for (const place of places) this.#leave(place, name);
    this.#placesOf.delete(name);
    return places;
  }

  /** The first of each queue for room in a subnet, as many as there is room for; they stay in it. */
  served(subnet: string, room: (full: Full) => bigint): string[] {
    const out: string[] = [];
    for (const { full, names } of this.#subnets.get(subnet)?.values() ?? []) {
      if (full) out.push(...first(names, room(full)));
    }
    return out;
  }

  /** All who wait for this address or MAC of a subnet. */
  wanting(subnet: string, held: string): Iterable<string> {
    return this.#subnets.get(subnet)?.get(keyOf({ subnet, obstacle: { held } }))?.names ?? [];
  }

  /** All who wait at a subnet, for whatever. */
  all(subnet: string): string[] {
    return [...(this.#subnets.get(subnet)?.values() ?? [])].flatMap(({ names }) => [...names]);
  }

  #enter(place: Place, name: string): void {
    const queues = this.#subnets.get(place.subnet) ?? new Map<string, Queue>();
    this.#subnets.set(place.subnet, queues);
    const { obstacle } = place;
    const full = obstacle && 'full' in obstacle ? obstacle : undefined;
    const queue = queues.get(keyOf(place)) ?? { full, names: new Set() };
    queues.set(keyOf(place), queue);
    queue.names.add(name);
  }

  #leave(place: Place, name: string): void {
    const queues = this.#subnets.get(place.subnet);
    const queue = queues?.get(keyOf(place));
    queue?.names.delete(name);
    if (queue?.names.size === 0) queues?.delete(keyOf(place));
    if (queues?.size === 0) this.#subnets.delete(place.subnet);
  }
}

const isSame = (a: Place, b: Place): boolean => a.subnet === b.subnet && keyOf(a) === keyOf(b);

function first(names: ReadonlySet<string>, count: bigint): string[] {
  const out: string[] = [];
  for (const name of names) {
    if (BigInt(out.length) >= count) break;
    out.push(name);
  }
  return out;
}
