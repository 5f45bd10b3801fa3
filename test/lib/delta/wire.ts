// What really goes to the server: a stream between session and server that reads the transactions along, judges each of
// them by the rules that hold for any, and can break off after any number of bytes.
import { Duplex } from 'node:stream';
import { dial } from '../../../lib/ovsdb/index.ts';
import { lawsBroken } from './laws.ts';
import type { Database, WireOperation } from './laws.ts';

type Direction = 'out' | 'in';

export class Wire {
  /** Transactions as they were sent, in RFC 7047 notation. */
  readonly transactions: (readonly WireOperation[])[] = [];
  /** What was wrong with any of them. */
  readonly broken: string[] = [];
  readonly dial: typeof dial;
  readonly #database: Database;
  readonly #streams = new Set<Duplex>();
  #cut: { readonly direction: Direction; left: number } | undefined;

  constructor(database: Database) {
    this.#database = database;
    this.dial = async (...to) => this.#tapped(await dial(...to));
  }

  /** Breaks the connection when `bytes` more have passed in this direction; what comes after them is lost. */
  cutAfter(bytes: number, direction: Direction): void {
    this.#cut = { direction, left: bytes };
  }

  /** Breaks the connection now, as the death of the process does. */
  cut(): void {
    for (const stream of this.#streams) stream.destroy();
  }

  #tapped(socket: Duplex): Duplex {
    const stream = new Duplex({
      write: (chunk: Buffer, _, done) => {
        try {
          this.#read(chunk);
        } catch (error) {
          this.broken.push(String(error));
        }
        socket.write(this.#passed(chunk, 'out', stream), () => done());
      },
      final: (done) => void socket.end(done),
      read: () => void socket.resume(),
      destroy: (error, done) => {
        this.#streams.delete(stream);
        socket.end(() => socket.destroy());
        done(error);
      },
    });
    this.#streams.add(stream);
    socket.on('data', (chunk: Buffer) => {
      if (!stream.push(this.#passed(chunk, 'in', stream))) socket.pause();
    });
    socket.on('end', () => stream.push(null));
    socket.on('error', () => undefined);
    socket.on('close', () => stream.destroy());
    return stream;
  }

  #passed(chunk: Buffer, direction: Direction, stream: Duplex): Buffer {
    const cut = this.#cut?.direction === direction ? this.#cut : undefined;
    if (!cut) return chunk;
    const passed = chunk.subarray(0, cut.left);
    cut.left -= passed.length;
    if (passed.length < chunk.length) {
      this.#cut = undefined;
      setImmediate(() => stream.destroy());
    }
    return passed;
  }

  /** The client writes one message at a time. */
  #read(chunk: Buffer): void {
    const message = JSON.parse(chunk.toString()) as { method?: string; params?: unknown[] };
    if (message.method !== 'transact') return;
    const operations = (message.params ?? []).slice(1) as WireOperation[];
    this.transactions.push(operations);
    this.broken.push(...lawsBroken(this.#database, operations));
  }
}
