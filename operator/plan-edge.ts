// The plan's way to the agents and their reports' way back: certificates, the gRPC server, and who may speak for what.
import type { Part } from './kube/operator.ts';
import { planService } from '../proto/plan.ts';
import { objectKey } from './api/refs.ts';
import { credentialNames, SecretCredentialStore } from './kube/credential-store.ts';
import type { EventRecorder } from './kube/events.ts';
import { tokenReview } from './kube/token-review.ts';
import type { WriterOptions } from './kube/writer.ts';
import type { Task } from './leader.ts';
import { ensureCredentials } from './plan/authority.ts';
import { identity, type Identity } from './plan/identity.ts';
import { PlanServer } from './plan/server.ts';
import type { PlanStore } from './plan/store.ts';
import { Reachability } from './reachability.ts';
import { Reports } from './reports.ts';
import type { World } from './world.ts';

export interface PlanEdgeOptions {
  readonly writer: WriterOptions;
  readonly events: EventRecorder;
  readonly world: World;
  readonly store: PlanStore;
  /** Enters changes of tables. */
  readonly enter: (change: () => void) => void;
  readonly namespace: string;
  /** Where agents dial. */
  readonly host: string;
  readonly port: number;
  /** Greater for each leader than for those before it. */
  readonly epoch: () => number;
  /** All inputs are in: agents may be told that they have heard everything. */
  readonly ready: () => boolean;
}

/** Names in the server's certificate; agents ask for the first. */
const names = ['kube-ovn-controller', 'localhost'] as const;
const renewalMs = 6 * 3_600_000;

export class PlanEdge implements Part {
  readonly name = 'plan';
  /** What has to succeed before agents are served. */
  readonly tasks: readonly Task[];
  readonly #options: PlanEdgeOptions;
  readonly #identity: Identity;
  readonly #server: PlanServer;
  readonly #reports: Reports;
  readonly #reachability: Reachability;
  readonly #credentials: SecretCredentialStore;

  constructor(options: PlanEdgeOptions) {
    this.#options = options;
    const { writer, events, world, store, namespace } = options;
    const { client, clock, log, mayWrite } = writer;
    this.#reports = new Reports({
      client,
      clock,
      log,
      events,
      mayWrite,
      onWritten: (object) => writer.onWritten?.(object),
      metaOf: (node) => world.node.get(node)?.meta,
    });
    this.#reachability = new Reachability(clock, (node, lost) => {
      log.warn({ node, lost }, lost ? 'other nodes do not reach a gateway node' : 'a gateway node is reached again');
      options.enter(() => (lost ? world.lost.set(node, { node }) : world.lost.delete(node)));
    });
    this.#credentials = new SecretCredentialStore({ client, mayWrite, namespace, ...credentialNames });
    const username = `system:serviceaccount:${namespace}:kube-ovn-cni`;
    this.#identity = identity({ review: tokenReview(client), audience: 'kubeloom-plan', username });
    this.#server = new PlanServer({
      service: planService,
      store,
      identity: this.#identity,
      nodeOfPod: (ns, name) => world.pod.get(objectKey(ns, name))?.node,
      mayServe: mayWrite,
      onReport: (node, report) => {
        if ('reach' in report) this.#reachability.take(node, report.reach);
        else this.#reports.take(node, report);
      },
      onLeft: (node) => this.#reachability.left(node),
      log,
    });
    this.tasks = [
      { name: 'certificate', run: () => this.#certify(), everyMs: renewalMs },
      { name: 'serve the plan', run: () => this.#serve() },
    ];
  }

  /** Agents with an open stream. */
  get connected(): number {
    return this.#server.connected;
  }

  start(): void {
    this.#reports.start();
  }

  async stop(): Promise<void> {
    this.#server.stop();
    this.#reachability.clear();
    await this.#reports.stop();
  }

  /** For good: timers too. */
  close(): void {
    this.#identity.stop();
  }

  /** All inputs are in. */
  openGate(): void {
    this.#server.openGate();
  }

  async #certify(): Promise<void> {
    const { clock } = this.#options.writer;
    this.#server.useCredentials(await ensureCredentials(this.#credentials, names, clock.wall()));
  }

  async #serve(): Promise<void> {
    const { host, port, epoch, ready } = this.#options;
    await this.#server.start(host, port, epoch());
    if (ready()) this.#server.openGate();
  }
}
