// What the northbound database has against somebody's rows, said where the object's author looks. What a reconciler
// failed with is told by its own derivation already.
import type { DeltaProblem } from '../lib/delta/differ.ts';
import type { Owner } from '../lib/delta/fact.ts';
import type { Sink } from '../lib/graph/types.ts';
import type { ProblemFact } from './api/fact.ts';
import { refOfOwner } from './api/refs.ts';

export interface RowProblemSinks {
  readonly status: Sink<ProblemFact>;
  /** Not told of what only waits for another row: that passes by itself, and whoever lacks the row says so. */
  readonly events: Sink<ProblemFact>;
}

/** Passes the problems of owners on; nothing is passed for an owner that never had any. */
export class RowProblems {
  readonly #sinks: RowProblemSinks;
  readonly #told = new Set<Owner>();

  constructor(sinks: RowProblemSinks) {
    this.#sinks = sinks;
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
    this.#sinks.status.replace(source, facts);
    this.#sinks.events.replace(
      source,
      facts.filter(({ reason }) => reason !== 'Waiting'),
    );
  }
}
