// A relay between a client and a real server that can fall silent, cut, or put bytes of its own on the client's side.
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { once } from 'node:events';

export class Interposer {
  readonly remote: string;
  readonly #listener: Server;
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>();
  connections = 0;

  private constructor(path: string, target: string) {
    this.remote = `unix:${path}`;
    this.#listener = createServer((client) => this.#relay(client, connect(target)));
  }

  /** Listens at the socket `path`, in front of the server's socket `target`. */
  static async listen(path: string, target: string): Promise<Interposer> {
    const interposer = new Interposer(path, target);
    interposer.#listener.listen(path);
    await once(interposer.#listener, 'listening');
    return interposer;
  }

  #relay(client: Socket, server: Socket): void {
    const pair = [client, server] as const;
    this.connections += 1;
    this.#pairs.add(pair);
    client.pipe(server);
    server.pipe(client);
    for (const end of pair) {
      end.on('error', () => undefined);
      end.on('close', () => {
        this.#pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
  }

  /** Sends bytes to every client as if the server had. */
  inject(bytes: string): void {
    for (const [client] of this.#pairs) client.write(bytes);
  }

  /** Ends every connection. */
  cut(): void {
    for (const pair of this.#pairs) for (const end of pair) end.destroy();
  }

  close(): void {
    this.cut();
    this.#listener.close();
  }
}
