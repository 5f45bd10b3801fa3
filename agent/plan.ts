// The plan's client: finds the leader's address, dials, follows its stream and dials again, for ever. Which address and
// which CA is learned from outside (discovery.ts); what messages mean is in plan-state.ts.
//
//   idle --address and CA--> dialling --Init..InitDone--> following --ended | refused | another address--> pausing --> dialling
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { Metadata, credentials } from '@grpc/grpc-js';
import type { FromAgent } from '../proto/kubeloom/plan/v1/FromAgent.gen.ts';
import type { Report } from '../proto/kubeloom/plan/v1/Report.gen.ts';
import type { ToAgent__Output } from '../proto/kubeloom/plan/v1/ToAgent.gen.ts';
import { PlanClient } from '../proto/plan.ts';
import type { Failure } from './node-loop.ts';
import type { PlanState } from './plan-state.ts';
import { PLAN_VERSION } from './plan-state.ts';

/** The name in the server's certificate; the address changes with the leader. */
const SERVER_NAME = 'kube-ovn-controller';
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 5000;
/** Reports that wait for a connection; older ones are dropped, they are events. */
const MAX_REPORTS = 1000;

export interface Leader {
  /** `host:port`. */
  readonly address: string;
  /** PEM. */
  readonly ca: string;
}

export interface PlanOptions {
  readonly state: PlanState;
  /** The bearer token; read for each dial, since it is rotated. */
  readonly token: () => Promise<string>;
  readonly agentVersion: string;
  readonly chassis: () => string;
  /** A consistent revision has been taken. */
  readonly revised: () => void;
  /** `following` is true from InitDone to the end of the stream. */
  readonly connection: (following: boolean) => void;
  readonly setTimeout: (callback: () => void, ms: number) => unknown;
  readonly clearTimeout: (timer: unknown) => void;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

type Call = ClientDuplexStream<FromAgent, ToAgent__Output>;

interface Dialled {
  readonly call: Call;
  readonly close: () => void;
}

export class Plan {
  readonly #options: PlanOptions;
  readonly #reports: Report[] = [];
  #leader: Leader | undefined;
  #dialled: Dialled | undefined;
  #dialling = 0;
  #failures = 0;
  #timer: unknown;
  #stopped = false;

  constructor(options: PlanOptions) {
    this.#options = options;
  }

  /** The leader is there, another one is, or its CA has changed. */
  lead(leader: Leader): void {
    if (this.#leader?.address === leader.address && this.#leader.ca === leader.ca) return;
    this.#leader = leader;
    this.#failures = 0;
    this.#end('another leader');
    this.#dialSoon(0);
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clearTimeout(this.#timer);
    this.#end('stopped');
  }

  /** Tells the operator what has been brought about. */
  applied(revision: string, failed: readonly Failure[]): void {
    this.#dialled?.call.write({ applied: { revision, failed: [...failed] } });
  }

  /** Tells the operator something to write to the API; kept for the next connection when there is none. */
  report(report: Report): void {
    this.#reports.push(report);
    if (this.#reports.length > MAX_REPORTS) this.#reports.shift();
    this.#sendReports();
  }

  #sendReports(): void {
    if (this.#dialled === undefined) return;
    for (const report of this.#reports.splice(0)) this.#dialled.call.write({ report });
  }

  #dialSoon(ms: number): void {
    const { setTimeout, clearTimeout } = this.#options;
    clearTimeout(this.#timer);
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#dial(), ms);
  }

  async #dial(): Promise<void> {
    const leader = this.#leader;
    if (leader === undefined || this.#stopped) return;
    this.#dialling += 1;
    const attempt = this.#dialling;
    try {
      const token = await this.#options.token();
      if (attempt === this.#dialling && !this.#stopped) this.#open(leader, token);
    } catch (error) {
      if (attempt === this.#dialling) this.#ended(undefined, `token: ${String(error)}`);
    }
  }

  #open(leader: Leader, token: string): void {
    const { state, agentVersion, chassis } = this.#options;
    const client = new PlanClient(leader.address, credentials.createSsl(Buffer.from(leader.ca)), {
      'grpc.ssl_target_name_override': SERVER_NAME,
      // A leader whose node is gone closes nothing: silence has to be noticed.
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5000,
      'grpc.keepalive_permit_without_calls': 1,
    });
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${token.trim()}`);
    const call = (client as unknown as { Watch(metadata: Metadata): Call }).Watch(metadata);
    const dialled: Dialled = { call, close: () => client.close() };
    this.#dialled = dialled;
    call.on('data', (message: ToAgent__Output) => this.#hear(dialled, message));
    call.on('error', (error: Error) => this.#ended(dialled, error.message));
    call.on('end', () => this.#ended(dialled, 'the leader ended the stream'));
    call.write({
      hello: { version: PLAN_VERSION, epoch: state.epoch, agent_version: agentVersion, chassis: chassis() },
    });
    this.#sendReports();
  }

  #hear(dialled: Dialled, message: ToAgent__Output): void {
    if (this.#dialled !== dialled) return;
    const { state, revised, connection, log } = this.#options;
    try {
      const consistent = state.take(message);
      if (message.init_done) {
        this.#failures = 0;
        connection(true);
        log.info(
          { address: this.#leader?.address, epoch: state.epoch, revision: state.revision },
          'following the plan',
        );
      }
      if (consistent) revised();
    } catch (error) {
      this.#ended(dialled, error instanceof Error ? error.message : String(error));
    }
  }

  /** Drops the stream without planning another. */
  #end(reason: string): void {
    const dialled = this.#dialled;
    this.#dialling += 1;
    if (dialled === undefined) return;
    this.#dialled = undefined;
    this.#options.state.cut();
    this.#options.connection(false);
    dialled.call.cancel();
    dialled.close();
    this.#options.log.info({ reason }, 'stream of the plan ended');
  }

  #ended(dialled: Dialled | undefined, reason: string): void {
    if (dialled !== this.#dialled) return;
    this.#end(reason);
    this.#failures += 1;
    const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(this.#failures, 10));
    const pause = longest * (0.5 + this.#options.random() / 2);
    this.#options.log.warn({ reason, pause: Math.round(pause) }, 'no plan from the leader, will dial again');
    this.#dialSoon(pause);
  }
}
