// The CNI server: HTTP on a unix socket that only root can open, one request per CNI call, forwarded as it came by the
// shim. What a call does is in commands.ts; here it is read, bounded, timed and answered.
import { chmod, rm } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { versionOf } from './conf.ts';
import { CNI_CODE, CniError, errorJson } from './error.ts';
import type { CniRequest } from './request.ts';
import { parseRequest, splitBody } from './request.ts';

/** As much as the shim sends, with its variables. */
const MAX_BODY = 2 << 20;

export interface CniServerOptions {
  readonly socket: string;
  readonly execute: (request: CniRequest, signal: AbortSignal) => Promise<Record<string, unknown> | undefined>;
  /** Calls at the same moment; more are told to try again. Most of them wait, so this bounds memory, not work. */
  readonly atOnce: number;
  /** Monotonic, in milliseconds. */
  readonly now: () => number;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** A call has been answered, with the status of the HTTP response. */
  readonly answered: (command: string, status: number, ms: number) => void;
}

interface Outcome {
  readonly command: string;
  readonly status: number;
  readonly body: string;
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) throw new CniError(CNI_CODE.io, 'request is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export class CniServer {
  readonly #options: CniServerOptions;
  readonly #server: Server;
  #active = 0;

  constructor(options: CniServerOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    // The call's own deadline decides; sockets of idle keep-alive connections are not used by the shim.
    this.#server.requestTimeout = 0;
    this.#server.timeout = 0;
  }

  /** Takes over the socket of an agent that ran before; there is one agent per node. */
  async start(): Promise<void> {
    const { socket } = this.#options;
    await rm(socket, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(socket, () => resolve());
    });
    await chmod(socket, 0o600);
  }

  /** No more calls; those under way are cut off, and undone by their next DEL. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const { now, answered } = this.#options;
    const started = now();
    const gone = new AbortController();
    response.on('close', () => {
      if (!response.writableFinished) gone.abort(new Error('the runtime has gone'));
    });
    this.#active += 1;
    const outcome = await this.#outcome(message, gone.signal);
    this.#active -= 1;
    answered(outcome.command, outcome.status, now() - started);
    if (response.destroyed) return;
    response.writeHead(outcome.status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(outcome.body),
      connection: 'close',
    });
    response.end(outcome.body);
  }

  async #outcome(message: IncomingMessage, gone: AbortSignal): Promise<Outcome> {
    let [command, version] = ['', '0.3.1'];
    try {
      if (message.method !== 'POST' || message.url !== '/cni')
        return { command, status: 404, body: errorJson(new CniError(CNI_CODE.io, 'POST /cni only'), version) };
      const { env, stdin } = splitBody(await bodyOf(message));
      command = env.get('CNI_COMMAND') ?? '';
      version = versionOf(stdin);
      if (this.#active > this.#options.atOnce) throw new CniError(CNI_CODE.tryAgain, 'too many CNI calls at once');
      const result = await this.#options.execute(parseRequest(env, stdin), gone);
      return { command, status: 200, body: result === undefined ? '' : `${JSON.stringify(result)}\n` };
    } catch (error) {
      return { command, ...this.#refusal(command, error, version) };
    }
  }

  #refusal(command: string, error: unknown, version: string): { status: number; body: string } {
    const expected = error instanceof CniError;
    this.#options.log.warn({ command, error: String(error), ...(expected ? {} : { bug: true }) }, 'CNI call failed');
    return { status: expected ? 400 : 500, body: `${errorJson(error, version)}\n` };
  }
}
