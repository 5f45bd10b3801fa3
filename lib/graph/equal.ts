// Equality of plain data: what lets a stage of the graph stop a change that changes nothing.

type Entry = readonly [unknown, unknown];

/**
 * Deep equality over primitives (bigint included), arrays, plain objects, Map, Set and byte arrays. Keys of a Map and
 * elements of a Set are compared by identity; anything else that is not identical is unequal, which costs a run and
 * never correctness. Cost is the size of the smaller value. Cyclic values are not allowed.
 */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (!isObject(a) || !isObject(b) || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (Array.isArray(a)) return sequenceEqual(a, b as readonly unknown[]);
  if (a instanceof Uint8Array) return sequenceEqual(a, b as Uint8Array);
  if (a instanceof Set) return setEqual(a, b as ReadonlySet<unknown>);
  if (a instanceof Map) return mapEqual(a, b as ReadonlyMap<unknown, unknown>);
  return objectEqual(a as Record<string, unknown>, b as Record<string, unknown>);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function sequenceEqual(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!deepEqual(a[i], b[i])) return false;
  return true;
}

function setEqual(a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean {
  if (a.size !== b.size) return false;
  for (const element of a) if (!b.has(element)) return false;
  return true;
}

function mapEqual(a: ReadonlyMap<unknown, unknown>, b: ReadonlyMap<unknown, unknown>): boolean {
  if (a.size !== b.size) return false;
  const same = ([key, value]: Entry): boolean => b.has(key) && deepEqual(value, b.get(key));
  for (const entry of a) if (!same(entry)) return false;
  return true;
}

function objectEqual(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  for (const key of keys) if (!Object.hasOwn(b, key) || !deepEqual(a[key], b[key])) return false;
  return true;
}
