// The public shapes of the graph: tables with one writer, tracked reads, derivations whose outputs replace as a set.

/** A keyed collection as its readers see it. */
export interface ReadTable<V> {
  readonly name: string;
  readonly size: number;
  get(key: string): V | undefined;
  has(key: string): boolean;
  entries(): IterableIterator<[string, V]>;
}

/** A keyed collection as its one producer sees it. A write of an equal value is no change. */
export interface Table<V> extends ReadTable<V> {
  set(key: string, value: V): void;
  delete(key: string): void;
  /** Makes the content exactly this; unchanged keys are not touched. */
  replace(entries: Iterable<readonly [string, V]>): void;
}

/** Values of a table by a computed key; O(1) per change. */
export interface Index<V> {
  readonly name: string;
  at(key: string): readonly V[];
}

/** The reads open to a derivation; each is recorded, and a change of what was read runs the key again. */
export interface Read<Tables, Indexes> {
  get<N extends keyof Tables & string>(table: N, key: string): Tables[N] | undefined;
  at<N extends keyof Indexes & string>(index: N, key: string): readonly Indexes[N][];
}

/** Where the outputs of a derivation go: the whole output of one source replaces its previous output. */
export interface Sink<F> {
  /**
   * Names of the graph's tables that this sink writes, so that a read of a table that is still to be computed is found
   * when the graph is wired. A sink that passes facts on to `graph.into(table)` repeats that sink's names here.
   */
  readonly outputs?: readonly string[];
  /** `facts` may be empty; `source` is `derivation/key`. */
  replace(source: string, facts: readonly F[]): void;
  /** The derivation threw for this source: what it wanted before stays, untouched, until it succeeds. */
  freeze(source: string, error: unknown): void;
}

/** Time and turns of the event loop, as the graph needs them. */
export interface GraphClock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Runs `fn` in a later turn of the event loop, after I/O had its chance (setImmediate). */
  defer(fn: () => void): void;
}

/** Two sources yielded one key of a table; the first in text order is in force until one of them stops. */
export interface Conflict {
  readonly table: string;
  readonly key: string;
  readonly sources: readonly string[];
}

export interface GraphOptions {
  readonly clock: GraphClock;
  /** How long one slice of a settle may keep the event loop, in milliseconds; 4 suits a process with network I/O. */
  readonly sliceMs: number;
  /** A derivation threw for `source`: told once per failed run. */
  readonly onFailure?: (source: string, error: unknown) => void;
  /** A key of a table got a second source: told once, when it appears. */
  readonly onConflict?: (conflict: Conflict) => void;
}
