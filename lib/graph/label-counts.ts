// How many label sets have a label, over all scopes: what decides under which label a selector stands.
import type { Labels, Requirement } from './selector.ts';

interface Column {
  count: number;
  readonly values: Map<string, number>;
}

export class LabelCounts {
  readonly #columns = new Map<string, Column>();

  add(labels: Labels): void {
    this.#change(labels, 1);
  }

  delete(labels: Labels): void {
    this.#change(labels, -1);
  }

  /** How many satisfy the requirement, which must be In or Exists. */
  count({ key, operator, values }: Requirement): number {
    const column = this.#columns.get(key);
    if (!column) return 0;
    if (operator === 'Exists') return column.count;
    return values.reduce((sum, value) => sum + (column.values.get(value) ?? 0), 0);
  }

  #change(labels: Labels, by: number): void {
    for (const key of Object.keys(labels)) {
      const value = labels[key] as string;
      const column = this.#columns.get(key) ?? { count: 0, values: new Map<string, number>() };
      this.#columns.set(key, column);
      column.count += by;
      const count = (column.values.get(value) ?? 0) + by;
      if (count > 0) column.values.set(value, count);
      else column.values.delete(value);
      if (column.count === 0) this.#columns.delete(key);
    }
  }
}
