// A relay before a database that counts what a client sends.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { OvsdbServer } from '../../test/ovsdb-server.ts';

export interface Relay {
  readonly remote: string;
  /** Bytes that have gone to the server. */
  readonly sent: () => number;
  readonly close: () => void;
}

export async function relay({ remote, directory }: Pick<OvsdbServer, 'remote' | 'directory'>): Promise<Relay> {
  let sent = 0;
  const server = createServer((client) => {
    const upstream = connect({ path: remote.replace('unix:', '') });
    client.on('data', (chunk) => (sent += chunk.length));
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => socket.destroy());
  });
  const path = join(directory, 'relay.sock');
  server.listen(path);
  await once(server, 'listening');
  return { remote: `unix:${path}`, sent: () => sent, close: () => void server.close() };
}
