// /livez, /readyz, /metrics and, for who is on the same machine, /debug over HTTP. Answers come from functions that look and never wait: a probe must not hang
// because something else does.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';

/** Undefined when well, otherwise what is wrong in a few words. */
export type Check = () => string | undefined;

export interface HealthServerOptions {
  /** 0 picks a free port. */
  readonly port: number;
  /** Address to listen on; all of both families when it is absent. */
  readonly host?: string;
  readonly registry: Registry;
  /** By name. A failing one makes kubelet restart the process. */
  readonly live: Readonly<Record<string, Check>>;
  /** By name. A failing one takes the process out of its Services. */
  readonly ready: Readonly<Record<string, Check>>;
  /** What `/debug/NAME?key=KEY` shows as JSON, by name; to loopback clients only, since it tells everything. */
  readonly debug?: Readonly<Record<string, (key: string | undefined) => unknown>>;
}

export class HealthServer {
  readonly #options: HealthServerOptions;
  readonly #server: Server;

  constructor(options: HealthServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** Rejects when the port cannot be had. */
  async start(): Promise<void> {
    const { port, host } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => resolve());
    });
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** The port that is listened on; 0 unless started. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { registry, live, ready } = this.#options;
    const { pathname: path, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (request.method !== 'GET' && request.method !== 'HEAD') send(response, 405, 'only GET\n');
    else if (path === '/livez' || path === '/healthz') report(response, live);
    else if (path === '/readyz') report(response, ready);
    else if (path === '/metrics') await metrics(response, registry);
    else if (path.startsWith('/debug/')) this.#debug(request, response, [path, searchParams.get('key') ?? undefined]);
    else send(response, 404, 'there are /livez, /readyz, /metrics and /debug\n');
  }

  #debug(request: IncomingMessage, response: ServerResponse, [path, key]: readonly [string, string | undefined]): void {
    const { debug = {} } = this.#options;
    const show = debug[path.slice('/debug/'.length)];
    if (!isLoopback(request.socket.remoteAddress ?? '')) send(response, 403, 'only for clients on this machine\n');
    else if (show === undefined) send(response, 404, `there are /debug/ ${Object.keys(debug).join(', ')}\n`);
    else send(response, 200, `${JSON.stringify(show(key), plain, 2)}\n`, 'application/json');
  }
}

const isLoopback = (address: string): boolean => /^(?:::ffff:)?127\.|^::1$/.test(address);

/** Sets, maps and large numbers as JSON can say them. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Error) return value.message;
  return value instanceof Set ? [...value] : value;
}

function report(response: ServerResponse, checks: Readonly<Record<string, Check>>): void {
  const results = Object.entries(checks).map(([name, check]) => ({ name, wrong: check() }));
  const lines = results.map(({ name, wrong }) => (wrong === undefined ? `[+]${name} ok` : `[-]${name} ${wrong}`));
  const well = results.every(({ wrong }) => wrong === undefined);
  send(response, well ? 200 : 503, `${[...lines, well ? 'ok' : 'failed'].join('\n')}\n`);
}

async function metrics(response: ServerResponse, registry: Registry): Promise<void> {
  try {
    send(response, 200, await registry.metrics(), registry.contentType);
  } catch (error) {
    send(response, 500, `${error instanceof Error ? error.message : String(error)}\n`);
  }
}

function send(response: ServerResponse, status: number, text: string, type = 'text/plain; charset=utf-8'): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(text) });
  response.end(text);
}
