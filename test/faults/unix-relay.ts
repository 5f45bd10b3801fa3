// Between a client and a real server on unix sockets: passes everything on, until a test lets it hold what one side says
// from a certain text on. What is held is never delivered.
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Who speaks. */
export type Side = 'client' | 'server';

export class UnixRelay {
  readonly #target: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #trap: { readonly side: Side; readonly text: RegExp; readonly caught: () => void } | undefined;
  #held: Side | undefined;

  private constructor(target: string) {
    this.#target = target;
    this.#server = createServer((client) => this.#take(client));
  }

  /** Listens on `path`, before the server on `target`. */
  static async start(path: string, target: string): Promise<UnixRelay> {
    const relay = new UnixRelay(target);
    await new Promise<void>((resolve) => relay.#server.listen(path, resolve));
    return relay;
  }

  /** Holds what `side` says from the next piece on in which `text` occurs; resolves when that has come. */
  hold(side: Side, text: RegExp): Promise<void> {
    return new Promise((caught) => (this.#trap = { side, text, caught }));
  }

  /** Passes everything on again, on new connections: those with a gap in them are cut. */
  release(): void {
    this.#trap = undefined;
    this.#held = undefined;
    for (const socket of this.#sockets) socket.destroy();
  }

  stop(): void {
    this.#server.close();
    this.release();
  }

  #take(client: Socket): void {
    const server = connect(this.#target);
    this.#pass('client', client, server);
    this.#pass('server', server, client);
  }

  #pass(side: Side, from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on('data', (chunk: Buffer) => {
      const trap = this.#trap;
      if (trap?.side === side && trap.text.test(chunk.toString('latin1'))) {
        this.#trap = undefined;
        this.#held = side;
        trap.caught();
      }
      if (this.#held !== side) to.write(chunk);
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }
}
