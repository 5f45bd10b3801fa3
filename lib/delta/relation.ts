// A relation that can be asked from both ends.
import { Multimap } from './multimap.ts';

export class Relation<A, B> {
  readonly #forth = new Multimap<A, B>();
  readonly #back = new Multimap<B, A>();

  add(a: A, b: B): void {
    this.#forth.add(a, b);
    this.#back.add(b, a);
  }

  /** Ends everything that `a` stands in. */
  drop(a: A): void {
    for (const b of this.#forth.take(a)) this.#back.delete(b, a);
  }

  /** Ends everything that `b` stands in, and answers with whom. */
  take(b: B): ReadonlySet<A> {
    const all = this.#back.take(b);
    for (const a of all) this.#forth.delete(a, b);
    return all;
  }

  of(b: B): ReadonlySet<A> {
    return this.#back.get(b);
  }

  keys(): IterableIterator<A> {
    return this.#forth.keys();
  }
}
