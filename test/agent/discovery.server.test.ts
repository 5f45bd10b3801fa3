// The watch of one object against an HTTPS server that behaves, and misbehaves, as an API server does.
import type { ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ObjectWatch, caCertificate, leaderAddress } from '../../agent/discovery.ts';
import type { ApiServer } from '../../agent/discovery.ts';
import type { Credentials } from '../../operator/plan/authority.ts';
import { renewed } from '../../operator/plan/authority.ts';
import { eventually } from '../eventually.ts';

let tls: Credentials;
beforeAll(async () => {
  tls = await renewed(undefined, ['localhost'], Date.now());
});

const undo: (() => void)[] = [];
afterEach(() => {
  for (const step of undo.splice(0).toReversed()) step();
});

const lease = (address: string): object => ({
  metadata: { name: 'kube-ovn-controller', annotations: { 'kubeloom.io/plan-address': address } },
});
const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;

/** Answers the n-th request with the n-th function, and the last one for ever. */
function apiServer(...answers: readonly ((response: ServerResponse) => void)[]): {
  api: ApiServer;
  asked: string[];
  server: Server;
} {
  const asked: string[] = [];
  const server = createServer({ cert: tls.cert, key: tls.key }, (request, response) => {
    asked.push(`${request.headers.authorization} ${request.url}`);
    answers[Math.min(asked.length, answers.length) - 1]?.(response);
  });
  server.listen(0, '127.0.0.1');
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const api = {
    host: 'localhost',
    get port() {
      return (server.address() as AddressInfo).port;
    },
    token: () => Promise.resolve(`token-${asked.length}`),
    ca: () => Promise.resolve(tls.caCert),
  };
  return { api, asked, server };
}

function watch(api: ApiServer): string[] {
  const seen: string[] = [];
  const watch = new ObjectWatch({
    api,
    collection: '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases',
    name: 'kube-ovn-controller',
    seen: (object) => seen.push(leaderAddress(object)),
    setTimeout: (callback, ms) => setTimeout(callback, ms / 20),
    clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
    random: () => 0,
    log: { warn: () => undefined },
  });
  undo.push(() => watch.stop());
  watch.start();
  return seen;
}

describe('ObjectWatch', () => {
  it('asks for one object by name, and follows it', async () => {
    const { api, asked } = apiServer((response) => {
      response.write(line('ADDED', lease('a:1')));
      response.write(line('MODIFIED', lease('b:2')));
      response.write(line('DELETED', lease('b:2')));
      response.write(line('BOOKMARK', {}));
    });
    const seen = watch(api);
    await eventually(() => seen.length === 3);
    expect(seen).toEqual(['a:1', 'b:2', '']);
    expect(asked[0]).toBe(
      'Bearer token-0 /apis/coordination.k8s.io/v1/namespaces/kube-system/leases?watch=true&fieldSelector=metadata.name%3Dkube-ovn-controller&timeoutSeconds=240',
    );
  });

  it('watches again after an end, a refusal, garbage, an error event and a cut, with the token of that moment', async () => {
    const { api, asked } = apiServer(
      (response) => response.end(line('ADDED', lease('a:1'))),
      (response) => response.writeHead(401).end('{}'),
      (response) => response.end('no JSON\n'),
      (response) => response.write(line('ERROR', { code: 410 })),
      (response) => response.destroy(),
      (response) => response.write(line('ADDED', lease('z:9'))),
    );
    const seen = watch(api);
    await eventually(() => seen.at(-1) === 'z:9');
    expect(asked.length).toBe(6);
    expect(asked[5]).toContain('token-5');
  });

  it('does not speak with a server of another CA', async () => {
    const { api, asked } = apiServer((response) => response.write(line('ADDED', lease('a:1'))));
    const other = await renewed(undefined, ['localhost'], Date.now());
    let tries = 0;
    const seen = watch({
      ...api,
      port: api.port,
      ca: () => Promise.resolve((tries += 1) < 4 ? other.caCert : tls.caCert),
    });
    await eventually(() => seen.length === 1);
    expect([tries, asked.length]).toEqual([4, 1]);
  });
});

describe('what the objects say', () => {
  it.each([
    [undefined, '', ''],
    [{}, '', ''],
    [{ metadata: { annotations: null } }, '', ''],
    [{ data: { 'ca.crt': 7 } }, '', ''],
    [{ data: { 'ca.crt': 'PEM' }, ...lease('a:1') }, 'a:1', 'PEM'],
  ])('%j', (object, address, ca) => {
    expect([leaderAddress(object as never), caCertificate(object as never)]).toEqual([address, ca]);
  });
});
