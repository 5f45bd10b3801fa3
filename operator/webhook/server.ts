// HTTPS for the API server: POST /validating takes an AdmissionReview and answers it. What cannot be understood is
// answered with 400, what is too long with 413; what cannot be decided with 500 or 503, and then the webhook's
// failurePolicy decides. No request can stop the process.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { MalformedReviewError, formatReview, parseReview } from './admission-review.ts';
import type { AdmissionVerdict } from '../policy/admission.ts';
import type { AdmissionRequest } from './admission-review.ts';

/** PEM texts. */
export interface ServingCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface WebhookServerOptions {
  /** 0 picks a free port. */
  readonly port: number;
  /** Address to listen on; all of both families when it is absent. */
  readonly host?: string;
  readonly review: (request: AdmissionRequest) => Promise<AdmissionVerdict>;
  /** Why nothing can be decided yet; undefined when it can. */
  readonly unready: () => string | undefined;
  /** Told of each request that was answered or failed. `request` is undefined when it was not understood. */
  readonly onAnswer: (request: AdmissionRequest | undefined, answer: Answered) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

export interface Answered {
  readonly result: 'allowed' | 'refused' | 'malformed' | 'failed';
  readonly seconds: number;
  /** Of a refusal, what the user is told; of a failure, the error. */
  readonly message: string;
}

/** Two objects of the largest size that the API server takes, and what is around them. */
const mostBytes = 8 * 1024 * 1024;

/** Longer than the API server keeps idle connections, so that it is never us who closes one that is about to be used. */
const idleMs = 120_000;

export class WebhookServer {
  readonly #options: WebhookServerOptions;
  readonly #server: Server;
  #listening = false;

  constructor(options: WebhookServerOptions) {
    this.#options = options;
    this.#server = createServer({ keepAliveTimeout: idleMs, headersTimeout: 10_000, requestTimeout: 15_000 });
    this.#server.on('request', (request, response) => void this.#answer(request, response));
    // Whoever does not speak TLS, or hangs up, is none of our business.
    this.#server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** The port that is listened on; 0 unless started. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** New connections meet this certificate; open ones go on. */
  use({ cert, key }: ServingCertificate): void {
    this.#server.setSecureContext({ cert, key, minVersion: 'TLSv1.2' });
  }

  /** Listens; does nothing when it does already. Rejects when the port cannot be had. */
  async start(): Promise<void> {
    if (this.#listening) return;
    const { port, host } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host !== undefined && { host }) }, () => resolve());
    });
    this.#listening = true;
  }

  /** Takes no new requests, and resolves when those under way are answered. */
  async stop(): Promise<void> {
    if (!this.#listening) return;
    this.#listening = false;
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeIdleConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => response.destroy());
    try {
      const refusal = unwanted(request);
      if (refusal !== undefined) return this.#send(response, ...refusal);
      const body = await textOf(request);
      if (body === undefined) return this.#send(response, 413, `more than ${mostBytes} bytes`, { Connection: 'close' });
      await this.#review(body, response);
    } catch {
      // The request broke off: nobody waits for an answer.
      response.destroy();
    }
  }

  async #review(body: string, response: ServerResponse): Promise<void> {
    const { review, unready, onAnswer, now } = this.#options;
    const started = now();
    let request: AdmissionRequest | undefined;
    const told = (result: Answered['result'], message: string): void =>
      onAnswer(request, { result, message, seconds: (now() - started) / 1000 });
    try {
      request = parseReview(body);
      const why = unready();
      if (why !== undefined) {
        told('failed', why);
        return this.#send(response, 503, why);
      }
      const verdict = await review(request);
      told(verdict.allowed ? 'allowed' : 'refused', verdict.message);
      this.#send(response, 200, formatReview(request.uid, verdict), { 'Content-Type': 'application/json' });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const isMalformed = error instanceof MalformedReviewError;
      told(isMalformed ? 'malformed' : 'failed', message);
      this.#send(response, isMalformed ? 400 : 500, message);
    }
  }

  #send(response: ServerResponse, status: number, text: string, headers: Readonly<Record<string, string>> = {}): void {
    response.writeHead(status, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
      // Once we are to stop, an answer ends its connection.
      ...(!this.#listening && { Connection: 'close' }),
      ...headers,
    });
    response.end(text);
  }
}

function unwanted({ url = '/', method, headers }: IncomingMessage): [status: number, text: string] | undefined {
  if (url.split('?')[0] !== '/validating') return [404, 'there is /validating'];
  if (method !== 'POST') return [405, 'only POST'];
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
  return type === 'application/json' ? undefined : [415, 'only application/json'];
}

/** Undefined when there is too much of it; the rest is not read then. */
async function textOf(request: IncomingMessage): Promise<string | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  // Its end must not take the connection along: there is an answer to give.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > mostBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
