// Where a server is, as Open vSwitch writes it (ovsdb(7), "Connection Methods"), and how to get a stream to it.
import { readFile } from 'node:fs/promises';
import { connect as connectPlain } from 'node:net';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

const DEFAULT_PORT = 6640;

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
export async function dial(remote: string, tls: Tls | undefined, signal: AbortSignal): Promise<Duplex> {
  const to = parseRemote(remote);
  const socket = await open(to, tls);
  try {
    await connected(socket, to.transport === 'ssl' ? 'secureConnect' : 'connect', signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return socket;
}

async function open(to: Remote, tls: Tls | undefined): Promise<Socket> {
  if (to.transport === 'unix') return connectPlain({ path: to.path });
  const { host, port } = to;
  if (to.transport === 'tcp') return connectPlain({ host, port, noDelay: true });
  if (tls === undefined) throw new RangeError(`ssl:${host}:${port} needs certificates`);
  const { verifyHost, ...texts } = typeof tls === 'function' ? await tls() : await read(tls);
  const anyHost = verifyHost === true ? {} : { checkServerIdentity: () => undefined };
  const socket = connectTls({ host, port, ...texts, minVersion: 'TLSv1.2', ...anyHost });
  return socket.setNoDelay(true);
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
