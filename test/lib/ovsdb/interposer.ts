// A relay between a client and a real server that can fall silent, cut, or put bytes of its own on the client's side.
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { once } from 'node:events';
import { Transform } from 'node:stream';

export interface InterposerOptions {
  /** Names in what clients send, each replaced by another of the same length: a server that does not know the method. */
  readonly replace?: Readonly<Record<string, string>>;
  /** What servers send passes through it; made anew for each connection, which are counted from 1. */
  readonly answers?: (connection: number) => Transform | undefined;
}

export class Interposer {
  readonly remote: string;
  readonly #listener: Server;
  readonly #pairs = new Set<readonly [client: Socket, server: Socket]>();
  readonly #replace: readonly (readonly [string, string])[];
  readonly #answers: NonNullable<InterposerOptions['answers']>;
  connections = 0;

  private constructor(path: string, target: string, options: InterposerOptions) {
    this.#replace = Object.entries(options.replace ?? {});
    this.#answers = options.answers ?? (() => undefined);
    this.remote = `unix:${path}`;
    this.#listener = createServer((client) => this.#relay(client, connect(target)));
  }

  /** Listens at the socket `path`, in front of the server's socket `target`. */
  static async listen(path: string, target: string, options: InterposerOptions = {}): Promise<Interposer> {
    const interposer = new Interposer(path, target, options);
    interposer.#listener.listen(path);
    await once(interposer.#listener, 'listening');
    return interposer;
  }

  #relay(client: Socket, server: Socket): void {
    const pair = [client, server] as const;
    this.connections += 1;
    this.#pairs.add(pair);
    if (this.#replace.length > 0) client.pipe(this.#rewriter()).pipe(server);
    else client.pipe(server);
    const answers = this.#answers(this.connections);
    if (answers === undefined) server.pipe(client);
    else
      server
        .pipe(answers)
        .on('error', () => client.destroy())
        .pipe(client);
    for (const end of pair) {
      end.on('error', () => undefined);
      end.on('close', () => {
        this.#pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
  }

  #rewriter(): Transform {
    return new Transform({
      transform: (chunk: Buffer, _, done) => {
        let text = chunk.toString('latin1');
        for (const [name, other] of this.#replace) text = text.replaceAll(`"${name}"`, `"${other}"`);
        done(null, Buffer.from(text, 'latin1'));
      },
    });
  }

  /** Passes what servers send on up to the first match, and ends the connection there. */
  cutBefore(pattern: RegExp): void {
    for (const [client, server] of this.#pairs) {
      server.unpipe(client).resume();
      server.on('data', (chunk: Buffer) => {
        const text = chunk.toString('latin1');
        const at = text.search(pattern);
        if (at < 0) client.write(chunk);
        else client.end(Buffer.from(text.slice(0, at), 'latin1'));
      });
    }
  }

  /** Keeps back what servers send, until `release`. */
  hold(): void {
    for (const [client, server] of this.#pairs) server.unpipe(client).pause();
  }

  release(): void {
    for (const [client, server] of this.#pairs) server.pipe(client);
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
