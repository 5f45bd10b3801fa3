// How a table of the graph is followed from here.
import type { Sink } from '../../lib/graph/types.ts';

/** A sink over one table whose derivation yields the value itself. */
export function sink<V>(change: (key: string, value: V | undefined) => void): Sink<V> {
  return {
    replace: (source, facts) => change(source.slice(source.indexOf('/') + 1), facts[0]),
    freeze: () => {},
  };
}

/** A sink that keeps the keys of a table in a set. */
export const keys = (set: Set<string>, changed: (key: string) => void): Sink<unknown> =>
  sink((key, value) => {
    if (value === undefined) set.delete(key);
    else set.add(key);
    changed(key);
  });
