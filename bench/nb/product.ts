// The operator's control plane in process: graph, reconcilers, allocator, plan, writers and differ, connected as
// operator/assembly.ts connects them for a leader. What is left out is what needs an API server: watches (objects enter the
// tables as a reflector enters them) and the queues of the writers, which take in everything and are not started.
import { readFile } from 'node:fs/promises';
import type { Owner } from '../../lib/delta/fact.ts';
import { Graph } from '../../lib/graph/graph.ts';
import { assignments, holderOf } from '../../operator/address-edge.ts';
import { ipRef, nodeIpName, podIpName, subnetRef, vpcRef } from '../../operator/api/refs.ts';
import type { Indexes, Tables } from '../../operator/api/tables.ts';
import { apart, both, HoldBook } from '../../operator/holds.ts';
import type { Assignments } from '../../operator/ipam/assignments.ts';
import { Applier } from '../../operator/kube/applier.ts';
import { KubeClient } from '../../operator/kube/client.ts';
import { KubeConfig } from '../../operator/kube/client-node/index.ts';
import { systemClock } from '../../operator/kube/clock.ts';
import { EventRecorder } from '../../operator/kube/events.ts';
import { FinalizerKeeper } from '../../operator/kube/finalizer.ts';
import type { Log } from '../../operator/kube/log.ts';
import { StatusWriter } from '../../operator/kube/status.ts';
import type { WriterOptions } from '../../operator/kube/writer.ts';
import { Northbound } from '../../operator/nb/apply.ts';
import { metaOf, observed } from '../../operator/observed.ts';
import { PlanStore } from '../../operator/plan/store.ts';
import { RowProblems } from '../../operator/row-problems.ts';
import { follow } from '../../operator/taps.ts';
import { translator } from '../../operator/policy/translator.ts';
import { ownerOf as ownerOfSource, type World, world } from '../../operator/world.ts';
import { ensureBuilt, wasmPath } from '../../policies/build.ts';

await ensureBuilt('ipam', 'networkpolicy');
const allocatorModule = await readFile(wasmPath('ipam'));
const translate = translator(await readFile(wasmPath('networkpolicy')));

/** A kubeconfig that names an address where nobody is: a request would be an error of the bench. */
function nowhere(): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromClusterAndUser(
    { name: 'bench', server: 'http://127.0.0.1:1', skipTLSVerify: true },
    { name: 'bench' },
  );
  return kubeConfig;
}

/** Nothing goes wrong in a bench, or what it measures is something else. */
function told(fields: object, message: string): never {
  throw new Error(`${message}: ${JSON.stringify(fields)}`);
}
const log: Log = { debug: () => undefined, info: () => undefined, warn: told, error: told };
/** A connection that ends is made anew, and the round takes longer: that is no error, but worth a line. */
const note = (fields: object, message: string): void =>
  void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`);
const connections: Log = { ...log, warn: note };

export class Product {
  readonly graph: Graph<Tables, Indexes>;
  readonly world: World;
  readonly plan: PlanStore;
  transactions = 0;
  readonly #nb: Northbound;
  readonly #assignments: Assignments;
  readonly #applier: Applier;
  readonly #status: StatusWriter;
  readonly #finalizers: FinalizerKeeper;
  readonly #rowProblems: RowProblems;
  #ready = false;
  #waiting: (() => void)[] = [];

  constructor(remotes: readonly string[]) {
    const client = new KubeClient({ kubeConfig: nowhere(), clock: systemClock });
    this.graph = new Graph<Tables, Indexes>({
      clock: { now: () => performance.now(), defer: (fn) => void setImmediate(fn) },
      sliceMs: 4,
      onFailure: (source, error) => told({ source, error: String(error) }, 'derivation gave nothing'),
      onConflict: (conflict) => told(conflict, 'two sources want one row of a table'),
    });
    this.plan = new PlanStore((key, sources) => told({ key, sources }, 'two sources want one plan item'));
    this.#nb = new Northbound({
      remotes,
      random: () => systemClock.random(),
      log: connections,
      ownerOf: ownerOfSource,
      settled: () => this.graph.quiet,
      inputsSynced: () => this.#ready,
      mayWrite: () => true,
      onChange: (owner) => this.#confirmed(owner),
      onSynced: () => this.#look(),
      onTransaction: (outcome) => {
        this.transactions += 1;
        if (outcome !== 'done') note({ outcome }, 'a transaction was not carried out');
        // The differ hears of the outcome after this.
        queueMicrotask(() => queueMicrotask(() => this.#look()));
      },
    });
    const writer: WriterOptions = { client, clock: systemClock, log, mayWrite: () => true };
    const applied = (owner: Owner): boolean => this.#nb.applied(owner);
    this.#applier = new Applier({ ...writer, applied, observed: (ref) => observed(this.world, ref) });
    this.#status = new StatusWriter({ ...writer, applied, observed: () => undefined });
    this.#finalizers = new FinalizerKeeper({ ...writer, applied });
    const uidOf = (ref: Parameters<typeof metaOf>[1]): string | undefined => metaOf(this.world, ref)?.uid;
    const events = new EventRecorder({ ...writer, component: 'kube-ovn-controller', instance: 'bench', uidOf });
    const holds = new HoldBook((about) => about.kind === 'IP' && this.#assignments.recheck(about.name));
    this.#rowProblems = new RowProblems(this.#status.problems, events);
    this.world = world(
      this.graph,
      {
        rows: this.#nb.sink,
        plan: this.plan,
        objects: this.#applier,
        status: this.#status.statuses,
        problems: both(this.#status.problems, events),
        holds: apart(holds, this.#finalizers),
      },
      { translate },
    );
    this.#assignments = assignments({
      writer,
      graph: this.graph,
      world: this.world,
      module: allocatorModule,
      restored: () => this.#ready && this.graph.quiet,
      cleared: (row) => !holds.isHeld(ipRef(row.meta.name)) && this.#nb.applied(holderOf(row)),
    });
    const { subnet, vpc } = this.world;
    follow(this.graph, ['follow/subnet', subnet], (name, row) => this.#finalizers.observe(subnetRef(name), row?.meta));
    follow(this.graph, ['follow/vpc', vpc], (name, row) => this.#finalizers.observe(vpcRef(name), row?.meta));
    this.graph.onQuiet(() => this.#quiet());
  }

  /** Connects, and takes in what `load` enters as the first lists; resolves when the database agrees. */
  async start(load: (world: World) => void): Promise<void> {
    this.#nb.start();
    this.graph.enter(() => load(this.world));
    await this.graph.settle();
    this.#ready = true;
    this.#nb.lead();
    this.#assignments.start();
    this.#nb.poke();
    await this.committed();
  }

  async stop(): Promise<void> {
    this.#assignments.close();
    await this.#nb.stop();
  }

  /** Nothing is left to compute, to compare, to write or to be answered. */
  get agrees(): boolean {
    return this.#ready && this.graph.quiet && this.#nb.synced && this.#nb.counts()['pending'] === 0;
  }

  /** Resolves when everything that has entered is committed; called after `enter`. */
  committed(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    this.#look();
    return promise;
  }

  #look(): void {
    if (this.#waiting.length === 0 || !this.agrees) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #quiet(): void {
    this.plan.flush();
    this.#finalizers.settled();
    this.#assignments.run();
    this.#nb.poke();
    this.#look();
  }

  #confirmed(owner: Owner): void {
    this.#rowProblems.update(owner, this.#nb.problems(owner));
    if (!this.#nb.applied(owner)) return;
    this.#applier.confirmed(owner);
    this.#status.confirmed(owner);
    this.#finalizers.confirmed(owner);
    const [kind = '', namespace = '', name = ''] = owner.split('/');
    if (kind === 'Pod') this.#assignments.recheck(podIpName(namespace, name));
    if (kind === 'Node') this.#assignments.recheck(nodeIpName(name));
  }
}
