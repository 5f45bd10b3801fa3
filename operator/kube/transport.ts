// HTTP to the API server: pooled keep-alive sockets, credentials from the kubeconfig (token files and client
// certificates are re-read), and a deadline on everything. Knows nothing of objects.
import http from 'node:http';
import { readFile } from 'node:fs/promises';
import https from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from './clock.ts';
import { ConnectionError, DeadlineError, retryAfterMs } from './errors.ts';

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly contentType?: string;
  /** Ms until the answer (for `open`: its head) must be complete. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** What Retry-After asks for. */
  readonly retryAfterMs: number | undefined;
  readonly text: string;
}

export interface TransportOptions {
  readonly kubeConfig: KubeConfig;
  readonly clock: Clock;
  /** Sockets for unary requests; more requests than this wait for one. Watches have sockets of their own. */
  readonly maxSockets?: number;
  readonly userAgent?: string;
}

/** Tokens of pods are renewed on disk long before they expire; client-go re-reads them every minute or less. */
const credentialsForMs = 10_000;

interface Credentials {
  readonly until: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly unary: http.Agent;
  readonly watch: http.Agent;
  readonly fingerprint: string;
}

export class Transport {
  readonly #options: TransportOptions;
  readonly #server: URL;
  #reading: Promise<Credentials> | undefined;
  #known: Credentials | undefined;

  /** Throws when the kubeconfig names no cluster. */
  constructor(options: TransportOptions) {
    this.#options = options;
    const cluster = options.kubeConfig.getCurrentCluster();
    if (cluster === null) throw new Error('the kubeconfig has no current cluster');
    this.#server = new URL(cluster.server);
  }

  /** The API server's URL without a trailing slash. */
  get server(): string {
    return this.#server.href.replace(/\/$/, '');
  }

  /** Sends and reads the whole answer. A reused socket that the server had just closed is retried once for reads. */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    try {
      return await this.#sendOnce(request);
    } catch (error) {
      const stale = error instanceof ConnectionError && error.cause instanceof StaleSocket;
      if (!stale || request.method !== 'GET') throw error;
      return this.#sendOnce(request);
    }
  }

  async #sendOnce(request: HttpRequest): Promise<HttpAnswer> {
    return this.#within(request, async (signal) => {
      const response = await this.#head(request, 'unary', signal);
      const text = await bodyText(response);
      return { status: response.statusCode ?? 0, retryAfterMs: retryAfterOf(response), text };
    });
  }

  /** Sends and returns the answer once its head is here; its body is the caller's, and `signal` ends it. */
  async open(request: HttpRequest): Promise<http.IncomingMessage> {
    return this.#within(request, (signal) => this.#head(request, 'watch', signal), true);
  }

  /** Forgets the credentials, so that the next request reads them anew (after a 401). */
  refresh(): void {
    if (this.#known !== undefined) this.#known = { ...this.#known, until: Number.NEGATIVE_INFINITY };
  }

  /** Closes idle sockets; requests under way are cut off. */
  close(): void {
    this.#known?.unary.destroy();
    this.#known?.watch.destroy();
  }

  async #head(request: HttpRequest, pool: 'unary' | 'watch', signal: AbortSignal): Promise<http.IncomingMessage> {
    const credentials = await this.#current();
    const secure = this.#server.protocol === 'https:';
    const query = new URLSearchParams(request.query ?? {}).toString();
    const headers: Record<string, string> = {
      ...credentials.headers,
      Accept: 'application/json',
      'User-Agent': this.#options.userAgent ?? 'kubeloom',
    };
    if (request.body !== undefined) {
      headers['Content-Type'] = request.contentType ?? 'application/json';
      headers['Content-Length'] = String(Buffer.byteLength(request.body));
    }
    const options: https.RequestOptions = {
      method: request.method,
      host: this.#server.hostname.replace(/^\[|\]$/g, ''),
      port: this.#server.port === '' ? (secure ? 443 : 80) : Number(this.#server.port),
      path: `${this.server.slice(this.#server.origin.length)}${request.path}${query === '' ? '' : `?${query}`}`,
      headers,
      agent: credentials[pool],
      signal,
    };
    return new Promise((resolve, reject) => {
      const sent = (secure ? https : http).request(options, resolve);
      sent.on('error', (error: NodeJS.ErrnoException) =>
        reject(sent.reusedSocket && error.code === 'ECONNRESET' ? new StaleSocket(error) : error),
      );
      sent.end(request.body);
    });
  }

  // Runs `work` with a signal that fires at the deadline or with the caller's own; names the request in what it throws.
  async #within<T>(request: HttpRequest, work: (signal: AbortSignal) => Promise<T>, keep = false): Promise<T> {
    const what = `${request.method} ${request.path}`;
    const control = new AbortController();
    let late = false;
    const cancel = this.#options.clock.after(request.deadlineMs, () => {
      late = true;
      control.abort();
    });
    const forward = (): void => control.abort();
    if (request.signal?.aborted === true) control.abort();
    request.signal?.addEventListener('abort', forward, { once: true });
    let open = false;
    try {
      const result = await work(control.signal);
      open = keep;
      return result;
    } catch (cause) {
      if (late) throw new DeadlineError(what, `no answer within ${request.deadlineMs} ms`, { cause });
      throw new ConnectionError(what, cause instanceof Error ? cause.message : String(cause), { cause });
    } finally {
      cancel();
      if (!open) request.signal?.removeEventListener('abort', forward);
    }
  }

  async #current(): Promise<Credentials> {
    const known = this.#known;
    if (known !== undefined && this.#options.clock.now() < known.until) return known;
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #read(): Promise<Credentials> {
    const options: https.RequestOptions = {};
    await this.#options.kubeConfig.applyToHTTPSOptions(options);
    const headers: Record<string, string> = { ...(options.headers as Record<string, string> | undefined) };
    const tokenFile = this.#tokenFile();
    if (tokenFile !== undefined) headers.Authorization = `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`;
    if (typeof options.auth === 'string')
      headers.Authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    const fingerprint = [options.ca, options.cert, options.key, options.servername].map(String).join('\n');
    const agents = this.#known?.fingerprint === fingerprint ? this.#known : this.#agents(options);
    const until = this.#options.clock.now() + credentialsForMs;
    this.#known = { until, headers, unary: agents.unary, watch: agents.watch, fingerprint };
    return this.#known;
  }

  // The kubeconfig's own reader keeps a token for a minute, 401 or not.
  #tokenFile(): string | undefined {
    const config: unknown = this.#options.kubeConfig.getCurrentUser()?.authProvider?.config;
    const file = (config as { tokenFile?: unknown } | undefined)?.tokenFile;
    return typeof file === 'string' ? file : undefined;
  }

  // A proxy's agent comes from the kubeconfig; otherwise sockets are pooled here with the kubeconfig's TLS material.
  #agents(options: https.RequestOptions): Pick<Credentials, 'unary' | 'watch'> {
    const cluster = this.#options.kubeConfig.getCurrentCluster();
    if (cluster?.proxyUrl !== undefined && options.agent instanceof http.Agent) {
      return { unary: options.agent, watch: options.agent };
    }
    const pool = {
      keepAlive: true,
      keepAliveMsecs: 30_000,
      maxSockets: this.#options.maxSockets ?? 64,
      scheduling: 'lifo',
    } as const;
    if (this.#server.protocol === 'http:') {
      return { unary: new http.Agent(pool), watch: new http.Agent({ keepAlive: true, keepAliveMsecs: 30_000 }) };
    }
    const tls: https.AgentOptions = {};
    for (const name of ['ca', 'cert', 'key', 'pfx', 'passphrase', 'servername', 'rejectUnauthorized'] as const) {
      if (options[name] !== undefined) Object.assign(tls, { [name]: options[name] });
    }
    return {
      unary: new https.Agent({ ...tls, ...pool }),
      watch: new https.Agent({ ...tls, keepAlive: true, keepAliveMsecs: 30_000 }),
    };
  }
}

/** The server closed an idle pooled socket while we were writing to it: it has not seen the request. */
class StaleSocket extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
  }
}

/** Ms that an answer asks to be left alone for. */
export function retryAfterOf({ headers }: http.IncomingMessage): number | undefined {
  return retryAfterMs(headers['retry-after'], headers.date);
}

/** The whole body as text. Throws when it was cut off or is not UTF-8. */
export async function bodyText(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  if (!response.complete) throw new Error('the answer was cut off');
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
}
