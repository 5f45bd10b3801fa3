import type { ServerResponse } from 'node:http';
import type { ResourceEvent } from '@dot-i/k8s-operator';
import { afterEach, describe, expect, it } from 'vitest';
import { KubeClient } from '../../../operator/kube/client.ts';
import { KubeloomOperator, type KubeloomOperatorOptions, type Part } from '../../../operator/kube/operator.ts';
import { apiDouble, type Answering } from './api-double.ts';
import { FakeClock, memoryLog, settled } from './fake.ts';

const running: { stop(): Promise<void> }[] = [];
afterEach(() => Promise.all(running.splice(0).map((one) => one.stop())));

/** Makes what the base class protects reachable for a test. */
class Open extends KubeloomOperator {
  readonly events: ResourceEvent[] = [];
  watchNodes(
    onEvent: (event: ResourceEvent) => Promise<void> = async (event) => void this.events.push(event),
  ): Promise<void> {
    return this.watchResource('', 'v1', 'nodes', onEvent);
  }
  uri(namespace?: string): string {
    return this.getCustomResourceApiUri('kubeovn.io', 'v1', 'subnets', namespace);
  }
  status(event: ResourceEvent): Promise<unknown> {
    return this.patchResourceStatus(event.meta, { phase: 'x' });
  }
  register(file: string): Promise<unknown> {
    return this.registerCustomResourceDefinition(file);
  }
  finalize(event: ResourceEvent): Promise<boolean> {
    return this.handleResourceFinalizer(event, 'ours', async () => undefined);
  }
}

async function rig(answering: Answering, parts: readonly Part[] = []) {
  const double = await apiDouble((asked, response) => {
    // A server without streaming lists; the reflector asks where it stands before it resumes.
    if (asked.query.get('sendInitialEvents') === 'true') return { status: 422, body: { reason: 'Invalid' } };
    if (asked.query.get('limit') === '1') return { body: { metadata: { resourceVersion: '1000' }, items: [] } };
    return answering(asked, response);
  });
  const clock = new FakeClock();
  const log = memoryLog();
  const client = new KubeClient({ kubeConfig: double.kubeConfig, clock });
  const options: KubeloomOperatorOptions = { kubeConfig: double.kubeConfig, client, clock, log, parts };
  const operator = new Open(options);
  running.push({
    stop: async () => {
      await operator.shutdown();
      client.close();
      await double.stop();
    },
  });
  return { double, clock, log, operator };
}

const part = (name: string, trace: string[], fails = false): Part => ({
  name,
  start: async () => {
    trace.push(`start ${name}`);
    if (fails) throw new Error('no');
  },
  stop: () => {
    trace.push(`stop ${name}`);
    if (name === 'b') throw new Error('cannot stop');
  },
});

describe('KubeloomOperator', () => {
  it('starts its parts in order and stops them in reverse, past failures', async () => {
    const trace: string[] = [];
    const { operator, log } = await rig(
      () => ({}),
      ['a', 'b', 'c'].map((name) => part(name, trace)),
    );
    await operator.start();
    operator.stop();
    await operator.shutdown();
    expect(trace).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  it('stops what was started when a part cannot start, and says which', async () => {
    const trace: string[] = [];
    const { operator } = await rig(() => ({}), [part('a', trace), part('c', trace, true), part('d', trace)]);
    await expect(operator.start()).rejects.toThrow('c could not be started: no');
    expect(trace).toEqual(['start a', 'start c', 'stop c', 'stop a']);
  });

  const node = (version: number, finalizers: string[] = []) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n', uid: 'u', resourceVersion: String(version), finalizers },
  });

  it('watches through its own reflector: events of the base class, and no end of the process on an error', async () => {
    const watches: ServerResponse[] = [];
    const { operator, clock, log, double } = await rig(({ query, method }, response) => {
      if (method === 'PATCH') return { body: node(20) };
      if (query.get('watch') === null) {
        const { kind: _kind, apiVersion: _version, ...item } = node(5);
        return { body: { kind: 'NodeList', metadata: { resourceVersion: '10' }, items: [item] } };
      }
      response.writeHead(200);
      response.flushHeaders();
      watches.push(response);
      return undefined;
    });
    await operator.start();
    await operator.watchNodes();
    while (watches.length === 0) await settled();
    watches[0]?.write(
      `${JSON.stringify({ type: 'MODIFIED', object: node(11) })}\n{"type":"ERROR","object":{"code":500}}\n`,
    );
    while (operator.events.length < 2) await settled();
    while (clock.waiting === 0) await settled();
    await clock.advance(200);
    while (watches.length === 1) await settled();
    watches[1]?.write(`${JSON.stringify({ type: 'DELETED', object: node(12) })}\n`);
    while (operator.events.length < 3) await settled();
    expect(
      operator.events.map(({ type, meta }) => `${type} ${meta.kind} ${meta.name} ${meta.resourceVersion}`),
    ).toEqual(['ADDED Node n 5', 'MODIFIED Node n 11', 'DELETED Node n 11']);
    expect(log.lines.map(({ message }) => message)).toContain('watch broke');
    expect(await operator.finalize(operator.events[0] as ResourceEvent)).toBe(true);
    const patch = double.asked.find(({ method }) => method === 'PATCH');
    expect(JSON.parse(patch?.body ?? '')).toEqual({ metadata: { resourceVersion: '5', finalizers: ['ours'] } });
  });

  it('logs a callback that fails and goes on', async () => {
    const { operator, log } = await rig(({ query }, response) => {
      if (query.get('watch') === null)
        return { body: { kind: 'NodeList', metadata: { resourceVersion: '10' }, items: [node(5)] } };
      response.writeHead(200);
      response.write(`${JSON.stringify({ type: 'MODIFIED', object: node(11) })}\n`);
      return undefined;
    });
    const told: string[] = [];
    await operator.watchNodes(async (event) => {
      told.push(event.type);
      throw new Error('bug');
    });
    while (told.length < 2) await settled();
    await settled();
    expect(log.lines.filter(({ message }) => message === 'callback failed')).toHaveLength(2);
  });

  it('knows where objects are, and does not swallow what the server answers to a status', async () => {
    const { operator, double } = await rig(({ method, query }, response) => {
      if (method === 'PATCH') return { status: 422, body: { reason: 'Invalid' } };
      if (query.get('watch') === null)
        return { body: { kind: 'NodeList', metadata: { resourceVersion: '1' }, items: [node(1)] } };
      response.writeHead(200).flushHeaders();
      return undefined;
    });
    expect(operator.uri()).toBe(`${double.url}/apis/kubeovn.io/v1/subnets`);
    expect(operator.uri('x')).toBe(`${double.url}/apis/kubeovn.io/v1/namespaces/x/subnets`);
    await operator.watchNodes();
    while (operator.events.length === 0) await settled();
    await expect(operator.status(operator.events[0] as ResourceEvent)).rejects.toThrow('422');
    expect(double.asked.at(-1)).toMatchObject({ path: '/api/v1/nodes/n/status', body: '{"status":{"phase":"x"}}' });
  });

  it('registers a CRD of a file; one that is there is no error, a refusal is', async () => {
    const file = new URL('../../../crds/subnet.yaml', import.meta.url).pathname;
    const answers = [201, 409, 403];
    const { operator, double } = await rig(() => {
      const status = answers.shift() ?? 500;
      const reason = status === 409 ? 'AlreadyExists' : 'Forbidden';
      return {
        status,
        body: status === 201 ? { metadata: { name: 'x', resourceVersion: '1' } } : { reason, message: 'no' },
      };
    });
    const registered = { group: 'kubeovn.io', plural: 'subnets', versions: [expect.objectContaining({ name: 'v1' })] };
    expect(await operator.register(file)).toEqual(registered);
    expect(await operator.register(file)).toEqual(registered);
    await expect(operator.register(file)).rejects.toThrow('403 Forbidden');
    expect(double.asked.map(({ method, path }) => `${method} ${path}`)).toEqual(
      Array.from({ length: 3 }, () => 'POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions'),
    );
  });
});
