// A proxy before a real kube-apiserver: plain HTTP on loopback to whoever connects, TLS to the server behind it. It
// passes everything on as it is, except where a test has put a fault before the next request of a kind.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, request } from 'node:https';
import { KubeConfig } from '@kubernetes/client-node';

/** `list` is a list or one page of it, `position` the list of one object, `stream` a streaming list. */
export type RequestKind = 'list' | 'position' | 'stream' | 'watch' | 'other';

/** What happens to one request or its answer; several at once where they can be. */
export interface Fault {
  /** Runs before the request is passed on: changes of the world between two requests. */
  readonly before?: () => Promise<void>;
  /** Replaces headers of the request, e.g. to be somebody else. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Answers in the server's place. */
  readonly answer?: { readonly status: number; readonly headers?: Record<string, string>; readonly body?: object };
  /** The connection goes before there is any answer. */
  readonly refuse?: true;
  /** After so many bytes of the body: `cut` resets the connection, `end` closes it in order, `stall` goes silent. */
  readonly at?: { readonly bytes: number; readonly and: 'cut' | 'end' | 'stall' };
  /** Rewrites each whole line of the body (a watch's event; a list is one line); '' takes it away. */
  readonly edit?: (line: string, index: number) => string;
  /** The body arrives in pieces of so many bytes. */
  readonly pieces?: number;
}

export interface Passed {
  readonly kind: RequestKind;
  readonly url: string;
}

export class ApiProxy {
  readonly #target: URL;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  readonly #faults: { readonly kind: RequestKind; readonly fault: Fault }[] = [];
  readonly #open = new Set<ServerResponse>();
  /** Every request that came, in order. */
  readonly passed: Passed[] = [];

  private constructor(target: string) {
    this.#target = new URL(target);
    this.#server = createServer((incoming, response) => void this.#pass(incoming, response));
  }

  /** Listens on a free port of loopback. `target` is the API server's URL; it need not answer yet. */
  static async start(target: string): Promise<ApiProxy> {
    const proxy = new ApiProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** A configuration with the token of `original` that goes through the proxy. */
  kubeConfig(original: KubeConfig): KubeConfig {
    const address = this.#server.address();
    const server = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [{ name: 'proxy', server, skipTLSVerify: true }],
      users: original.users,
      contexts: [{ name: 'proxy', cluster: 'proxy', user: original.getCurrentUser()?.name ?? '' }],
      currentContext: 'proxy',
    });
    return config;
  }

  /** The next request of that kind that has no fault yet gets this one. */
  next(kind: RequestKind, fault: Fault): void {
    this.#faults.push({ kind, fault });
  }

  /** Faults that no request has met. */
  get waiting(): number {
    return this.#faults.length;
  }

  /** Forgets the faults that no request has met. */
  clear(): void {
    this.#faults.length = 0;
  }

  /** Resets every connection that has an answer under way. */
  cut(): void {
    for (const response of this.#open) response.destroy();
  }

  count(kind: RequestKind): number {
    return this.passed.filter((one) => one.kind === kind).length;
  }

  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    this.#agent.destroy();
    await closed;
  }

  async #pass(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = incoming.url ?? '/';
    const kind = kindOf(incoming.method ?? '', new URL(url, 'http://proxy'));
    const index = this.#faults.findIndex((one) => one.kind === kind);
    const fault = index < 0 ? {} : (this.#faults.splice(index, 1)[0]?.fault ?? {});
    this.passed.push({ kind, url });
    this.#open.add(response);
    response.on('close', () => this.#open.delete(response));
    await fault.before?.();
    if (fault.refuse === true) return void response.destroy();
    if (fault.answer !== undefined) return answer(response, fault.answer);
    this.#forward(incoming, response, fault);
  }

  #forward(incoming: IncomingMessage, response: ServerResponse, fault: Fault): void {
    const { hostname, port } = this.#target;
    const headers = { ...incoming.headers, ...fault.headers };
    const outgoing = request(
      { hostname, port, method: incoming.method, path: incoming.url, headers, agent: this.#agent },
      (answered) => void relay(answered, response, fault),
    );
    // A server that is away looks as it would without the proxy: the connection ends without an answer.
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }
}

const discovery = /^\/api\/[^/]+$|^\/apis\/[^/]+\/[^/]+$/;

function kindOf(method: string, { pathname, searchParams }: URL): RequestKind {
  if (method !== 'GET' || discovery.test(pathname)) return 'other';
  if (searchParams.has('watch')) return searchParams.get('sendInitialEvents') === 'true' ? 'stream' : 'watch';
  return searchParams.get('limit') === '1' ? 'position' : 'list';
}

function answer(response: ServerResponse, { status, headers, body }: NonNullable<Fault['answer']>): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
  response.end(JSON.stringify(body ?? { kind: 'Status', code: status }));
}

async function relay(answered: IncomingMessage, response: ServerResponse, fault: Fault): Promise<void> {
  const { 'content-length': _length, 'transfer-encoding': _encoding, ...headers } = answered.headers;
  response.writeHead(answered.statusCode ?? 502, headers);
  response.flushHeaders();
  try {
    const whole = await copy(answered, response, fault);
    if (whole || fault.at?.and === 'end') response.end();
    else if (fault.at?.and === 'cut') response.destroy();
  } catch {
    response.destroy();
  }
}

/** False when it stopped where the fault says. */
async function copy(answered: IncomingMessage, response: ServerResponse, fault: Fault): Promise<boolean> {
  let left = fault.at?.bytes ?? Number.POSITIVE_INFINITY;
  for await (const chunk of edited(answered, fault.edit)) {
    const part = chunk.subarray(0, left);
    await send(response, part, fault.pieces ?? part.length);
    left -= chunk.length;
    if (left <= 0) return false;
  }
  return true;
}

async function send(response: ServerResponse, bytes: Buffer, size: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) {
    // Each write is a chunk of its own on the wire, and one turn of the loop apart from the next.
    await new Promise<void>((resolve) => response.write(bytes.subarray(at, at + size), () => resolve()));
  }
}

async function* edited(body: IncomingMessage, edit: Fault['edit']): AsyncGenerator<Buffer> {
  if (edit === undefined) {
    yield* body as AsyncIterable<Buffer>;
    return;
  }
  let rest = '';
  let index = 0;
  body.setEncoding('utf8');
  for await (const chunk of body) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    const changed = lines.map((line) => edit(line, index++)).filter((line) => line !== '');
    if (changed.length > 0) yield Buffer.from(`${changed.join('\n')}\n`);
  }
  if (rest !== '') yield Buffer.from(edit(rest, index));
}
