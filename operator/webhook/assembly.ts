// Everything that the webhook is made of, built and connected. Building does nothing: `start` does.
//
//   API server --list, watch--> mirrors -> graph -> view --+
//   API server --AdmissionReview--> server -> reviewer ----+--> verdict
import type { KubeConfig } from '@kubernetes/client-node';
import { Registry, collectDefaultMetrics } from 'prom-client';
import { Graph } from '../../lib/graph/graph.ts';
import { clusterRow } from '../cluster-row.ts';
import type { Environment } from '../environment.ts';
import { KubeClient } from '../kube/client.ts';
import type { Clock } from '../kube/clock.ts';
import { SecretCredentialStore } from '../kube/credential-store.ts';
import { messageOf } from '../kube/errors.ts';
import { HealthServer } from '../kube/health.ts';
import type { Log } from '../kube/log.ts';
import { ensureCredentials } from '../plan/authority.ts';
import type { Settings } from '../settings.ts';
import type { AdmissionRequest } from './admission-review.ts';
import { trust } from './ca-bundle.ts';
import { CertificateKeeper } from './certificate-keeper.ts';
import type { WebhookIndexes, WebhookTables } from './checks/check.ts';
import { Judges } from './judges.ts';
import { webhookMetrics } from './metrics.ts';
import { Mirrors, readings } from './mirrors.ts';
import { review, type ReviewerOptions } from './reviewer.ts';
import { type Answered, WebhookServer } from './server.ts';
import { stateOf } from './state.ts';

export interface WebhookOptions {
  readonly settings: Settings;
  readonly environment: Pick<Environment, 'namespace' | 'apiServer'>;
  readonly kubeConfig: KubeConfig;
  readonly log: Log;
  readonly clock: Clock;
}

/** Service and Secret of ours; the Service's name is Kube-OVN's. */
const service = 'kube-ovn-webhook';
const secret = 'kube-ovn-webhook-tls';

/** How long requests may still come after it was said that none shall: endpoints take a while to go. */
const lingerMs = 3_000;

/** Ms for an object on which a refusal depends; the API server itself waits five seconds for the verdict. */
const readMs = 2_000;

export class Webhook {
  readonly registry = new Registry();
  readonly #options: WebhookOptions;
  readonly #client: KubeClient;
  readonly #mirrors: Mirrors;
  readonly #judges: Judges;
  readonly #server: WebhookServer;
  readonly #keeper: CertificateKeeper;
  readonly #health: HealthServer;
  readonly #count: ReturnType<typeof webhookMetrics>;
  #stopping: Promise<void> | undefined;

  constructor(options: WebhookOptions) {
    this.#options = options;
    const { settings, environment, kubeConfig, log, clock } = options;
    this.#client = new KubeClient({ kubeConfig, clock });
    const graph = emptyGraph(log);
    const state = stateOf(graph, clusterRow(settings, '', environment.apiServer));
    this.#mirrors = new Mirrors({
      client: this.#client,
      clock,
      log,
      enter: (change) => graph.enter(change),
      inputs: state.inputs,
    });
    const { registry } = this;
    collectDefaultMetrics({ register: registry });
    this.#judges = new Judges({ client: this.#client, clock, log, registry });
    const reviewing: ReviewerOptions = {
      view: state.view,
      read: (origins) => readings(this.#client, origins, readMs),
      operators: [`system:serviceaccount:${environment.namespace}:ovn`],
      admit: this.#judges.admit,
    };
    this.#count = webhookMetrics(registry);
    this.#server = new WebhookServer({
      port: settings.webhookPort,
      review: (request) => review(request, reviewing),
      unready: () => (this.#mirrors.synced && this.#judges.isReady ? undefined : 'not everything has been read yet'),
      onAnswer: (request, answer) => this.#answered(request, answer),
      now: () => clock.now(),
    });
    this.#keeper = this.#newKeeper();
    this.#health = new HealthServer({
      port: settings.webhookHealthPort,
      registry,
      live: {},
      ready: {
        stopping: () => (this.#stopping ? 'is being stopped' : undefined),
        mirrors: () => (this.#mirrors.synced ? undefined : `not listed yet: ${JSON.stringify(this.#mirrors.troubles)}`),
        modules: () => (this.#judges.isReady ? undefined : 'not loaded yet'),
        certificate: () => this.#keeper.trouble,
      },
    });
  }

  /** Where reviews are taken; 0 before there is a certificate. */
  get port(): number {
    return this.#server.port;
  }

  /** Where health and metrics are told. */
  get healthPort(): number {
    return this.#health.port;
  }

  /** Resolves at once; when it can decide, readyz says so. */
  async start(): Promise<void> {
    await this.#health.start();
    this.#mirrors.start();
    this.#keeper.start();
    await Promise.all([this.#mirrors.whenSynced(), this.#judges.start()]);
  }

  /** Says that no more requests shall come, serves those that do, and ends; the same promise for every call. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    await new Promise<void>((resolve) => void this.#options.clock.after(lingerMs, resolve));
    await this.#server.stop();
    await this.#keeper.stop();
    await this.#mirrors.stop();
    await this.#judges.stop();
    await this.#health.stop();
    this.#client.close();
  }

  #newKeeper(): CertificateKeeper {
    const { environment, log, clock } = this.#options;
    const { namespace } = environment;
    // The CA is published in the configuration, and in no ConfigMap.
    const secrets = new SecretCredentialStore({
      client: this.#client,
      mayWrite: () => true,
      namespace,
      secret,
      configMap: '',
    });
    const store = {
      read: () => secrets.read(),
      write: secrets.write.bind(secrets),
      publish: (caCert: string) => trust(this.#client, caCert, clock.wall()),
    };
    const names = [`${service}.${namespace}.svc`, service, 'localhost'] as const;
    return new CertificateKeeper({
      clock,
      log,
      ensure: () => ensureCredentials(store, names, clock.wall()),
      use: (certificate) => {
        this.#server.use(certificate);
        return this.#server.start();
      },
    });
  }

  #answered(request: AdmissionRequest | undefined, answer: Answered): void {
    this.#count(request, answer);
    const { result, message } = answer;
    if (result === 'allowed') return;
    const { kind = '', operation = '', namespace = '', name = '', username = '' } = request ?? {};
    const fields = { kind, operation, namespace, name, username, message };
    if (result === 'refused') this.#options.log.info(fields, 'refused');
    else this.#options.log.warn(fields, result === 'failed' ? 'could not be decided' : 'could not be understood');
  }
}

const emptyGraph = (log: Log): Graph<WebhookTables, WebhookIndexes> =>
  new Graph<WebhookTables, WebhookIndexes>({
    clock: { now: () => performance.now(), defer: (fn) => void setImmediate(fn) },
    sliceMs: 4,
    onFailure: (source, error) => log.debug({ source, error: messageOf(error) }, 'derivation gave nothing'),
    onConflict: (conflict) => log.error({ ...conflict }, 'two sources want one row of a table'),
  });
