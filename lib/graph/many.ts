// One thing or several, without a Set for the one: most keys of an index have a single entry, and an empty Set costs as
// much memory as ten small objects. The things must not be Sets themselves.

export type Many<T extends object> = T | Set<T>;

/** `many` and the item; the answer replaces `many`. */
export function including<T extends object>(many: Many<T> | undefined, item: T): Many<T> {
  if (many === undefined || many === item) return item;
  if (many instanceof Set) return many.add(item);
  return new Set([many, item]);
}

/** `many` without the item, undefined when nothing is left; the answer replaces `many`. */
export function excluding<T extends object>(many: Many<T> | undefined, item: T): Many<T> | undefined {
  if (!(many instanceof Set)) return many === item ? undefined : many;
  many.delete(item);
  return many.size > 0 ? many : undefined;
}

export function sizeOf<T extends object>(many: Many<T> | undefined): number {
  if (many === undefined) return 0;
  return many instanceof Set ? many.size : 1;
}

export function each<T extends object>(many: Many<T> | undefined, visit: (item: T) => void): void {
  if (many instanceof Set) many.forEach(visit);
  else if (many !== undefined) visit(many);
}
