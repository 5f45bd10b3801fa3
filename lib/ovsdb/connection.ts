// One JSON-RPC 1.0 connection (RFC 7047 section 4): requests matched with replies by id, pipelined; echo answered and sent.
// It ends exactly once, with a reason, whatever went wrong; it never reconnects and never waits for ever. Replies and
// notifications are handed over synchronously in the order of the wire: nothing may be put between an update and the
// reply that follows it.
import type { Duplex } from 'node:stream';
import type { Clock } from './clock.ts';
import { ConnectionLost, ProtocolError, QueueFull, parseError, requestError } from './errors.ts';
import type { RequestError } from './errors.ts';
import { FrameReader } from './framing.ts';
import { excerpt, jsonText } from './json.ts';

/** The limits of a connection, and who is told of what it brings. */
export interface ConnectionOptions {
  readonly clock: Clock;
  /** Milliseconds of silence after which an echo is sent; as long again without a byte ends the connection. 0: never. */
  readonly probeInterval: number;
  /** Bytes of the longest message taken. */
  readonly maxMessage: number;
  /** Requests that may be outstanding. */
  readonly maxRequests: number;
  /** Bytes that may wait for a peer that does not read. */
  readonly maxBuffered: number;
  notified(method: string, params: readonly unknown[]): void;
  /** Called once; every outstanding request has failed by then. */
  ended(reason: string): void;
}

/** What happens with a reply; called synchronously, exactly one of the two, once. */
export interface Reply {
  result(value: unknown): void;
  failed(error: RequestError | ConnectionLost): void;
}

interface Outstanding {
  readonly method: string;
  readonly reply: Reply;
}

/** Probe intervals that one message may take from its first byte to its last. */
const MESSAGE_PATIENCE = 60;
/** Characters of a reason: a server may put anything into an error. */
const MAX_REASON = 500;

/** One JSON-RPC connection over a stream that is open. */
export class Connection {
  readonly #stream: Duplex;
  readonly #options: ConnectionOptions;
  readonly #reader: FrameReader;
  readonly #outstanding = new Map<number, Outstanding>();
  #nextId = 1;
  #reason: string | undefined;
  #heardAt: number;
  /** When the message began whose end has not come. */
  #begunAt: number | undefined;
  #probing = false;
  #timer: unknown;
  /**
   * How many probe intervals a probe may stay unanswered. A server that gathers the rows of a large database answers
   * nothing meanwhile, and to give up on it would make it begin again.
   */
  patience = 1;

  constructor(stream: Duplex, options: ConnectionOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#reader = new FrameReader(options.maxMessage, (message) => this.#take(message));
    this.#heardAt = options.clock.now();
    stream.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    stream.on('error', (error: Error) => this.end(error.message));
    stream.on('end', () => this.end(this.#reader.idle ? 'closed by the server' : 'closed within a message'));
    stream.on('close', () => this.end('closed'));
    if (options.probeInterval > 0) this.#watch(options.probeInterval, () => this.#probe());
  }

  /** Why it ended; undefined while it lives. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** Sends a request and gives its id. Throws QueueFull, having sent nothing, when too much is outstanding. */
  call(method: string, params: unknown, reply: Reply): number | undefined {
    const { maxRequests, maxBuffered } = this.#options;
    const [requests, bytes] = [this.#outstanding.size, this.#stream.writableLength];
    if (this.#reason === undefined && (requests >= maxRequests || bytes > maxBuffered)) {
      throw new QueueFull(`${requests} requests outstanding, ${bytes} bytes unsent`);
    }
    return this.ask(method, params, reply);
  }

  /** The same without the limit: for what the connection's owner needs, and cannot put off. */
  ask(method: string, params: unknown, reply: Reply): number | undefined {
    if (this.#reason !== undefined) {
      reply.failed(new ConnectionLost(this.#reason, false));
      return undefined;
    }
    const id = this.#nextId;
    this.#nextId += 1;
    this.#outstanding.set(id, { method, reply });
    this.#send({ method, params, id });
    return id;
  }

  /** Sends a request and waits. Replies that came later on the wire may have been taken when this continues. */
  async request(method: string, params: unknown): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.call(method, params, { result: resolve, failed: reject });
    return await promise;
  }

  /** Sends a notification, such as `cancel`. */
  notify(method: string, params: unknown): void {
    if (this.#reason === undefined) this.#send({ method, params, id: null });
  }

  /** Ends the connection; the first reason stands. */
  end(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason.slice(0, MAX_REASON);
    this.#options.clock.clearTimeout(this.#timer);
    this.#stream.destroy();
    const outstanding = [...this.#outstanding.values()];
    this.#outstanding.clear();
    for (const { method, reply } of outstanding) reply.failed(new ConnectionLost(this.#reason, method === 'transact'));
    this.#options.ended(this.#reason);
  }

  #send(message: unknown): void {
    this.#stream.write(JSON.stringify(message));
  }

  #receive(chunk: Uint8Array): void {
    if (this.#reason !== undefined) return;
    this.#heardAt = this.#options.clock.now();
    try {
      this.#reader.push(chunk);
      this.#limit();
    } catch (error) {
      this.end(error instanceof ProtocolError ? error.message : 'failed while taking a message');
      // What is not the server's fault is a fault of whoever was called: it must not be lost.
      if (!(error instanceof ProtocolError)) throw error;
    }
  }

  #take(message: unknown): void {
    // An earlier message of the same chunk may have ended the connection.
    if (this.#reason !== undefined) return;
    this.#begunAt = undefined;
    const { method, params, id, result, error } = message as Record<string, unknown>;
    if (typeof method === 'string') this.#asked(method, params, id);
    else this.#answered(id, result, error);
  }

  #asked(method: string, params: unknown, id: unknown): void {
    if (!Array.isArray(params)) throw new ProtocolError(`${method} without parameters`);
    if (id === null || id === undefined) return this.#options.notified(method, params);
    // An answer that says "unknown method" would leave a copy without what the update brings.
    if (method.startsWith('update')) throw new ProtocolError(`${method} is not a request`);
    if (this.#stream.writableLength > this.#options.maxBuffered) this.end('asks without reading the answers');
    else if (method === 'echo') this.#stream.write(jsonText({ result: params, error: null, id }));
    else this.#stream.write(jsonText({ result: null, error: { error: 'unknown method', details: method }, id }));
  }

  #answered(id: unknown, result: unknown, error: unknown): void {
    const request = typeof id === 'number' ? this.#outstanding.get(id) : undefined;
    if (typeof id !== 'number' || request === undefined) {
      throw new ProtocolError(`a reply to nothing: id ${id === undefined ? 'absent' : excerpt(id)}`);
    }
    this.#outstanding.delete(id);
    if (error === null || error === undefined) request.reply.result(result);
    else request.reply.failed(requestError(request.method, parseError(error)));
  }

  #watch(milliseconds: number, then: () => void): void {
    this.#timer = this.#options.clock.setTimeout(then, milliseconds);
  }

  #probe(): void {
    const { clock, probeInterval } = this.#options;
    const silent = clock.now() - this.#heardAt;
    if (silent < probeInterval) {
      this.#watch(probeInterval - silent, () => this.#probe());
      return;
    }
    this.#probing = true;
    const answered = (): void => void (this.#probing = false);
    this.ask('echo', [], { result: answered, failed: answered });
    this.#await(1);
  }

  /** Waits for the answer to the probe; `waited` intervals of silence will have passed. */
  #await(waited: number): void {
    const { clock, probeInterval } = this.#options;
    const due = clock.now() + probeInterval;
    this.#watch(probeInterval, () => {
      // A timer that is late means that this process was busy, with the server's answer perhaps still unread.
      const late = clock.now() - due > probeInterval / 2;
      const silent = clock.now() - this.#heardAt;
      if (!this.#probing) this.#probe();
      // The answer comes behind what is coming now.
      else if (silent < probeInterval) this.#await(waited);
      else if (late || waited < this.patience) this.#await(late ? waited : waited + 1);
      else this.end(`no answer for ${Math.round(silent)} ms`);
    });
  }

  /** A message that grows so slowly, or whose end was missed, is not waited for. */
  #limit(): void {
    const now = this.#options.clock.now();
    this.#begunAt = this.#reader.idle ? undefined : (this.#begunAt ?? now);
    const allowed = this.#options.probeInterval * MESSAGE_PATIENCE;
    if (allowed > 0 && this.#begunAt !== undefined && now - this.#begunAt > allowed) {
      throw new ProtocolError(`a message has not ended after ${Math.round(now - this.#begunAt)} ms`);
    }
  }
}
