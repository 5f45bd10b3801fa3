// Sources that failed, and the owners that are left alone because of them.
import type { Owner } from './fact.ts';
import { Multimap } from './multimap.ts';

export interface Failure {
  readonly error: unknown;
  readonly owners: ReadonlySet<Owner>;
  /** The source never yielded anything in this process: which elements were its is not known. */
  readonly blind: boolean;
}

export class Frozen {
  readonly #ownerOf: ((source: string) => string | undefined) | undefined;
  readonly #sources = new Map<string, Failure>();
  readonly #owners = new Multimap<Owner, string>();
  #blind = 0;

  constructor(ownerOf?: (source: string) => string | undefined) {
    this.#ownerOf = ownerOf;
  }

  get sources(): ReadonlyMap<string, Failure> {
    return this.#sources;
  }

  has(owner: Owner): boolean {
    return this.#owners.has(owner);
  }

  /** Why the owner is frozen. */
  errorsOf(owner: Owner): unknown[] {
    return [...this.#owners.get(owner)].map((source) => this.#sources.get(source)?.error);
  }

  owners(): IterableIterator<Owner> {
    return this.#owners.keys();
  }

  /** Whether elements of unknown owners may belong to a frozen one. */
  get blind(): boolean {
    return this.#blind > 0;
  }

  /** Answers the owners whose state this changes. */
  freeze(source: string, error: unknown, by: Omit<Failure, 'error'>): ReadonlySet<Owner> {
    const before = this.thaw(source);
    const owner = this.#ownerOf?.(source) as Owner | undefined;
    const owners = owner === undefined ? by.owners : new Set([...by.owners, owner]);
    this.#sources.set(source, { error, owners, blind: by.blind });
    if (by.blind) this.#blind++;
    for (const each of owners) this.#owners.add(each, source);
    return new Set([...before, ...owners]);
  }

  thaw(source: string): ReadonlySet<Owner> {
    const failure = this.#sources.get(source);
    if (!failure) return new Set();
    this.#sources.delete(source);
    if (failure.blind) this.#blind--;
    for (const owner of failure.owners) this.#owners.delete(owner, source);
    return failure.owners;
  }
}
