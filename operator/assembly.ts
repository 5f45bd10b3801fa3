// Everything that the operator is made of, built and connected. Building does nothing: `start` of the parts does.
//
//   watches --enter--> graph --quiet--> differ, plan, writers                     (every replica, warm)
//   lease --elected--> leader: differ, writers, allocator, plan server            (one replica)
import { randomUUID } from 'node:crypto';
import type { Owner } from '../lib/delta/fact.ts';
import type { Graph } from '../lib/graph/graph.ts';
import { ipRef, only } from './api/refs.ts';
import type { Indexes, Tables } from './api/tables.ts';
import { assignments, holderOf, ipNamesOf, takeInIps } from './address-edge.ts';
import { type AssemblyOptions, part } from './assembly-options.ts';
import { CentralEdge, centralTls } from './central-edge.ts';
import { clusterRow } from './cluster-row.ts';
import { emptyGraph } from './empty-graph.ts';
import { followFinalized } from './finalized.ts';
import { pruning } from './generated.ts';
import { apart, both, HoldBook } from './holds.ts';
import { Applier } from './kube/applier.ts';
import { KubeClient } from './kube/client.ts';
import { systemClock } from './kube/clock.ts';
import { EventRecorder } from './kube/events.ts';
import { FinalizerKeeper } from './kube/finalizer.ts';
import { LeaderLease } from './kube/lease.ts';
import type { Log } from './kube/log.ts';
import { operatorMetrics, type OperatorMetrics } from './kube/metrics.ts';
import { KubeloomOperator, type Part } from './kube/operator.ts';
import { frugal } from './memory.ts';
import { StatusWriter } from './kube/status.ts';
import type { WriterOptions } from './kube/writer.ts';
import { Leader } from './leader.ts';
import { Northbound } from './nb/apply.ts';
import type { Assignments } from './ipam/assignments.ts';
import { ModuleEdge } from './module-edge.ts';
import { ObjectNotes } from './object-notes.ts';
import { metaOf, observed } from './observed.ts';
import { PlanEdge } from './plan-edge.ts';
import { PlanStore } from './plan/store.ts';
import { podProblems } from './pod-problems.ts';
import { metricSources } from './metric-sources.ts';
import { RowProblems } from './row-problems.ts';
import type { Sinks } from './sinks.ts';
import { follow } from './taps.ts';
import { probes } from './probes.ts';
import { Watches } from './watches.ts';
import { translator } from './policy/translator.ts';
import { ownerOf as ownerOfSource, type World, world } from './world.ts';

const leaseName = 'kube-ovn-controller';

export class Assembly {
  readonly operator: KubeloomOperator;
  readonly #options: AssemblyOptions;
  readonly #log: Log;
  readonly #metrics: OperatorMetrics;
  readonly #client: KubeClient;
  /** Sockets of its own: a renewal must not wait behind a thousand writes. */
  readonly #leaseClient: KubeClient;
  readonly #graph: Graph<Tables, Indexes>;
  readonly #world: World;
  readonly #plan: PlanStore;
  readonly #nb: Northbound;
  readonly #rowProblems: RowProblems;
  readonly #holds: HoldBook;
  readonly #applier: Applier;
  readonly #status: StatusWriter;
  readonly #finalizers: FinalizerKeeper;
  readonly #events: EventRecorder;
  readonly #notes: ObjectNotes;
  readonly #modules: ModuleEdge;
  readonly #assignments: Assignments;
  readonly #databaseTls: ReturnType<typeof centralTls>;
  readonly #central: CentralEdge;
  readonly #planEdge: PlanEdge;
  readonly #watches: Watches;
  readonly #lease: LeaderLease;
  readonly #leader: Leader;
  #ready = false;
  #stopped = false;
  #restored = false;

  constructor(options: AssemblyOptions) {
    this.#options = options;
    this.#log = options.log;
    const { kubeConfig, log } = options;
    const clock = systemClock;
    const sources = metricSources({
      world: () => this.#world,
      counts: () => this.#nb.counts(),
      queues: () => ({
        objects: this.#applier,
        status: this.#status,
        finalizers: this.#finalizers,
        events: this.#events,
      }),
      sizes: () => this.#watches.sizes,
      troubles: () => this.#watches.troubles,
      leading: () => this.#leader.leading,
    });
    this.#metrics = operatorMetrics(sources, kubeConfig.getCurrentCluster()?.server ?? '');
    options.register?.(this.#metrics.registry);
    this.#client = new KubeClient({ kubeConfig, clock, onRequest: this.#metrics.request });
    this.#leaseClient = new KubeClient({ kubeConfig, clock, maxSockets: 2, onRequest: this.#metrics.request });
    this.#graph = emptyGraph(log);
    this.#plan = new PlanStore((key, sources) => log.error({ key, sources }, 'two sources want one plan item'));
    this.#databaseTls = centralTls(this.#client, options.environment.namespace, options.settings);
    this.#nb = this.#newNorthbound();
    const writer = this.#writer();
    const applied = (owner: Owner): boolean => this.#nb.applied(owner);
    this.#status = this.#newStatus(writer, applied);
    this.#finalizers = new FinalizerKeeper({ ...writer, applied });
    this.#events = this.#newEvents(writer);
    this.#notes = new ObjectNotes(this.#events, () => this.#world, applied);
    const problems = both(this.#status.problems, this.#events);
    this.#applier = new Applier({
      ...writer,
      applied,
      observed: (ref) => observed(this.#world, ref),
      problems: podProblems(problems),
      told: (object, before) => this.#notes.pods.applied(object, before),
    });
    this.#holds = new HoldBook((about) => about.kind === 'IP' && this.#assignments.recheck(about.name));
    this.#rowProblems = new RowProblems(podProblems(this.#status.problems), podProblems(this.#events));
    this.#world = this.#newWorld(problems);
    this.#modules = new ModuleEdge({ ...writer, graph: this.#graph, world: this.#world });
    this.#assignments = this.#newAssignments(writer);
    this.#watches = this.#newWatches();
    this.#central = this.#newCentral(writer);
    this.#planEdge = this.#newPlanEdge(writer);
    this.#leader = this.#newLeader();
    this.#lease = this.#newLease();
    this.#follow();
    this.operator = new KubeloomOperator({ kubeConfig, client: this.#client, clock, log, parts: this.#parts() });
  }

  /** Ends everything in order: the lease is given back only when nothing of ours writes any more. */
  stop(): Promise<void> {
    return this.operator.shutdown();
  }

  #parts(): Part[] {
    const { healthPort: port } = this.#options.settings;
    const [graph, watches, northbound] = [this.#graph, this.#watches, this.#nb];
    const health = probes({ port, registry: this.#metrics.registry, graph, watches, northbound });
    return [
      part('health server', health),
      part('northbound database', this.#nb),
      part('policy modules', { start: () => undefined, stop: () => this.#modules.stop() }),
      part('watches', { start: () => this.#startWatches(), stop: () => this.#watches.stop() }),
      part('lease', { start: () => void this.#stand(), stop: () => this.#stepDown() }),
    ];
  }

  #startWatches(): void {
    this.#central.locate();
    this.#watches.start();
  }

  /** A candidate only when what is wanted is the whole answer: half a list would be told and written as if it were all. */
  async #stand(): Promise<void> {
    await this.#watches.whenSynced();
    await this.#graph.settle();
    // What they decide is part of the answer, too.
    await this.#modules.whenAnswered();
    await this.#graph.settle();
    this.#log.info(this.#watches.sizes, 'all inputs are in');
    if (this.#stopped) return;
    this.#ready = true;
    frugal();
    this.#planEdge.openGate();
    this.#nb.poke();
    this.#lease.start();
  }

  async #stepDown(): Promise<void> {
    this.#stopped = true;
    await this.#leader.deposed();
    this.#assignments.close();
    this.#planEdge.close();
    await this.#lease.stop();
  }

  #writer(): WriterOptions {
    return {
      client: this.#client,
      clock: systemClock,
      log: this.#log,
      mayWrite: () => this.#lease.mayWrite(),
      onWritten: (object) => this.#watches.ingest(object),
      meter: this.#metrics.queue,
    };
  }

  /** Whoever acts on tables hears of their changes as part of the settle that brings them. */
  #follow(): void {
    const { settings, environment } = this.#options;
    const graph = this.#graph;
    followFinalized(graph, this.#world, this.#finalizers);
    this.#notes.follow(graph, this.#world);
    follow(graph, ['follow/central', this.#world.central], () => this.#central.locate());
    follow(graph, ['follow/node', this.#world.node], () => this.#central.nodesChanged());
    follow(graph, ['follow/namespace', this.#world.namespace], (name, row) => {
      if (name !== environment.namespace || row === undefined) return;
      const cluster = clusterRow(settings, row.meta.uid, environment.apiServer);
      graph.enter(() => this.#world.cluster.set(only, cluster));
    });
    graph.onQuiet(() => this.#quiet());
  }

  #quiet(): void {
    this.#plan.flush();
    this.#finalizers.settled();
    this.#assignments.run();
    this.#nb.poke();
    this.#notes.pods.settled();
  }

  #newWorld(problems: Sinks['problems']): World {
    const sinks = {
      rows: this.#nb.sink,
      plan: this.#plan,
      objects: this.#applier,
      status: this.#status.statuses,
      problems,
      holds: apart(this.#holds, this.#finalizers),
    };
    return world(this.#graph, sinks, { translate: translator(this.#options.policies) });
  }

  #newNorthbound(): Northbound {
    return new Northbound({
      remotes: [],
      random: () => systemClock.random(),
      log: this.#log,
      ownerOf: ownerOfSource,
      settled: () => this.#graph.quiet,
      inputsSynced: () => this.#ready,
      mayWrite: () => this.#lease.mayWrite(),
      onChange: (owner) => this.#confirmed(owner),
      onDeposed: () => this.#overtaken(),
      onSynced: () => this.#recheck(),
      onTransaction: this.#metrics.transaction,
      ...(this.#databaseTls && { tls: this.#databaseTls }),
    });
  }

  /** The fence is another's, whatever the lease says: give it up, and stand as a candidate again. */
  #overtaken(): void {
    this.#log.error({}, 'another process has written to the northbound database with a newer epoch');
    void this.#leader
      .deposed()
      .then(() => this.#lease.stop())
      .then(() => (this.#stopped ? undefined : this.#lease.start()));
  }

  #confirmed(owner: Owner): void {
    this.#rowProblems.update(owner, this.#nb.problems(owner));
    if (!this.#nb.applied(owner)) return;
    this.#applier.confirmed(owner);
    this.#notes.pods.confirmed(owner);
    this.#status.confirmed(owner);
    this.#finalizers.confirmed(owner);
    for (const ip of ipNamesOf(owner, this.#world)) this.#assignments.recheck(ip);
  }

  /** Nobody tells of owners that have no rows: whoever waited for them looks again. */
  #recheck(): void {
    this.#finalizers.recheck();
    for (const table of [this.#world.ip, this.#world.holding])
      for (const [name, { meta }] of table.entries()) if (meta.deleting) this.#assignments.recheck(name);
  }

  #newStatus(writer: WriterOptions, applied: (owner: Owner) => boolean): StatusWriter {
    return new StatusWriter({
      ...writer,
      applied,
      observed: (ref) => this.#watches.observedStatus(ref),
      onReady: (ref, reason) => this.#notes.subnets.ready(ref, reason),
    });
  }

  #newEvents(writer: WriterOptions): EventRecorder {
    return new EventRecorder({
      ...writer,
      component: 'kube-ovn-controller',
      instance: this.#options.environment.podName,
      uidOf: (ref) => metaOf(this.#world, ref)?.uid,
    });
  }

  #newAssignments(writer: WriterOptions): Assignments {
    return assignments({
      writer,
      graph: this.#graph,
      world: this.#world,
      module: this.#options.allocator,
      restored: () => this.#ready && this.#restored && this.#graph.quiet,
      told: this.#notes.pods,
      cleared: (row) => !this.#holds.isHeld(ipRef(row.meta.name)) && this.#nb.applied(holderOf(row)),
    });
  }

  #newWatches(): Watches {
    return new Watches({
      client: this.#client,
      clock: systemClock,
      log: this.#log,
      enter: (change) => this.#graph.enter(change),
      world: this.#world,
      namespace: this.#options.environment.namespace,
      status: () => this.#status,
      onMembers: () => this.#central.label(),
      onPod: (before, now) => this.#notes.pods.changed(before, now),
      onRestart: this.#metrics.restart,
    });
  }

  #newCentral(writer: WriterOptions): CentralEdge {
    return new CentralEdge({
      writer,
      settings: this.#options.settings,
      world: this.#world,
      hosts: this.#options.environment.ovnDbIps,
      tls: this.#databaseTls,
      members: () => [...this.#watches.members.entries()].map(([, member]) => member),
      northbound: (remotes) => this.#nb.setRemotes(remotes),
    });
  }

  #newPlanEdge(writer: WriterOptions): PlanEdge {
    const { settings, environment } = this.#options;
    return new PlanEdge({
      writer,
      events: this.#events,
      world: this.#world,
      store: this.#plan,
      enter: (change) => this.#graph.enter(change),
      namespace: environment.namespace,
      host: environment.podIp,
      port: settings.planPort,
      epoch: () => this.#lease.epoch,
      ready: () => this.#ready,
    });
  }

  /** The first address of a new leader comes after everything that the last one gave. */
  async #restore(): Promise<void> {
    await takeInIps(this.#client, this.#watches.ingest);
    await this.#graph.settle();
    this.#restored = true;
    this.#assignments.run();
  }

  #newLeader(): Leader {
    return new Leader({
      clock: systemClock,
      log: this.#log,
      parts: [
        part('differ', { start: () => this.#nb.lead(), stop: () => this.#nb.follow() }),
        part('events', this.#events),
        part('finalizers', this.#finalizers),
        part('objects', this.#applier),
        part('status', this.#status),
        this.#central,
        part('assignments', this.#assignments),
        this.#planEdge,
      ],
      tasks: [
        { name: 'restore addresses', run: () => this.#restore() },
        pruning(this.#applier),
        ...this.#planEdge.tasks,
      ],
    });
  }

  #newLease(): LeaderLease {
    const { settings, environment } = this.#options;
    const host = environment.podIp.includes(':') ? `[${environment.podIp}]` : environment.podIp;
    return new LeaderLease({
      client: this.#leaseClient,
      clock: systemClock,
      log: this.#log,
      namespace: environment.namespace,
      name: leaseName,
      identity: `${environment.podName}_${randomUUID()}`,
      annotations: { 'kubeloom.io/plan-address': `${host}:${settings.planPort}` },
      times: {
        duration: settings.leaseDuration * 1000,
        deadline: settings.leaseRenewDeadline * 1000,
        retry: settings.leaseRetryPeriod * 1000,
      },
      onElected: () => {
        this.#restored = false;
        this.#leader.elected();
      },
      onDeposed: () => void this.#leader.deposed(),
    });
  }
}
