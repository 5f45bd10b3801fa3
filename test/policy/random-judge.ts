// Random histories through the product: after each step every probe is asked of the rows, and at the end of a history the
// rows are those of one who has seen the last world alone.
import fc from 'fast-check';
import { worldsOf } from './history.ts';
import { mismatches } from './judge.ts';
import type { Mismatch } from './judge.ts';
import { probesOf } from './probes.ts';
import { difference, freshRows, Product } from './product.ts';
import type { NbFact } from './product.ts';
import type { Style } from './random-policies.ts';
import { histories } from './random.ts';
import type { World } from './world.ts';

export interface Finding {
  readonly mismatches: readonly Mismatch[];
  /** Rows that a history has left, and such as are missing after it. */
  readonly left: readonly string[];
  readonly missing: readonly string[];
  readonly world: World;
}

export interface Run {
  readonly seed: number;
  readonly styles: readonly Style[];
  readonly histories: number;
  /** Ports that each pair of ends is asked for. */
  readonly ports: number;
  /** What is done to the rows before they are judged. */
  readonly change?: (facts: NbFact[]) => NbFact[];
  /** Whether a small example is looked for, which takes its time; it is, unless told otherwise. */
  readonly shrinks?: boolean;
}

export interface Judged {
  readonly worlds: number;
  readonly verdicts: number;
  /** Of the smallest history that was found to go wrong. */
  readonly finding?: Finding;
}

export function judgeRandom({ seed, styles, histories: numRuns, ports, ...how }: Run): Judged {
  const { change = (facts) => facts, shrinks = true } = how;
  const count = { worlds: 0, verdicts: 0 };
  let finding: Finding | undefined;
  const property = fc.property(histories(...styles), (history) => {
    const product = new Product();
    let last: Finding = { mismatches: [], left: [], missing: [], world: worldsOf(history)[0] as World };
    for (const world of worldsOf(history)) {
      product.become(world);
      const probes = probesOf(world, ports);
      count.worlds += 1;
      count.verdicts += probes.length;
      last = { ...last, mismatches: mismatches(world, change(product.rows()), probes), world };
      if (last.mismatches.length > 0) break;
    }
    const rows = change(product.rows());
    const fresh = freshRows(last.world);
    last = { ...last, left: difference(rows, fresh), missing: difference(fresh, rows) };
    if (last.mismatches.length + last.left.length + last.missing.length === 0) return true;
    finding = last;
    return false;
  });
  const { errorInstance } = fc.check(property, { seed, numRuns, endOnFailure: !shrinks });
  if (errorInstance && !finding) throw errorInstance;
  return { ...count, ...(finding && { finding }) };
}
