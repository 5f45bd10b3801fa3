// When to try again: at once through the whole list of remotes, then ever slower, with jitter so that the clients of a
// server that comes back do not come back together.

export interface BackoffOptions {
  /** Milliseconds before the second round; doubled for each further one. */
  readonly first: number;
  /** Milliseconds never exceeded. An election takes a second or two: longer pauses delay writes after it. */
  readonly most: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Milliseconds before try number `attempt` (from 0, since the last success) over `remotes` remotes. */
export function backoff(attempt: number, remotes: number, options: BackoffOptions): number {
  const round = Math.floor(attempt / Math.max(1, remotes));
  if (round === 0 || attempt % Math.max(1, remotes) !== 0) return 0;
  const longest = Math.min(options.most, options.first * 2 ** (round - 1));
  return longest * (0.5 + options.random() / 2);
}
