import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { KubeClient, type RequestSample } from '../../../operator/kube/client.ts';
import {
  AlreadyExistsError,
  ApiError,
  ConflictError,
  ConnectionError,
  DeadlineError,
  ForbiddenError,
  GoneError,
  InvalidError,
  isTransient,
  NotFoundError,
  ProtocolError,
  TooManyRequestsError,
} from '../../../operator/kube/errors.ts';
import { resources } from '../../../operator/kube/resources.ts';
import { type Answering, apiDouble, type ApiDouble } from './api-double.ts';
import { FakeClock, settled } from './fake.ts';

const running: { stop(): Promise<void> }[] = [];
afterEach(() => Promise.all(running.splice(0).map((one) => one.stop())));

async function rig(answering: Answering) {
  const double = await apiDouble(answering);
  const clock = new FakeClock();
  const samples: RequestSample[] = [];
  const client = new KubeClient({ kubeConfig: double.kubeConfig, clock, onRequest: (sample) => samples.push(sample) });
  running.push({
    stop: async () => {
      client.close();
      await double.stop();
    },
  });
  return { double, clock, client, samples };
}

const pod = { apiVersion: 'v1', kind: 'Pod', namespace: 'a', name: 'b' };
const object = { ...pod, metadata: { name: 'b', namespace: 'a', uid: 'u', resourceVersion: '1' } };
const arrived = async (double: ApiDouble, count: number) => {
  while (double.asked.length < count) await settled();
};

describe('errors', () => {
  it.each<[number, string, new (...args: never[]) => ApiError, boolean]>([
    [403, 'Forbidden', ForbiddenError, false],
    [404, 'NotFound', NotFoundError, false],
    [409, 'Conflict', ConflictError, false],
    [409, 'AlreadyExists', AlreadyExistsError, false],
    [410, 'Expired', GoneError, false],
    [422, 'Invalid', InvalidError, false],
    [429, 'TooManyRequests', TooManyRequestsError, true],
    [500, 'InternalError', ApiError, true],
    [503, '', ApiError, true],
  ])('%i %s', async (status, reason, type, transient) => {
    const body = { kind: 'Status', reason, message: 'why', details: { causes: [{ reason: 'x', field: 'spec.y' }] } };
    const { client } = await rig(() => ({ status, body, headers: { 'Retry-After': '7' } }));
    const error = await client.get(pod).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(type);
    expect(error).toMatchObject({ status, reason, request: 'GET /api/v1/namespaces/a/pods/b', retryAfterMs: 7000 });
    expect((error as ApiError).causes).toEqual([{ reason: 'x', field: 'spec.y', message: '' }]);
    expect(isTransient(error)).toBe(transient);
  });

  it('takes a refusal that is not JSON for what it is', async () => {
    const { client } = await rig(() => ({ status: 502, body: '<html>bad gateway</html>' }));
    await expect(client.get(pod)).rejects.toMatchObject({
      status: 502,
      message: expect.stringContaining('bad gateway'),
    });
  });

  it('refuses an answer that is not an object', async () => {
    const answers = ['{"metadata":{}}', '[', '3'];
    const { client } = await rig(() => ({ body: answers.shift() ?? '' }));
    for (let n = 0; n < 3; n += 1) await expect(client.get(pod)).rejects.toBeInstanceOf(ProtocolError);
  });

  it('names a server that is not there', async () => {
    const { client, double, samples } = await rig(() => ({}));
    await double.stop();
    await expect(client.get(pod)).rejects.toBeInstanceOf(ConnectionError);
    expect(samples).toMatchObject([{ method: 'GET', code: 'error' }]);
  });
});

describe('requests', () => {
  it('end at their deadline', async () => {
    const { client, clock, double } = await rig(() => undefined);
    const answer = client.get(pod, 500).catch((error: unknown) => error);
    await arrived(double, 1);
    await clock.advance(500);
    expect(await answer).toBeInstanceOf(DeadlineError);
    expect(clock.waiting).toBe(0);
  });

  it('end at their deadline when the answer stops half-way', async () => {
    const { client, clock, double } = await rig((_asked, response) => {
      response.writeHead(200);
      response.write('{"metadata":');
      return undefined;
    });
    const answer = client.get(pod, 500).catch((error: unknown) => error);
    await arrived(double, 1);
    await clock.advance(500);
    expect(await answer).toBeInstanceOf(DeadlineError);
  });

  it('read the credentials anew after a 401, once', async () => {
    const { client, double } = await rig(({ authorization }) =>
      authorization === 'Bearer second' ? { body: object } : { status: 401, body: { reason: 'Unauthorized' } },
    );
    await expect(client.get(pod)).rejects.toMatchObject({ status: 401 });
    expect(double.asked).toHaveLength(2);
    Object.assign(double.kubeConfig.users[0] ?? {}, { token: 'second' });
    expect((await client.get(pod)).metadata.uid).toBe('u');
    expect(double.asked.map(({ authorization }) => authorization).at(-1)).toBe('Bearer second');
  });

  it('read a token file anew after a 401, whoever has kept its content', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'kubeloom-token-'));
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, 'expired\n');
    const { client, double, clock } = await rig(({ authorization, query }, response) => {
      if (authorization !== 'Bearer renewed') return { status: 401, body: { reason: 'Unauthorized' } };
      if (query.get('watch') === null) return { body: object };
      response.writeHead(200).flushHeaders();
      return undefined;
    });
    const user = { name: 'user', authProvider: { name: 'tokenFile', config: { tokenFile } } };
    double.kubeConfig.users = [user];
    await expect(client.get(pod)).rejects.toMatchObject({ status: 401 });
    await writeFile(tokenFile, 'renewed\n');
    expect((await client.get(pod)).metadata.uid).toBe('u');
    await writeFile(tokenFile, 'expired\n');
    await clock.advance(10_001);
    await expect(client.get(pod)).rejects.toMatchObject({ status: 401 });
    await writeFile(tokenFile, 'renewed\n');
    const watch = await client.watch(resources.Pod, { from: 'all', timeoutSeconds: 1 });
    watch.destroy();
    await rm(directory, { recursive: true });
  });

  it('re-read the credentials from time to time', async () => {
    const { client, clock, double } = await rig(() => ({ body: object }));
    await client.get(pod);
    Object.assign(double.kubeConfig.users[0] ?? {}, { token: 'second' });
    await client.get(pod);
    await clock.advance(10_001);
    await client.get(pod);
    expect(double.asked.map(({ authorization }) => authorization)).toEqual([
      'Bearer first',
      'Bearer first',
      'Bearer second',
    ]);
  });

  it('carry what their verb needs', async () => {
    const { client, double, samples } = await rig(({ method }) =>
      method === 'GET'
        ? {
            body: {
              kind: 'PodList',
              metadata: { resourceVersion: '9', continue: 'more' },
              items: [{ metadata: object.metadata }],
            },
          }
        : { body: object },
    );
    const page = await client.list(resources.Pod, { namespace: 'a', limit: 1, labelSelector: 'x=y' });
    expect(page).toMatchObject({ resourceVersion: '9', continue: 'more', items: [{ kind: 'Pod', apiVersion: 'v1' }] });
    await client.patch(pod, { type: 'apply', manager: 'm', body: { big: 2n ** 64n } }, 'status');
    await client.delete(pod, { uid: 'u', propagation: 'Background' });
    const [list, patch, gone] = double.asked;
    expect(`${list?.path}?${list?.query.toString()}`).toBe('/api/v1/namespaces/a/pods?labelSelector=x%3Dy&limit=1');
    expect([patch?.path, patch?.query.get('force'), patch?.body]).toEqual([
      '/api/v1/namespaces/a/pods/b/status',
      'true',
      '{"big":18446744073709551616}',
    ]);
    expect(JSON.parse(gone?.body ?? '')).toMatchObject({
      preconditions: { uid: 'u' },
      propagationPolicy: 'Background',
    });
    expect(samples.map(({ method, code }) => `${method} ${code}`)).toEqual(['GET 200', 'PATCH 200', 'DELETE 200']);
  });
});
