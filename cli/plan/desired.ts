// What objects make, computed by the operator's own reconcilers: the same graph, whose sinks only collect. What the
// operator would make in the API and then act on (the default VPC and subnets) is fed back until nothing new comes.
import type { MemberFact, RowFact } from '../../lib/delta/fact.ts';
import { Graph } from '../../lib/graph/graph.ts';
import type { Sink } from '../../lib/graph/types.ts';
import type { ObjectFact, ProblemFact } from '../../operator/api/fact.ts';
import { only } from '../../operator/api/refs.ts';
import type { Cluster, Indexes, Tables } from '../../operator/api/tables.ts';
import { Withheld } from '../../operator/api/withheld.ts';
import { take } from '../../operator/intake.ts';
import { world } from '../../operator/world.ts';
import { idOf, keyOf, type Manifest } from './object.ts';

export interface Desired {
  readonly facts: readonly (RowFact | MemberFact)[];
  readonly problems: readonly ProblemFact[];
  /** Objects that the operator makes because they are absent. */
  readonly made: readonly Manifest[];
  /** Derivations that threw, `source: message`: mistakes of ours. What is wrong with an object is a problem. */
  readonly failures: readonly string[];
}

/** Keeps what each source yields now. */
class Collector<F> implements Sink<F> {
  readonly #sources = new Map<string, readonly F[]>();

  replace(source: string, facts: readonly F[]): void {
    if (facts.length > 0) this.#sources.set(source, facts);
    else this.#sources.delete(source);
  }

  freeze(): void {
    // Told by graph.failures.
  }

  all(): F[] {
    return [...this.#sources.values()].flat();
  }
}

const clock = { now: () => performance.now(), defer: (fn: () => void) => void setImmediate(fn) };

/** `objects` hold one of each kind, namespace and name. Deterministic: equal inputs give equal facts. */
export function desired(objects: readonly Manifest[], cluster: Cluster): Desired {
  const graph = new Graph<Tables, Indexes>({ clock, sliceMs: 1000 });
  const rows = new Collector<RowFact | MemberFact>();
  const wanted = new Collector<ObjectFact>();
  const problems = new Collector<ProblemFact>();
  const tables = world(graph, {
    rows,
    plan: new Collector(),
    objects: wanted,
    status: new Collector(),
    problems,
    holds: new Collector(),
  });
  graph.enter(() => tables.cluster.set(only, cluster));
  const made: Manifest[] = [];
  for (let next: readonly Manifest[] = objects; next.length > 0; next = absent(wanted.all(), made)) {
    if (next !== objects) made.push(...next);
    graph.enter(() => {
      for (const manifest of next) take(tables, manifest.kind, { key: keyOf(manifest), object: manifest.object });
    });
    graph.settleNow();
  }
  return {
    facts: rows.all(),
    problems: problems.all(),
    made,
    failures: [...graph.failures]
      .filter(([, error]) => !(error instanceof Withheld))
      .map(([source, error]) => `${source}: ${error instanceof Error ? error.message : String(error)}`),
  };
}

/** Objects that are to be made when absent, and have not been yet. */
function absent(facts: readonly ObjectFact[], made: readonly Manifest[]): Manifest[] {
  const known = new Set(made.map(idOf));
  return facts
    .filter(({ create }) => create === true)
    .map(manifestOf)
    .filter((manifest) => !known.has(idOf(manifest)));
}

function manifestOf({ object: { apiVersion, kind, namespace, name }, manifest }: ObjectFact): Manifest {
  const metadata = { name, ...(namespace !== '' && { namespace }) };
  return { apiVersion, kind, namespace, name, from: 'settings', object: { apiVersion, kind, metadata, ...manifest } };
}
