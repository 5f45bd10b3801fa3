// Labelled things by their labels: which of them can a selector match? Only those that have the label that it asks for
// and that the fewest have. Its mirror image, for selectors, is selector-index.ts.
import { each, excluding, including, sizeOf } from './many.ts';
import type { Many } from './many.ts';
import type { Labels, Requirement, Selector } from './selector.ts';

/** Things with one label key, by its value. */
interface Column<T extends object> {
  count: number;
  readonly values: Map<string, Many<T>>;
}

export class LabelIndex<T extends object> {
  readonly #all = new Set<T>();
  readonly #columns = new Map<string, Column<T>>();

  add(item: T, labels: Labels): void {
    this.#all.add(item);
    for (const key of Object.keys(labels)) {
      const value = labels[key] as string;
      const column = this.#column(key);
      column.count++;
      column.values.set(value, including(column.values.get(value), item));
    }
  }

  /** `labels` are those that the item was added with. */
  delete(item: T, labels: Labels): void {
    this.#all.delete(item);
    for (const key of Object.keys(labels)) {
      const value = labels[key] as string;
      const column = this.#column(key);
      const rest = excluding(column.values.get(value), item);
      if (rest) column.values.set(value, rest);
      else column.values.delete(value);
      if (--column.count === 0) this.#columns.delete(key);
    }
  }

  get size(): number {
    return this.#all.size;
  }

  /** How many things satisfy the requirement, which must be In or Exists. */
  count({ key, operator, values }: Requirement): number {
    const column = this.#columns.get(key);
    if (!column) return 0;
    if (operator === 'Exists') return column.count;
    return values.reduce((sum, value) => sum + sizeOf(column.values.get(value)), 0);
  }

  /** At least everything that the selector matches, each once. */
  candidates(of: Selector): readonly T[] {
    const best = mostRestrictive(of, (requirement) => this.count(requirement));
    if (!best) return [...this.#all];
    const column = this.#columns.get(best.key);
    const found: T[] = [];
    const push = (item: T): void => void found.push(item);
    if (best.operator === 'In') for (const value of best.values) each(column?.values.get(value), push);
    else for (const many of column?.values.values() ?? []) each(many, push);
    return found;
  }

  #column(key: string): Column<T> {
    let column = this.#columns.get(key);
    if (!column) {
      column = { count: 0, values: new Map() };
      this.#columns.set(key, column);
    }
    return column;
  }
}

/** The requirement of the lowest weight among those that ask for a label, the first of equals; undefined without any. */
export function mostRestrictive(of: Selector, weigh: (requirement: Requirement) => number): Requirement | undefined {
  let best: Requirement | undefined;
  let least = Infinity;
  for (const requirement of of) {
    if (requirement.operator !== 'In' && requirement.operator !== 'Exists') continue;
    const weight = weigh(requirement);
    if (weight < least) [best, least] = [requirement, weight];
  }
  return best;
}
