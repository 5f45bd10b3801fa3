// What a driver is: it reads one kind of node state as keyed text and applies differences. What is wanted is computed
// elsewhere, so no driver knows why it does something, and comparing is the same few lines for all of them.

/** Something wanted: its canonical text, as `read` gives it back, and the plan item that asked for it. */
export interface Wanted {
  readonly text: string;
  /** Key of the plan item, for the failures that the operator is told of. */
  readonly from: string;
}

export type Want = ReadonlyMap<string, Wanted>;
export type Have = ReadonlyMap<string, string>;

export interface Pending {
  /** Missing or different. */
  readonly put: ReadonlyMap<string, string>;
  /** Ours, and not wanted: key and what is there. */
  readonly remove: ReadonlyMap<string, string>;
}

export interface Driver {
  readonly name: string;
  /** What is there of what is ours, recognised without any memory (README.md has the table). */
  read(want: Want): Promise<Have>;
  /** Makes the differences go away; throws when any of it failed, and leaves the rest done. */
  apply(pending: Pending, want: Want): Promise<void>;
}

export function pendingOf(want: Want, have: Have): Pending {
  const put = new Map<string, string>();
  const remove = new Map<string, string>();
  for (const [key, { text }] of want) if (have.get(key) !== text) put.set(key, text);
  for (const [key, text] of have) if (!want.has(key)) remove.set(key, text);
  return { put, remove };
}

export const isEmpty = ({ put, remove }: Pending): boolean => put.size === 0 && remove.size === 0;
