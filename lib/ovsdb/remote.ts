// Where a server is, as Open vSwitch writes it (ovsdb(7), "Connection Methods"), and how to get a stream to it.
import { readFile } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import type { OnReadOpts, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

const DEFAULT_PORT = 6640;
/** What one read of a socket takes at most. */
const READ_BUFFER = 64 * 2 ** 10;

/** A place where a server listens. */
export type Remote =
  | { readonly transport: 'unix'; readonly path: string }
  | { readonly transport: 'tcp' | 'ssl'; readonly host: string; readonly port: number };

/**
 * PEM files. They are read anew for every connection, so a renewed certificate needs no restart; a live connection keeps
 * those that it was made with, as Open vSwitch's do.
 */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /**
   * Also require the certificate to name the host. Off by default, as in Open vSwitch: its PKI names no hosts, and being
   * signed by the deployment's own CA is what makes a server trusted.
   */
  readonly verifyHost?: boolean;
}

/** PEM texts, with the meaning of TlsFiles. */
export interface TlsTexts {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly verifyHost?: boolean;
}

/** Files, or whatever else keeps certificates: asked once for every connection, which fails with what it rejects with. */
export type Tls = TlsFiles | (() => Promise<TlsTexts>);

/** Reads `unix:PATH`, `tcp:HOST[:PORT]` or `ssl:HOST[:PORT]`, IPv6 in brackets. Throws RangeError for anything else. */
export function parseRemote(text: string): Remote {
  const path = /^unix:(.+)$/s.exec(text)?.[1];
  if (path !== undefined) return { transport: 'unix', path };
  const [, transport, inBrackets, bare, digits] =
    /^(tcp|ssl):(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = inBrackets ?? bare;
  const port = Number(digits ?? DEFAULT_PORT);
  if (host === undefined || port < 1 || port > 65535) {
    throw new RangeError(`not an OVSDB remote: ${JSON.stringify(text)}`);
  }
  return { transport: transport === 'ssl' ? 'ssl' : 'tcp', host, port };
}

/** Makes a connected stream to a remote. */
export type Dial = (remote: string, tls: Tls | undefined, signal: AbortSignal) => Promise<Duplex>;

/** A connected stream. Rejects with the system's error, and when `signal` aborts; nothing is left open then. */
export const dial: Dial = async (remote, tls, signal) => await dialled(remote, tls, { signal, reuse: false });

/**
 * The same for a Connection: each chunk that its listener is given is good until that returns, since the socket reads into
 * one buffer all the time. A new buffer of 64 kB for each small update, and the queue of a stream, cost more than the update.
 */
export const dialReusing: Dial = async (remote, tls, signal) => await dialled(remote, tls, { signal, reuse: true });

interface Dialling {
  readonly signal: AbortSignal;
  readonly reuse: boolean;
}

async function dialled(remote: string, tls: Tls | undefined, { signal, reuse }: Dialling): Promise<Duplex> {
  const to = parseRemote(remote);
  const texts = to.transport === 'ssl' ? await textsOf(remote, tls) : undefined;
  const socket: Socket = begin(to, texts, reuse ? { onread: intoOneBuffer(() => socket) } : {});
  try {
    await connected(socket, to.transport === 'ssl' ? 'secureConnect' : 'connect', signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
}

function begin(to: Remote, texts: TlsTexts | undefined, reading: { readonly onread?: OnReadOpts }): Socket {
  if (to.transport === 'unix') return connectPlain({ path: to.path, ...reading });
  const { host, port } = to;
  if (texts === undefined) return connectPlain({ host, port, noDelay: true, ...reading });
  const { verifyHost, ...certificates } = texts;
  const anyHost = verifyHost === true ? {} : { checkServerIdentity: () => undefined };
  const socket = connectTls({ host, port, ...certificates, minVersion: 'TLSv1.2', ...anyHost, ...reading });
  return socket.setNoDelay(true);
}

/** `socket` is asked when something has come. */
function intoOneBuffer(socket: () => Socket): OnReadOpts {
  return {
    buffer: Buffer.allocUnsafe(READ_BUFFER),
    callback: (length, buffer) => {
      const chunk = buffer.subarray(0, length);
      // Whoever does not listen yet finds it in the stream, which says when it has enough.
      if (socket().readableFlowing !== true) return socket().push(Uint8Array.from(chunk));
      socket().emit('data', chunk);
      return true;
    },
  };
}

async function textsOf(remote: string, tls: Tls | undefined): Promise<TlsTexts> {
  if (tls === undefined) throw new RangeError(`${remote} needs certificates`);
  return typeof tls === 'function' ? await tls() : await read(tls);
}

async function read({ ca, cert, key, verifyHost = false }: TlsFiles): Promise<TlsTexts> {
  const texts = await Promise.all([ca, cert, key].map((path) => readFile(path, 'utf8')));
  const [caText = '', certText = '', keyText = ''] = texts;
  return { ca: caText, cert: certText, key: keyText, verifyHost };
}

async function connected(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = (): void => reject(new Error('timed out'));
  socket.once(event, resolve);
  socket.once('error', reject);
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  try {
    await promise;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.off('error', reject);
    // From here to the first listener of its owner an error must not become an uncaught exception.
    socket.on('error', () => undefined);
  }
}
