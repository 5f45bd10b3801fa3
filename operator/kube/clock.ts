// Time as the edges to the API see it: one value passed in, so that no test ever waits for real time.

export interface Clock {
  /** Milliseconds on a clock that never jumps; only differences mean something. */
  now(): number;
  /** Wall clock, milliseconds since the epoch: for time stamps inside objects, never for deciding. */
  wall(): number;
  /** Calls `run` once, `ms` milliseconds from now; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
  /** Evenly distributed in [0, 1): spreads retries. */
  random(): number;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after: (ms, run) => {
    // What was due a moment ago is due now.
    const timer = setTimeout(run, Math.max(0, ms));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** RFC 3339 to the second, as metav1.Time is written. */
export function isoSeconds(wall: number): string {
  return new Date(wall).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** RFC 3339 to the microsecond, as metav1.MicroTime is written. */
export function isoMicros(wall: number): string {
  return new Date(wall).toISOString().replace(/Z$/, '000Z');
}

/** Milliseconds since the epoch of an API timestamp (RFC 3339); 0 for anything else. */
export function timeOf(text: string): number {
  const time = Date.parse(text);
  return Number.isNaN(time) ? 0 : time;
}
