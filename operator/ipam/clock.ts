// Time as this folder needs it; the operator's one clock has this shape, tests have their own.
export interface Clock {
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  /** Calls `run` once, `ms` from now, never before this call returns; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
  /** In [0, 1): spreads retries. */
  random(): number;
}
