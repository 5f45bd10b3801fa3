// A door for bytes between a client and a real server. While it is closed, what the client sends waits in it, like a
// request that is on its way while its sender is stopped; what the server sends passes at all times.
import { connect, createServer, type Server, type Socket } from 'node:net';

interface Way {
  readonly client: Socket;
  readonly server: Socket;
  held: Buffer[];
}

export class TcpGate {
  readonly #port: number;
  readonly #server: Server;
  readonly #ways = new Set<Way>();
  /** Kept when the server has given up on a connection whose bytes were held. */
  readonly #orphans: Buffer[][] = [];
  #closed = false;
  /** Texts that came from clients, with the time of arrival, ms since the epoch. */
  readonly sent: { readonly at: number; readonly text: string }[] = [];

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer((client) => this.#take(client));
  }

  /** Listens on a free port of loopback, before a server on loopback. */
  static async start(port: number): Promise<TcpGate> {
    const gate = new TcpGate(port);
    await new Promise<void>((resolve) => gate.#server.listen(0, '127.0.0.1', resolve));
    return gate;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** From now on what clients send is held. */
  close(): void {
    this.#closed = true;
  }

  /** Everything that is held, of all connections. */
  get held(): string {
    return [...this.#ways].flatMap(({ held }) => held.map(String)).join('');
  }

  /** Lets everything through that was held, and what comes. */
  open(): void {
    this.#closed = false;
    for (const way of this.#ways) {
      for (const chunk of way.held) way.server.write(chunk);
      way.held = [];
    }
  }

  /**
   * As `open`, over new connections: a server that has given up on the old ones gets it all the same, as it would through
   * another member of its cluster. Resolves with the answers, once each has said something.
   */
  async openAnew(): Promise<string[]> {
    this.#closed = false;
    const late = [...this.#orphans.splice(0), ...[...this.#ways].map(({ held }) => held)].filter(
      (chunks) => chunks.length > 0,
    );
    for (const way of this.#ways) way.held = [];
    return Promise.all(late.map((chunks) => this.#answer(chunks)));
  }

  stop(): void {
    this.#server.close();
    for (const { client, server } of this.#ways) {
      client.destroy();
      server.destroy();
    }
  }

  #take(client: Socket): void {
    const server = connect(this.#port, '127.0.0.1');
    const way: Way = { client, server, held: [] };
    this.#ways.add(way);
    client.on('data', (chunk: Buffer) => {
      this.sent.push({ at: Date.now(), text: chunk.toString('latin1') });
      if (this.#closed) way.held.push(chunk);
      else server.write(chunk);
    });
    server.on('data', (chunk: Buffer) => client.write(chunk));
    const end = (): void => {
      if (this.#ways.delete(way) && way.held.length > 0) this.#orphans.push(way.held);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) for (const event of ['close', 'error']) socket.on(event, end);
  }

  async #answer(chunks: readonly Buffer[]): Promise<string> {
    const socket = connect(this.#port, '127.0.0.1');
    for (const chunk of chunks) socket.write(chunk);
    const answer = await new Promise<string>((resolve, reject) => {
      socket.once('data', (chunk: Buffer) => resolve(String(chunk)));
      socket.once('error', reject);
    });
    socket.destroy();
    return answer;
  }
}
