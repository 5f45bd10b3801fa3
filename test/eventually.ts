// Waiting for a condition with a deadline: what tests use in place of sleeping.
import { setTimeout as pause } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Milliseconds until the wait fails; 10,000 by default. */
  readonly within?: number;
  /** Milliseconds between two tries; 10 by default. */
  readonly every?: number;
  /** Named in the error. */
  readonly what?: string;
}

/** Tries until `probe` returns something other than false or undefined, and returns that; what it throws counts as "not yet". */
export async function eventually<T>(
  probe: () => T | false | undefined | Promise<T | false | undefined>,
  options: EventuallyOptions = {},
): Promise<T> {
  const deadline = performance.now() + (options.within ?? 10_000);
  let cause: unknown;
  while (performance.now() < deadline) {
    try {
      const result = await probe();
      if (result !== false && result !== undefined) return result;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await pause(options.every ?? 10);
  }
  throw new Error(`not within ${options.within ?? 10_000} ms: ${options.what ?? probe.toString()}`, { cause });
}
