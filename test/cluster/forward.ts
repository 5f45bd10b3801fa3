/**
 * A door into the control plane's network: listens on a unix socket, which needs no network at all, and hands every
 * connection on to the API server. TLS passes through untouched.
 *
 *     node forward.ts SOCKET HOST PORT
 */
import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';

const [socket, host, port] = process.argv.slice(2);
if (socket === undefined || host === undefined || port === undefined)
  throw new Error('usage: forward.ts SOCKET HOST PORT');
rmSync(socket, { force: true });
createServer({ allowHalfOpen: true }, (client) => {
  const server = connect({ host, port: Number(port), allowHalfOpen: true });
  // A cut on one side is passed on as a cut on the other; there is nobody to report it to.
  pipeline(client, server, () => server.destroy());
  pipeline(server, client, () => client.destroy());
}).listen(socket);
