// Where the operator's leader is and which CA it shows: one Lease and one ConfigMap, watched by name with the agent's own
// ServiceAccount. These are all the rights that it has, so a list or another object would be refused.
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createInterface } from 'node:readline';

/** How the API server is reached. Token and CA are read anew for each request, since both rotate. */
export interface ApiServer {
  readonly host: string;
  readonly port: number;
  readonly token: () => Promise<string>;
  readonly ca: () => Promise<string>;
}

/** The environment and the files that Kubernetes gives every pod. */
export function inClusterApi(env: Readonly<Record<string, string | undefined>>, folder: string): ApiServer {
  const host = env['KUBERNETES_SERVICE_HOST'];
  if (host === undefined) throw new Error('KUBERNETES_SERVICE_HOST is not set: not inside a cluster?');
  return {
    host,
    port: Number(env['KUBERNETES_SERVICE_PORT'] ?? 443),
    token: async () => (await readFile(`${folder}/token`, 'utf8')).trim(),
    ca: () => readFile(`${folder}/ca.crt`, 'utf8'),
  };
}

type JsonObject = Readonly<Record<string, unknown>>;

export interface WatchOptions {
  readonly api: ApiServer;
  /** Path of the collection, e.g. /api/v1/namespaces/kube-system/configmaps. */
  readonly collection: string;
  readonly name: string;
  /** The object as it is now; undefined when it has been deleted. */
  readonly seen: (object: JsonObject | undefined) => void;
  readonly setTimeout: (callback: () => void, ms: number) => unknown;
  readonly clearTimeout: (timer: unknown) => void;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: { warn(fields: object, message: string): void };
}

/** The API server ends a watch after so many seconds; half as much again without its end means that it is lost. */
const WATCH_SECONDS = 240;
const LONGEST_PAUSE = 5000;

/** Watches one object. A watch without a resourceVersion begins with the present object, so nothing is listed. */
export class ObjectWatch {
  readonly #options: WatchOptions;
  #response: IncomingMessage | undefined;
  #timer: unknown;
  #failures = 0;
  #told = '';
  #stopped = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#follow();
  }

  stop(): void {
    this.#stopped = true;
    this.#options.clearTimeout(this.#timer);
    this.#response?.destroy();
  }

  async #follow(): Promise<void> {
    let reason = '';
    try {
      await this.#watch();
      this.#failures = 0;
    } catch (error) {
      this.#failures += 1;
      reason = error instanceof Error ? error.message : String(error);
    }
    if (this.#stopped) return;
    const { name, log, random, setTimeout } = this.#options;
    // A server that is away for long fills no log.
    if (reason !== '' && reason !== this.#told)
      log.warn({ name, reason }, 'watch of the API server ended, will watch again');
    this.#told = reason;
    const longest = this.#failures === 0 ? 50 : Math.min(LONGEST_PAUSE, 200 * 2 ** Math.min(this.#failures, 10));
    this.#timer = setTimeout(() => void this.#follow(), longest * (0.5 + random() / 2));
  }

  async #watch(): Promise<void> {
    const response = await this.#request();
    this.#response = response;
    try {
      if (response.statusCode !== 200) {
        response.resume();
        throw new Error(`the API server answers ${response.statusCode}`);
      }
      for await (const line of createInterface({ input: response })) this.#event(line);
    } finally {
      response.destroy();
    }
  }

  async #request(): Promise<IncomingMessage> {
    const { api, collection, name } = this.#options;
    const [token, ca] = await Promise.all([api.token(), api.ca()]);
    const query = new URLSearchParams({
      watch: 'true',
      fieldSelector: `metadata.name=${name}`,
      timeoutSeconds: String(WATCH_SECONDS),
    });
    return await new Promise((resolve, reject) => {
      const call = request(
        {
          host: api.host,
          port: api.port,
          ca,
          path: `${collection}?${query.toString()}`,
          headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
          // Not a keep-alive pool's: a watch owns its connection, and ends with it.
          agent: false,
          timeout: WATCH_SECONDS * 1500,
        },
        resolve,
      );
      // A server whose machine is gone closes nothing.
      call.on('socket', (socket) => socket.setKeepAlive(true, 15_000));
      call.on('timeout', () => call.destroy(new Error('the API server is silent')));
      call.on('error', reject);
      call.end();
    });
  }

  #event(line: string): void {
    const { type, object } = JSON.parse(line) as { type: string; object: JsonObject };
    if (type === 'ERROR') throw new Error(`watch: ${JSON.stringify(object).slice(0, 200)}`);
    if (type === 'DELETED') this.#options.seen(undefined);
    else if (type === 'ADDED' || type === 'MODIFIED') this.#options.seen(object);
  }
}

const member = (object: JsonObject | undefined, key: string): JsonObject =>
  typeof object?.[key] === 'object' && object[key] !== null ? (object[key] as JsonObject) : {};

/** The leader's address in its Lease, '' when there is none yet. */
export function leaderAddress(lease: JsonObject | undefined): string {
  const address = member(member(lease, 'metadata'), 'annotations')['kubeloom.io/plan-address'];
  return typeof address === 'string' ? address : '';
}

/** The CA certificate in its ConfigMap, '' when there is none yet. */
export function caCertificate(configMap: JsonObject | undefined): string {
  const ca = member(configMap, 'data')['ca.crt'];
  return typeof ca === 'string' ? ca : '';
}
