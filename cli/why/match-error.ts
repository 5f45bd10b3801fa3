/** Why OVN cannot read a match: it then leaves the whole rule out, as if it were not there. */
export class MatchError extends Error {
  override readonly name = 'MatchError';
}
