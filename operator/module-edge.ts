// Policy modules between the graph and the API: their bytes come from ConfigMaps, of which those alone are watched that
// a PolicyModule names; their questions come from the graph, and their answers go back into it.
import type { Graph } from '../lib/graph/graph.ts';
import type { ModuleReport, ModuleTables } from './api/policy-module.ts';
import type { Indexes, Tables } from './api/tables.ts';
import type { Table } from '../lib/graph/types.ts';
import { into } from './kube/mirror.ts';
import { Reflector, type ReflectorOptions } from './kube/reflector.ts';
import { resources } from './kube/resources.ts';
import type { Files } from './policy/policy.ts';
import { filesOf, ModuleRunner } from './policy/runner.ts';
import { follow, Notes } from './taps.ts';
import type { World } from './world.ts';

export interface ModuleEdgeOptions extends Pick<ReflectorOptions, 'client' | 'clock' | 'log'> {
  readonly graph: Graph<Tables, Indexes>;
  readonly world: Pick<World, keyof ModuleTables & keyof World>;
}

/** For the modules to be up and to have answered before this process may lead. A module that takes longer fails closed or open, as it says. */
const patienceMs = 15_000;

export class ModuleEdge {
  readonly #options: ModuleEdgeOptions;
  readonly #runner: ModuleRunner;
  readonly #watched = new Map<string, Reflector>();

  constructor(options: ModuleEdgeOptions) {
    this.#options = options;
    const { graph, world, clock } = options;
    this.#runner = new ModuleRunner({
      clock,
      state: (module, state) => this.#enter(world.moduleState, [[module, state]]),
      report: (module, report) => this.#enter(world.moduleReport, [[module, report]]),
      answered: (answers) => this.#enter(world.answer, answers),
    });
    follow(graph, ['follow/module', world.policyModule], (name, row) => {
      this.#runner.module(name, row);
      this.#watch();
    });
    for (const table of [world.question, world.offer])
      follow(graph, [`follow/${table.name}`, table], (key, question) => this.#runner.question(key, question));
  }

  get admit(): ModuleRunner['admit'] {
    return this.#runner.admit;
  }

  reports(): Iterable<[module: string, report: ModuleReport]> {
    return this.#runner.reports();
  }

  whenAnswered(): Promise<void> {
    return this.#runner.whenIdle(patienceMs);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#watched.values()].map((reflector) => reflector.stop()));
    this.#watched.clear();
    await this.#runner.stop();
  }

  #enter<V>(table: Table<V>, values: Iterable<readonly [string, V | undefined]>): void {
    this.#options.graph.enter(() => {
      for (const [key, value] of values) {
        if (value === undefined) table.delete(key);
        else table.set(key, value);
      }
    });
  }

  #watch(): void {
    const wanted = this.#runner.configMaps;
    for (const [configMap, reflector] of this.#watched) {
      if (wanted.has(configMap)) continue;
      this.#watched.delete(configMap);
      this.#runner.files(configMap, undefined);
      void reflector.stop();
    }
    for (const configMap of wanted) if (!this.#watched.has(configMap)) this.#begin(configMap);
  }

  #begin(configMap: string): void {
    const { client, clock, log } = this.#options;
    const [namespace = '', name = ''] = configMap.split('/');
    const tell = (files: Files): void => {
      if (this.#watched.get(configMap) === reflector) this.#runner.files(configMap, files);
    };
    let listed = false;
    const files = new Notes<Files>(`files ${configMap}`, (key) => tell(files.get(key) ?? 'absent'));
    const reflector = new Reflector({
      client,
      clock,
      log,
      enter: (change) => change(),
      resource: resources.ConfigMap,
      projections: [into(files, filesOf)],
      select: { namespace, fieldSelector: `metadata.name=${name}` },
      onRestart: () => listed || tell('unreadable'),
    });
    this.#watched.set(configMap, reflector);
    const onListed = (): void => {
      listed = true;
      tell(files.get(configMap) ?? 'absent');
    };
    void reflector.synced.then(onListed);
    reflector.start();
  }
}
