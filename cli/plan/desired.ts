// What objects make, computed by the operator's own reconcilers: the same graph, whose sinks only collect. What the
// operator would make in the API and then act on (the default VPC and subnets) is fed back until nothing new comes.
import type { MemberFact, RowFact } from '../../lib/delta/fact.ts';
import { Graph } from '../../lib/graph/graph.ts';
import type { Sink } from '../../lib/graph/types.ts';
import type { ObjectFact, ProblemFact } from '../../operator/api/fact.ts';
import { only } from '../../operator/api/refs.ts';
import type { PortRow } from '../../operator/api/policy-tables.ts';
import type { Cluster, Indexes, Tables } from '../../operator/api/tables.ts';
import { Withheld } from '../../operator/api/withheld.ts';
import { take } from '../../operator/intake.ts';
import { world, type Modules, type World } from '../../operator/world.ts';
import { idOf, keyOf, type Manifest } from './object.ts';
import { PolicyModules } from './policy-modules.ts';
import type { Workload } from './traffic.ts';

export interface Desired {
  readonly facts: readonly (RowFact | MemberFact)[];
  readonly problems: readonly ProblemFact[];
  /** Derivations that threw, `source: message`: mistakes of ours. What is wrong with an object is a problem. */
  readonly failures: readonly string[];
  readonly workloads: readonly Workload[];
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

/**
 * The operator's graph without its edges. Objects that are taken later change those taken before, as in a running
 * operator: what a spec that became unusable had made stays.
 */
export class Outlook {
  readonly #graph = new Graph<Tables, Indexes>({ clock, sliceMs: 1000 });
  readonly #rows = new Collector<RowFact | MemberFact>();
  readonly #objects = new Collector<ObjectFact>();
  readonly #problems = new Collector<ProblemFact>();
  readonly #made = new Map<string, Manifest>();
  readonly #world: World;
  readonly #modules: PolicyModules;

  constructor(cluster: Cluster, decisions: Modules) {
    this.#world = world(
      this.#graph,
      {
        rows: this.#rows,
        plan: new Collector(),
        objects: this.#objects,
        status: new Collector(),
        problems: this.#problems,
        holds: new Collector(),
      },
      decisions,
    );
    this.#modules = new PolicyModules(this.#graph, this.#world);
    this.#graph.enter(() => this.#world.cluster.set(only, cluster));
  }

  /**
   * Takes one object of each kind, namespace and name, and tells what all that were taken make. ConfigMaps count for the
   * policy modules that name them, whose answers are waited for.
   */
  async take(objects: readonly Manifest[]): Promise<Desired> {
    this.#modules.take(objects);
    this.#enter(objects);
    do {
      this.#graph.settleNow();
      for (let made = this.#absent(); made.length > 0; made = this.#absent()) {
        for (const manifest of made) this.#made.set(idOf(manifest), manifest);
        this.#enter(made);
      }
    } while (await this.#modules.answered());
    return {
      facts: this.#rows.all(),
      problems: this.#problems.all(),
      failures: [...this.#graph.failures].filter(([, error]) => !(error instanceof Withheld)).map(failureOf),
      workloads: (this.#graph.dump('port') as readonly (readonly [string, PortRow])[]).map((entry) =>
        this.#workload(...entry),
      ),
    };
  }

  /** Ends the threads of policy modules. */
  async stop(): Promise<void> {
    await this.#modules.stop();
  }

  #workload(port: string, { pod, id, namespace, subnet, addresses }: PortRow): Workload {
    const { labelled, namedPorts } = this.#world;
    const [labels, ports] = [labelled.get(pod)?.labels ?? {}, namedPorts.get(pod) ?? []];
    return { port, id, namespace, subnet, labels, addresses, ports };
  }

  #enter(objects: readonly Manifest[]): void {
    this.#graph.enter(() => {
      for (const manifest of objects) take(this.#world, manifest, { key: keyOf(manifest), object: manifest.object });
    });
    this.#graph.settleNow();
  }

  /** Objects that are to be made when absent, and have not been yet. */
  #absent(): Manifest[] {
    const wanted = this.#objects.all().filter(({ create }) => create === true);
    return wanted.map(manifestOf).filter((manifest) => !this.#made.has(idOf(manifest)));
  }
}

const failureOf = ([source, error]: readonly [string, unknown]): string =>
  `${source}: ${error instanceof Error ? error.message : String(error)}`;

function manifestOf({ object: { apiVersion, kind, namespace, name }, manifest }: ObjectFact): Manifest {
  const metadata = { name, ...(namespace !== '' && { namespace }) };
  return { apiVersion, kind, namespace, name, from: 'settings', object: { apiVersion, kind, metadata, ...manifest } };
}
