/** Waiting, always with an end. */
import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for, as it appears in the error: "the API server". */
  what: string;
  limitMs: number;
  /** Between two looks; default 20. */
  everyMs?: number;
  /** Asked when time is over: what is known, for the error. */
  explain?: () => string | Promise<string>;
}

/** Resolves with the first answer of `look` that is neither undefined nor false; throws when `limitMs` are over. */
export async function waitFor<T>(
  look: () => Promise<T | undefined | false> | T | undefined | false,
  options: WaitOptions,
): Promise<T> {
  const end = performance.now() + options.limitMs;
  for (;;) {
    const answer = await look();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) {
      const why = options.explain === undefined ? '' : `\n${await options.explain()}`;
      throw new Error(`gave up waiting for ${options.what} after ${options.limitMs / 1000} s${why}`);
    }
    await delay(options.everyMs ?? 20);
  }
}
