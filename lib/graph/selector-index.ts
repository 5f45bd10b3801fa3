// Selectors by one label each, the most restrictive that they ask for: which of them can match these labels? A selector
// that asks for no label stands in a list that everything looks at.
import { mostRestrictive } from './label-index.ts';
import { each, excluding, including, sizeOf } from './many.ts';
import type { Many } from './many.ts';
import type { Labels, Requirement, Selector } from './selector.ts';

/** Selectors that stand under one label key. */
interface Column<T extends object> {
  exists: Many<T> | undefined;
  readonly values: Map<string, Many<T>>;
}

export class SelectorIndex<T extends object> {
  readonly #anchors = new Map<T, Requirement | undefined>();
  readonly #columns = new Map<string, Column<T>>();
  readonly #rest = new Set<T>();

  get size(): number {
    return this.#anchors.size;
  }

  keys(): IterableIterator<T> {
    return this.#anchors.keys();
  }

  /** `count` answers how many things have what a requirement asks for; of equals, the label with fewer selectors. */
  add(item: T, of: Selector, count: (requirement: Requirement) => number): void {
    const crowd = (requirement: Requirement): number => {
      const here = this.#under(requirement);
      return count(requirement) + here / (here + 1);
    };
    const anchor = mostRestrictive(of, crowd);
    this.#anchors.set(item, anchor);
    if (!anchor) this.#rest.add(item);
    else this.#replace(anchor, (many) => including(many, item));
  }

  delete(item: T): void {
    const anchor = this.#anchors.get(item);
    this.#anchors.delete(item);
    if (!anchor) this.#rest.delete(item);
    else this.#replace(anchor, (many) => excluding(many, item));
  }

  /** Visits at least every item whose selector matches, each once. */
  candidates(labels: Labels, visit: (item: T) => void): void {
    this.#rest.forEach(visit);
    if (this.#columns.size === 0) return;
    for (const key of Object.keys(labels)) {
      const column = this.#columns.get(key);
      if (!column) continue;
      each(column.exists, visit);
      each(column.values.get(labels[key] as string), visit);
    }
  }

  #under({ key, operator, values }: Requirement): number {
    const column = this.#columns.get(key);
    if (!column) return 0;
    if (operator === 'Exists') return sizeOf(column.exists);
    return values.reduce((sum, value) => sum + sizeOf(column.values.get(value)), 0);
  }

  #replace({ key, operator, values }: Requirement, by: (many: Many<T> | undefined) => Many<T> | undefined): void {
    const column = this.#columns.get(key) ?? { exists: undefined, values: new Map<string, Many<T>>() };
    this.#columns.set(key, column);
    if (operator === 'Exists') column.exists = by(column.exists);
    for (const value of values) {
      const many = by(column.values.get(value));
      if (many) column.values.set(value, many);
      else column.values.delete(value);
    }
    if (!column.exists && column.values.size === 0) this.#columns.delete(key);
  }
}
