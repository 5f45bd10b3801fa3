// Policy modules of a plan: run here by what runs them in the operator, with the bytes that manifests or the cluster have.
// They answer the graph's questions about rules and addresses; nothing is admitted or refused.
import type { Graph } from '../../lib/graph/graph.ts';
import type { Table } from '../../lib/graph/types.ts';
import { policyModuleRow } from '../../operator/api/policy-module.ts';
import type { Indexes, Tables } from '../../operator/api/tables.ts';
import { filesOf, ModuleRunner } from '../../operator/policy/runner.ts';
import { follow } from '../../operator/taps.ts';
import type { World } from '../../operator/world.ts';
import { keyOf, type Manifest } from './object.ts';

/** A module that takes longer fails closed or open, as it says. */
const patienceMs = 15_000;

const clock = {
  now: () => performance.now(),
  after: (ms: number, run: () => void): (() => void) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

const isConfigMap = ({ apiVersion, kind }: Manifest): boolean => apiVersion === 'v1' && kind === 'ConfigMap';

/** The ConfigMaps that modules among these objects name, `namespace/name`. */
export const configMapsOf = (objects: readonly Manifest[]): ReadonlySet<string> =>
  new Set(
    objects
      .filter(({ apiVersion, kind }) => kind === 'PolicyModule' && apiVersion.startsWith('kubeloom.io/'))
      .map(({ object }) => policyModuleRow(object).configMap),
  );

export class PolicyModules {
  readonly #runner: ModuleRunner;
  readonly #graph: Graph<Tables, Indexes>;
  readonly #known = new Set<string>();
  #told = false;

  constructor(graph: Graph<Tables, Indexes>, world: World) {
    this.#graph = graph;
    this.#runner = new ModuleRunner({
      clock,
      state: (module, state) => this.#enter(world.moduleState, [[module, state]]),
      report: (module, report) => this.#enter(world.moduleReport, [[module, report]]),
      answered: (answers) => this.#enter(world.answer, answers),
    });
    follow(graph, ['plan/module', world.policyModule], (name, row) => this.#runner.module(name, row));
    for (const table of [world.question, world.offer])
      follow(graph, [`plan/${table.name}`, table], (key, question) => this.#runner.question(key, question));
  }

  /** The ConfigMaps among the objects, before the graph hears of who names them. */
  take(objects: readonly Manifest[]): void {
    for (const manifest of objects.filter(isConfigMap)) {
      this.#known.add(keyOf(manifest));
      this.#runner.files(keyOf(manifest), filesOf(manifest.object));
    }
  }

  /** Of a settled graph: whether the modules have told something since, which is in the graph then and not settled yet. */
  async answered(): Promise<boolean> {
    for (const configMap of this.#runner.configMaps) {
      if (this.#known.has(configMap)) continue;
      this.#known.add(configMap);
      this.#runner.files(configMap, 'absent');
    }
    await this.#runner.whenIdle(patienceMs);
    const told = this.#told;
    this.#told = false;
    return told;
  }

  async stop(): Promise<void> {
    await this.#runner.stop();
  }

  #enter<V>(table: Table<V>, values: Iterable<readonly [string, V | undefined]>): void {
    this.#told = true;
    this.#graph.enter(() => {
      for (const [key, value] of values) {
        if (value === undefined) table.delete(key);
        else table.set(key, value);
      }
    });
  }
}
