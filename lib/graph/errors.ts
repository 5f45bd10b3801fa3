// The graph's own error: a mistake in the wiring, never in the data.

/**
 * A derivation reads or writes what its place in the wiring does not allow: an unknown table, a table that is computed
 * later, a table that it writes itself. Passed through `settle` instead of freezing a source, since no input cures it.
 */
export class WiringError extends Error {
  override readonly name = 'WiringError';
}
