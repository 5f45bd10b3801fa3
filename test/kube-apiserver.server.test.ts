import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiServer, startApiServer } from './kube-apiserver.ts';

let api: ApiServer;
beforeAll(async () => {
  api = await startApiServer();
});
afterAll(() => api.stop());

describe('test API server', () => {
  it('keeps its objects over a kill -9', async () => {
    await api.kubectl('create', 'configmap', 'kept');
    await api.kill();
    await api.start();
    expect(await api.kubectl('get', 'configmap', 'kept', '-o', 'name')).toBe('configmap/kept\n');
  });
});
