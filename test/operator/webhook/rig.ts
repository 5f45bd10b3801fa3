// The webhook as its component deploys it, before a real API server: its account, its configuration, its certificate. Only
// where the API server finds it differs, since no Service works without nodes.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { type Clock, systemClock } from '../../../operator/kube/clock.ts';
import { KubeConfig } from '../../../operator/kube/client-node/index.ts';
import { settingsOf } from '../../../operator/settings.ts';
import { Webhook } from '../../../operator/webhook/assembly.ts';
import { repoRoot } from '../../cluster/cache.ts';
import { eventually } from '../../eventually.ts';
import type { ApiServer } from '../../kube-apiserver.ts';

const component = join(repoRoot, 'config/components/webhook');

/** The system's clock, which can be put forward, and whose waits for the next look at the certificate end on demand. */
export class TestClock implements Clock {
  /** Ms that the wall clock is ahead. */
  ahead = 0;
  #looks: (() => void)[] = [];

  now(): number {
    return systemClock.now();
  }

  random(): number {
    return systemClock.random();
  }

  wall(): number {
    return systemClock.wall() + this.ahead;
  }

  after(ms: number, run: () => void): () => void {
    // Nobody lingers here: there are no endpoints that have to go.
    if (ms === 3_000) return systemClock.after(0, run);
    if (ms !== 60_000) return systemClock.after(ms, run);
    this.#looks.push(run);
    return () => {
      this.#looks = this.#looks.filter((other) => other !== run);
    };
  }

  look(): void {
    for (const run of this.#looks.splice(0)) run();
  }
}

export interface Refusal {
  readonly stderr: string;
}

export class Rig {
  readonly clock = new TestClock();
  readonly log: { readonly message: string; readonly fields: object }[] = [];
  readonly port: number;
  readonly healthPort: number;
  readonly #api: ApiServer;
  #webhook: Webhook | undefined;

  constructor(api: ApiServer, port: number, healthPort: number) {
    this.#api = api;
    this.port = port;
    this.healthPort = healthPort;
  }

  /** Applies the component's manifests; `failurePolicy` in place of its own. */
  async install(failurePolicy?: string): Promise<void> {
    const url = `https://localhost:${this.port}/validating`;
    const documents = parseAllDocuments(await readFile(join(component, 'configuration.yaml'), 'utf8'));
    const configuration = documents[0]?.toJS() as { webhooks: { clientConfig: object; failurePolicy: string }[] };
    for (const webhook of configuration.webhooks) {
      webhook.clientConfig = { url };
      webhook.failurePolicy = failurePolicy ?? webhook.failurePolicy;
    }
    await this.#api.apply(await readFile(join(component, 'rbac.yaml'), 'utf8'));
    await this.#api.apply(stringify(configuration));
  }

  /** Starts it as its own account, and waits until the API server asks it. */
  async start(): Promise<void> {
    const { settings } = settingsOf(new Map(), []);
    this.#webhook = new Webhook({
      settings: { ...settings, webhookPort: this.port, webhookHealthPort: this.healthPort },
      environment: { namespace: 'kube-system', apiServer: ['10.96.0.1'] },
      kubeConfig: await this.#kubeConfig(),
      log: {
        debug: () => undefined,
        info: (fields, message) => this.log.push({ fields, message }),
        warn: (fields, message) => this.log.push({ fields, message }),
        error: (fields, message) => this.log.push({ fields, message }),
      },
      clock: this.clock,
    });
    await this.#webhook.start();
    await eventually(async () => (await this.health('/readyz')).includes('[+]certificate ok'), { within: 20_000 });
    // The API server takes a moment to know of a configuration, and of a bundle.
    await eventually(async () => (await this.make(probe, '--dry-run=server')).includes('is not a CIDR'), {
      within: 20_000,
      every: 50,
      what: 'the API server asks the webhook',
    });
  }

  async stop(): Promise<void> {
    await this.#webhook?.stop();
    this.#webhook = undefined;
  }

  /** '' when the object was taken, otherwise what the API server said. */
  async make(object: object, ...more: readonly string[]): Promise<string> {
    return this.said('apply', '--server-side', '--force-conflicts', ...more, '-f', await this.#file(object));
  }

  /** '' when kubectl went well, otherwise what it said. */
  async said(...args: readonly string[]): Promise<string> {
    try {
      await this.#api.kubectl(...args);
      return '';
    } catch (error) {
      return (error as Refusal).stderr.trim();
    }
  }

  async health(path: string): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.healthPort}${path}`)).text();
  }

  /** How many reviews of a kind there were, by result. */
  async reviews(kind: string, result: string): Promise<number> {
    const lines = (await this.health('/metrics')).split('\n');
    const counted = lines.filter((line) => line.includes(`kind="${kind}"`) && line.includes(`result="${result}"`));
    return counted.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  async #file(object: object): Promise<string> {
    const file = join(this.#api.directory, 'object.yaml');
    await writeFile(file, stringify(object));
    return file;
  }

  /** A kubeconfig of its account. */
  async kubeconfig(): Promise<string> {
    const token = (await this.#api.kubectl('-n', 'kube-system', 'create', 'token', 'kube-ovn-webhook')).trim();
    return (await readFile(this.#api.kubeconfig, 'utf8')).replace(/token: [^ }]+/, `token: ${token}`);
  }

  async #kubeConfig(): Promise<KubeConfig> {
    const config = new KubeConfig();
    config.loadFromString(await this.kubeconfig());
    return config;
  }
}

const probe = { apiVersion: 'kubeovn.io/v1', kind: 'Subnet', metadata: { name: 'probe' }, spec: { cidrBlock: 'x' } };
