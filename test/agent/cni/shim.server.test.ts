import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { splitBody } from '../../../agent/cni/request.ts';
import { buildShim } from '../shim.ts';

// Under the address and undefined-behaviour sanitizers: a byte read too far ends the program with another code.
let shim: string;
const folder = mkdtempSync(join(tmpdir(), 'kubeloom-shim-test-'));
const socket = join(folder, 'cni.sock');
beforeAll(async () => {
  shim = await buildShim(['-g', '-fsanitize=address,undefined', '-fno-sanitize-recover=all']);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  rmSync(dirname(shim), { recursive: true });
});

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly body: Buffer;
}

let server: Server | undefined;
afterEach(async () => {
  if (server === undefined) return;
  server.closeAllConnections();
  await new Promise((resolve) => server?.close(resolve));
  server = undefined;
});

/** A server that answers every call alike; what it was asked. */
async function answering(answer: (response: ServerResponse) => void): Promise<Seen[]> {
  const seen: Seen[] = [];
  server = createServer((request: IncomingMessage, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      seen.push({ method: request.method, url: request.url, body: Buffer.concat(chunks) });
      answer(response);
    });
  });
  server.listen(socket);
  await once(server, 'listening');
  return seen;
}

const reply =
  (status: number, body: string) =>
  (response: ServerResponse): void => {
    response.writeHead(status, { 'content-length': Buffer.byteLength(body) }).end(body);
  };

async function call(
  stdin: string | Buffer,
  env: Readonly<Record<string, string>> = { CNI_COMMAND: 'ADD' },
): Promise<{ code: number | null; stdout: string }> {
  const child = spawn(shim, [], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout };
}

const conf = (extra: object = {}): string => JSON.stringify({ cniVersion: '1.0.0', server_socket: socket, ...extra });

describe('shim', () => {
  it('forwards command, environment and standard input as they are', async () => {
    const seen = await answering(reply(200, '{"cniVersion":"1.0.0"}\n'));
    const stdin = conf({ text: 'ünï\\u0000"' });
    const env = { CNI_COMMAND: 'ADD', CNI_ARGS: 'A=b;C=d=e', CNI_IFNAME: 'eth0', PATH: '/bin' };
    expect(await call(stdin, env)).toEqual({ code: 0, stdout: '{"cniVersion":"1.0.0"}\n' });
    const [request] = seen;
    expect([request?.method, request?.url]).toEqual(['POST', '/cni']);
    const { env: got, stdin: sent } = splitBody(request!.body);
    expect(Object.fromEntries(got)).toEqual({ CNI_COMMAND: 'ADD', CNI_ARGS: 'A=b;C=d=e', CNI_IFNAME: 'eth0' });
    expect(sent).toBe(stdin);
  });

  it('prints an error as it came, and exits with 1', async () => {
    await answering(reply(400, '{"code":11}\n'));
    expect(await call(conf())).toEqual({ code: 1, stdout: '{"code":11}\n' });
  });

  it('forwards and prints what is long', async () => {
    const long = 'x'.repeat(900_000);
    const seen = await answering(reply(200, long));
    expect((await call(conf({ long }))).stdout).toBe(long);
    expect(seen[0]?.body.length).toBeGreaterThan(900_000);
  });

  it.each([
    ['at the top', () => conf()],
    ['inside ipam', () => JSON.stringify({ ipam: { type: 'kube-ovn', server_socket: socket } })],
    ['after a string that looks like it', () => JSON.stringify({ a: '"server_socket":"/x"', server_socket: socket })],
    ['after a value of that name', () => JSON.stringify({ a: 'server_socket', server_socket: socket })],
    ['with white space and escaped slashes', () => `{ "server_socket"\n : "${socket.replaceAll('/', '\\/')}" }`],
  ])('finds the socket %s', async (_, text) => {
    await answering(reply(200, 'here'));
    expect(await call(text())).toEqual({ code: 0, stdout: 'here' });
  });

  it.each([
    ['ADD', '1.1.0', 11],
    ['DEL', '0.3.1', 11],
    ['STATUS', '1.1.0', 50],
  ])('says what is missing when %s finds no agent', async (command, cniVersion, code) => {
    const answer = await call(conf({ cniVersion }), { CNI_COMMAND: command });
    expect(answer.code).toBe(1);
    expect(JSON.parse(answer.stdout)).toEqual({ cniVersion, code, msg: expect.stringContaining(socket) as string });
  });

  it('answers VERSION by itself when there is no agent', async () => {
    const { code, stdout } = await call('', { CNI_COMMAND: 'VERSION' });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ supportedVersions: ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] });
  });

  it.each([
    ['a relative path', JSON.stringify({ server_socket: 'x.sock' }), 7],
    ['a path longer than a socket may have', JSON.stringify({ server_socket: `/${'x'.repeat(200)}` }), 7],
    ['more input than it takes', 'x'.repeat((1 << 20) + 1), 5],
    ['a version that is none', JSON.stringify({ cniVersion: '1"}', server_socket: `${socket}.none` }), 11],
    ['text that ends within a string', '{"server_socket', 11],
    ['text that ends within an escape', '{"server_socket":"/x\\', 11],
  ])('refuses %s', async (_, stdin, code) => {
    const answer = await call(stdin);
    expect(answer.code).toBe(1);
    expect(JSON.parse(answer.stdout)).toMatchObject({ code });
  });

  it.each([
    ['nothing', ''],
    ['no HTTP', 'hello'],
    ['half of a head', 'HTTP/1.1 200 OK\r\nContent-Len'],
    ['less than it promised', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'],
    ['no length', 'HTTP/1.1 200 OK\r\n\r\nabc'],
    ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nabc'],
  ])('answers "try again" when the agent says %s', async (_, text) => {
    const raw = createSocket((connection) => {
      connection.on('error', () => undefined);
      connection.once('data', () => connection.end(text));
    });
    raw.listen(socket);
    await once(raw, 'listening');
    const answer = await call(conf());
    raw.close();
    expect(answer.code).toBe(1);
    expect(JSON.parse(answer.stdout)).toMatchObject({ code: 11 });
  });
});
