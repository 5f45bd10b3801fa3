// The HTTPS server by itself, with certificates that openssl makes: what it answers to whom, what it survives, how
// certificates change under open connections, and how it ends.
import { Agent, request as httpsRequest } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Credentials, renewed } from '../../../operator/plan/authority.ts';
import type { AdmissionVerdict } from '../../../operator/policy/admission.ts';
import type { AdmissionRequest } from '../../../operator/webhook/admission-review.ts';
import { type Answered, WebhookServer } from '../../../operator/webhook/server.ts';
import { review } from './reviews.ts';

let first: Credentials;
let second: Credentials;
beforeAll(async () => {
  first = await renewed(undefined, ['localhost'], 0);
  // Under the same CA.
  second = await renewed(first, ['localhost'], Date.now() + 80 * 86_400_000);
});

let server: WebhookServer;
let unready: string | undefined;
let verdict: (request: AdmissionRequest) => Promise<AdmissionVerdict>;
let told: Answered[];

beforeEach(async () => {
  unready = undefined;
  told = [];
  verdict = async () => ({ allowed: true, message: '' });
  server = new WebhookServer({
    port: 0,
    host: '127.0.0.1',
    review: (request) => verdict(request),
    unready: () => unready,
    onAnswer: (_, answer) => told.push(answer),
    now: () => performance.now(),
  });
  server.use(first);
  await server.start();
});
afterEach(() => server.stop());

interface Sent {
  readonly path?: string;
  readonly method?: string;
  readonly type?: string;
  readonly agent?: Agent;
  /** Without a length: in chunks. */
  readonly chunked?: boolean;
}

function send(body: string | Buffer, sent: Sent = {}): Promise<{ status: number; text: string }> {
  const { path = '/validating?timeout=5s', method = 'POST', type = 'application/json', agent, chunked } = sent;
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; text: string }>();
  const length = chunked === true ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': Buffer.byteLength(body) };
  const headers = { 'Content-Type': type, ...length };
  const at = { host: '127.0.0.1', port: server.port, servername: 'localhost', ca: first.caCert, path, method, headers };
  const outgoing = httpsRequest({ ...at, agent: agent ?? false }, (answer) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    answer.on('error', reject);
  });
  outgoing.on('error', reject);
  outgoing.end(body);
  return promise;
}

const text = JSON.stringify(review());

describe('answers', () => {
  it('are verdicts under the uid of the request', async () => {
    const yes = await send(text);
    expect([yes.status, JSON.parse(yes.text)]).toMatchObject([200, { response: { uid: 'r1', allowed: true } }]);
    verdict = async ({ kind }) => ({ allowed: false, message: `no ${kind}` });
    const no = await send(text);
    expect([no.status, JSON.parse(no.text)]).toMatchObject([
      200,
      { response: { uid: 'r1', allowed: false, status: { code: 403, message: 'no Subnet' } } },
    ]);
    expect(told.map(({ result, message }) => [result, message])).toEqual([
      ['allowed', ''],
      ['refused', 'no Subnet'],
    ]);
  });

  it.each<[what: string, status: number, body: string | Buffer, sent: Sent]>([
    ['another path', 404, text, { path: '/' }],
    ['another method', 405, text, { method: 'PUT' }],
    ['another type', 415, text, { type: 'text/plain' }],
    ['no JSON', 400, 'x', {}],
    ['bytes that are no text', 400, Buffer.from([0xff, 0xfe, 0x00]), {}],
    ['another object', 400, '{"kind":"Pod"}', {}],
    ['nothing', 400, '', {}],
    ['too much, told beforehand', 413, Buffer.alloc(9 * 1024 * 1024, 0x20), {}],
    ['too much, in chunks', 413, Buffer.alloc(9 * 1024 * 1024, 0x20), { chunked: true }],
  ])('to %s are %i, and the next request is served', async (_, status, body, sent) => {
    // Whoever is still sending may see the connection end before the answer.
    const seen = await send(body, sent).then(
      (answer) => answer.status,
      () => 'cut',
    );
    expect(status === 413 ? [413, 'cut'] : [status]).toContain(seen);
    expect((await send(text)).status).toBe(200);
  });

  it('are 503 before it can decide, and 500 when it cannot', async () => {
    unready = 'not yet';
    expect(await send(text)).toEqual({ status: 503, text: 'not yet' });
    unready = undefined;
    verdict = () => Promise.reject(new Error('no answer'));
    expect(await send(text)).toEqual({ status: 500, text: 'no answer' });
    verdict = () => {
      throw new Error('a mistake');
    };
    expect(await send(text)).toEqual({ status: 500, text: 'a mistake' });
    expect(told.map(({ result }) => result)).toEqual(['failed', 'failed', 'failed']);
  });
});

describe('connections', () => {
  const certificateOf = async (socket: TLSSocket): Promise<PeerCertificate> => {
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    return socket.getPeerCertificate();
  };
  const dial = (): TLSSocket =>
    connectTls({ host: '127.0.0.1', port: server.port, servername: 'localhost', ca: first.caCert });

  it('that are open go on under the certificate that they began with, and new ones meet the new one', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    expect((await send(text, { agent })).status).toBe(200);
    const before = dial();
    const old = await certificateOf(before);
    server.use(second);
    const after = dial();
    expect((await certificateOf(after)).serialNumber).not.toBe(old.serialNumber);
    expect((await send(text, { agent })).status).toBe(200);
    expect((await send(text)).status).toBe(200);
    for (const socket of [before, after]) socket.destroy();
    agent.destroy();
  });

  it('that do not speak TLS, or hang up in the middle, harm nobody', async () => {
    const plain = connectPlain(server.port, '127.0.0.1');
    const ended = new Promise((resolve) => plain.once('close', resolve));
    plain.on('error', () => undefined);
    plain.write('GET / HTTP/1.1\r\n\r\n');
    await ended;
    const cut = dial();
    await certificateOf(cut);
    cut.write('POST /validating HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{');
    const gone = new Promise((resolve) => cut.once('close', resolve));
    cut.destroy();
    await gone;
    expect((await send(text)).status).toBe(200);
  });
});

describe('stop', () => {
  it('lets the request under way be answered, and takes no other', async () => {
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
    const { promise: answer, resolve: decide } = Promise.withResolvers<AdmissionVerdict>();
    verdict = () => {
      ask();
      return answer;
    };
    const under = send(text, { agent: new Agent({ keepAlive: true }) });
    await asked;
    const stopped = server.stop();
    await expect(send(text)).rejects.toThrow('ECONNREFUSED');
    decide({ allowed: true, message: '' });
    expect((await under).status).toBe(200);
    await stopped;
    expect(server.port).toBe(0);
  });
});
