// The plan's gRPC server: TLS with certificates that change under open streams, one stream per node, the caller's
// node proved before anything is sent. It serves on the leader only.
import {
  experimental,
  type handleBidiStreamingCall,
  Server,
  type ServerDuplexStream,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import type { Credentials } from './authority.ts';
import { LiveCertificate } from './certificate.ts';
import { type Identity, Unauthenticated } from './identity.ts';
import { admitted, type NodeReport, type RawReport } from './report.ts';
import { PlanStream, type ToAgent } from './stream.ts';
import type { PlanStore } from './store.ts';

/** Message `FromAgent` as proto-loader yields it (keepCase, longs as text, defaults, oneofs). */
interface FromAgent {
  readonly hello?: { readonly version: number; readonly chassis: string } | null;
  readonly applied?: {
    readonly revision: string;
    readonly failed: readonly { readonly key: string; readonly message: string }[];
  } | null;
  readonly report?: RawReport | null;
}

type Call = ServerDuplexStream<FromAgent, ToAgent>;

/** What a node's agent has done of the plan. */
export interface NodeProgress {
  readonly applied: number;
  readonly failed: ReadonlyMap<string, string>;
}

export interface PlanServerOptions {
  readonly service: ServiceDefinition;
  readonly store: PlanStore;
  readonly identity: Identity;
  /** Where a pod runs; an agent may report on its own pods only. */
  readonly nodeOfPod: (namespace: string, name: string) => string | undefined;
  /** Whether this process leads, by its own clock; asked before each message. */
  readonly mayServe: () => boolean;
  readonly onReport: (node: string, report: NodeReport) => void;
  /** A node's agent is not heard any more. */
  readonly onLeft: (node: string) => void;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

export class PlanServer {
  readonly #options: PlanServerOptions;
  readonly #certificate = new LiveCertificate();
  readonly #streams = new Map<string, { readonly stream: PlanStream; readonly call: Call }>();
  readonly #progress = new Map<string, NodeProgress>();
  #server: Server | undefined;
  #gate = false;
  #epoch = 0;

  constructor(options: PlanServerOptions) {
    this.#options = options;
  }

  /** Nodes with an open stream. */
  get connected(): number {
    return this.#streams.size;
  }

  /** Of a node with an open stream. */
  progress(node: string): NodeProgress | undefined {
    return this.#progress.get(node);
  }

  /** Takes new credentials into use; open streams go on. */
  useCredentials(credentials: Credentials): void {
    this.#certificate.set(credentials);
  }

  /** Listens on `host:port`; answers the bound port. `epoch` is what agents compare leaders by. */
  async start(host: string, port: number, epoch: number): Promise<number> {
    this.#epoch = epoch;
    const server = new Server({ 'grpc.keepalive_time_ms': 10_000, 'grpc.keepalive_timeout_ms': 5_000 });
    const watch: handleBidiStreamingCall<FromAgent, ToAgent> = (call) => void this.#serve(call);
    server.addService(this.#options.service, { Watch: watch });
    const credentials = experimental.createCertificateProviderServerCredentials(
      this.#certificate,
      this.#certificate,
      false,
    );
    this.#server = server;
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    return await new Promise((resolve, reject) => {
      server.bindAsync(address, credentials, (error, bound) => (error === null ? resolve(bound) : reject(error)));
    });
  }

  /** The operator's inputs are complete: agents may prune. */
  openGate(): void {
    this.#gate = true;
    for (const { stream } of this.#streams.values()) stream.openGate();
  }

  /** Ends all streams at once; agents look for the next leader. */
  stop(): void {
    this.#server?.forceShutdown();
    this.#server = undefined;
    this.#gate = false;
    for (const { stream } of this.#streams.values()) stream.end();
    this.#streams.clear();
  }

  async #serve(call: Call): Promise<void> {
    call.pause();
    call.on('error', () => undefined);
    try {
      const header = call.metadata.get('authorization')[0];
      const node = await this.#options.identity.node(typeof header === 'string' ? header : undefined);
      this.#follow(node, call);
    } catch (error) {
      const refused = error instanceof Unauthenticated;
      const details = error instanceof Error ? error.message : String(error);
      this.#options.log.warn({ peer: call.getPeer(), reason: details }, 'agent refused');
      call.emit('error', { code: refused ? status.UNAUTHENTICATED : status.UNAVAILABLE, details });
    }
  }

  #follow(node: string, call: Call): void {
    if (call.cancelled) return;
    const stream = new PlanStream(this.#options.store, node, { write: (message) => this.#write(call, message) });
    call.on('data', (message: FromAgent) => this.#hear(node, stream, message));
    call.on('drain', () => stream.drained());
    const end = (): void => this.#end(node, stream);
    call.on('cancelled', end);
    call.on('close', end);
    call.on('end', () => {
      end();
      call.end();
    });
    call.resume();
    const previous = this.#streams.get(node);
    this.#streams.set(node, { stream, call });
    previous?.stream.end();
    previous?.call.end();
    this.#options.log.info({ node, peer: call.getPeer() }, 'agent connected');
  }

  #write(call: Call, message: ToAgent): boolean {
    if (this.#options.mayServe()) return call.write(message);
    // A process that was stopped and wakes up, before it has noticed: the agent is another leader's.
    call.end();
    return false;
  }

  #end(node: string, stream: PlanStream): void {
    stream.end();
    if (this.#streams.get(node)?.stream !== stream) return;
    this.#streams.delete(node);
    this.#progress.delete(node);
    this.#options.onLeft(node);
  }

  #hear(node: string, stream: PlanStream, message: FromAgent): void {
    if (message.hello != null) {
      stream.start(this.#epoch);
      if (this.#gate) stream.openGate();
    }
    if (message.applied != null) {
      const failed = new Map(message.applied.failed.map(({ key, message: why }) => [key, why]));
      this.#progress.set(node, { applied: Number(message.applied.revision), failed });
    }
    if (message.report == null) return;
    const report = admitted(node, message.report, this.#options.nodeOfPod);
    if (report === undefined) this.#options.log.warn({ node }, 'report of an agent dropped: not its own to make');
    else this.#options.onReport(node, report);
  }
}
