// The policy modules of hook `admission`, run here: they come from the API with their bytes, and are asked by the reviewer.
// What the operator says of them in their status is that they can be run; how often they were asked is counted here, and
// written there (module-counts.ts).
import { Gauge, type Registry } from 'prom-client';
import { policyModuleRow, type PolicyModuleRow } from '../api/policy-module.ts';
import { emptyGraph } from '../empty-graph.ts';
import { into } from '../kube/mirror.ts';
import { Reflector, type ReflectorOptions } from '../kube/reflector.ts';
import { resources } from '../kube/resources.ts';
import { ModuleEdge } from '../module-edge.ts';
import type { Admit } from '../policy/admission.ts';
import { follow } from '../taps.ts';
import { ModuleCounts } from './module-counts.ts';

export interface JudgesOptions extends Pick<ReflectorOptions, 'client' | 'clock' | 'log'> {
  readonly registry: Registry;
}

export class Judges {
  readonly #edge: ModuleEdge;
  readonly #graph: ReturnType<typeof emptyGraph>;
  readonly #reflector: Reflector;
  readonly #counts: ModuleCounts;
  #isReady = false;

  constructor({ registry, ...options }: JudgesOptions) {
    const graph = emptyGraph(options.log);
    const world = {
      policyModule: graph.table('policyModule'),
      moduleState: graph.table('moduleState'),
      moduleReport: graph.table('moduleReport'),
      question: graph.table('question'),
      offer: graph.table('offer'),
      answer: graph.table('answer'),
    };
    this.#graph = graph;
    this.#edge = new ModuleEdge({ ...options, graph, world });
    this.#reflector = new Reflector({
      ...options,
      enter: (change) => graph.enter(change),
      resource: resources.PolicyModule,
      projections: [into(world.policyModule, ofAdmission)],
      // A cluster without its CRD has no modules.
      optional: true,
    });
    counts(registry, this.#edge);
    this.#counts = new ModuleCounts(options);
    follow(graph, ['follow/report', world.moduleReport], (module, report) => this.#counts.report(module, report));
  }

  get admit(): Admit {
    return this.#edge.admit;
  }

  /** Each module that there is has been loaded, or refused; one that takes too long is not waited for. */
  get isReady(): boolean {
    return this.#isReady;
  }

  async start(): Promise<void> {
    this.#reflector.start();
    this.#counts.start();
    await this.#reflector.synced;
    await this.#graph.settle();
    await this.#edge.whenAnswered();
    this.#isReady = true;
  }

  async stop(): Promise<void> {
    await this.#reflector.stop();
    await this.#edge.stop();
    await this.#counts.stop();
  }
}

/** The others are the operator's business. */
function ofAdmission(object: unknown): PolicyModuleRow | undefined {
  const row = policyModuleRow(object);
  return row.hook === 'admission' ? row : undefined;
}

const told = ['evaluations', 'refusals', 'failing', 'wouldChange'] as const;

function counts(registry: Registry, edge: ModuleEdge): void {
  const gauge = new Gauge({
    name: 'kubeloom_webhook_module_reviews',
    help: 'Of each policy module of hook admission, what this process has counted since it started.',
    labelNames: ['module', 'count'],
    registers: [registry],
    collect: () => {
      gauge.reset();
      for (const [module, report] of edge.reports())
        for (const count of told) gauge.set({ module, count }, report[count]);
    },
  });
}
