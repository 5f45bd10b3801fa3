// Broken builds: what is changed in the product, or in the rows that it makes, and which judge must see it.
import type { NbFact } from '../product.ts';
import type { JudgeName } from './judges.ts';

export interface Mutant {
  readonly name: string;
  readonly judge: JudgeName;
  readonly broken: Patch | RowChange;
}

/** Another text in place of one that the source has exactly once. */
export interface Patch {
  /** From the root of the repository. */
  readonly source: string;
  readonly text: string;
  readonly by: string;
}

/** What is done to the rows of each step; keeps what it likes from step to step. */
export interface RowChange {
  readonly rows: () => (facts: NbFact[]) => NbFact[];
}

/** Throws when the source has the text not once: then the mutant is not the one that was meant. */
export function patched(source: string, { source: name, text, by }: Patch): string {
  const parts = source.split(text);
  if (parts.length !== 2) throw new Error(`${name} has ${parts.length - 1} times: ${text}`);
  return parts.join(by);
}
