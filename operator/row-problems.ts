// What the northbound database has against somebody's rows, said where the object's author looks. What a reconciler
// failed with is told by its own derivation already.
import type { DeltaProblem } from '../lib/delta/differ.ts';
import type { Owner } from '../lib/delta/fact.ts';
import type { Sink } from '../lib/graph/types.ts';
import type { ProblemFact } from './api/fact.ts';
import { refOfOwner } from './api/refs.ts';

/** Passes the problems of owners on; nothing is passed for an owner that never had any. */
export class RowProblems {
  readonly #status: Sink<ProblemFact>;
  readonly #events: Sink<ProblemFact>;
  readonly #told = new Set<Owner>();

  /** Events are not told of what only waits for another row: that passes by itself, and whoever lacks the row says so. */
  constructor(status: Sink<ProblemFact>, events: Sink<ProblemFact>) {
    this.#status = status;
    this.#events = events;
  }

  update(owner: Owner, problems: readonly DeltaProblem[]): void {
    if (problems.length === 0 && !this.#told.has(owner)) return;
    const about = refOfOwner(owner);
    if (about === undefined) return;
    const facts = problems
      .filter(({ reason }) => reason !== 'InternalError')
      .map(({ reason, message }): ProblemFact => ({ problem: about, reason, message, owner }));
    if (facts.length === 0 && !this.#told.delete(owner)) return;
    if (facts.length > 0) this.#told.add(owner);
    const source = `northbound/${owner}`;
    this.#status.replace(source, facts);
    this.#events.replace(
      source,
      facts.filter(({ reason }) => reason !== 'Waiting'),
    );
  }
}
