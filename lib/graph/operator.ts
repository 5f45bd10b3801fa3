// What the settler drains: a derivation or a join, at its place in the wiring order.
import type { Source } from './source.ts';
import type { Sink } from './types.ts';

/** Work done so far; tests assert these instead of times. */
export interface Counter {
  /** Keys that were run. */
  runs: number;
  failures: number;
  /** Selectors that a join compared with a label set. */
  tests?: number;
}

export interface Operator {
  readonly name: string;
  readonly counter: Counter;
  /** Errors of the keys that are frozen now, by source. */
  readonly failures: ReadonlyMap<string, unknown>;
  /** True when there is nothing to do. */
  readonly idle: boolean;
  /** Does one small piece of what there is to do; answers false when there was nothing. */
  step(): boolean;
  /** Marks everything, so that the next settle computes it anew. */
  rerun(): void;
}

/** A sink as the one operator sees it whose outputs go there. */
export interface Output<F> {
  replace(source: Source, facts: readonly F[]): void;
  freeze(source: Source, error: unknown): void;
}

/** A sink that takes facts by key, from each operator apart. */
export interface KeyedSink<F> extends Sink<F> {
  /** Where the operator of this name writes. */
  output(name: string): Output<F>;
}

export function outputTo<F>(sink: Sink<F>): Output<F> {
  return {
    replace: (source, facts) => sink.replace(source.text, facts),
    freeze: (source, error) => sink.freeze(source.text, error),
  };
}
