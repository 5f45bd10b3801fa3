// The product's graph under a world of policies: told what changes from world to world, as an API server would, and
// asked for its rows.
import type { MemberFact, RowFact } from '../../lib/delta/fact.ts';
import type { Change } from '../expand.ts';
import { factsOf, feed, start } from '../worlds/process.ts';
import type { Process } from '../worlds/process.ts';
import { changesBetween, objectsOf } from './objects.ts';
import type { World } from './world.ts';

export type NbFact = RowFact | MemberFact;

export class Product {
  readonly process: Process = start();
  #known: readonly Change[] = [];

  /** Settles into the world, from whatever it was before. */
  become(world: World): void {
    const objects = objectsOf(world);
    feed(this.process, changesBetween(this.#known, objects));
    this.#known = objects;
  }

  rows(): NbFact[] {
    return factsOf(this.process, 'rows') as NbFact[];
  }
}

/** The rows of one who has seen nothing but this world. */
export function freshRows(world: World): NbFact[] {
  const product = new Product();
  product.become(world);
  return product.rows();
}

/** Facts of the one that the other has not, in a form to read; empty exactly when both hold the same. */
export function difference(one: readonly NbFact[], other: readonly NbFact[]): string[] {
  const known = new Set(other.map(written));
  return one.map(written).filter((text) => !known.has(text));
}

const written = (fact: NbFact): string => JSON.stringify(fact, plain);

function plain(_: string, value: unknown): unknown {
  if (value instanceof Map) return { map: [...value].map((entry) => JSON.stringify(entry)).sort() };
  if (value instanceof Set) return { set: [...value].map(String).sort() };
  return typeof value === 'bigint' ? String(value) : value;
}
