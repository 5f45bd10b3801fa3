import { afterEach, describe, expect, it } from 'vitest';
import { KubeClient } from '../../../operator/kube/client.ts';
import { EventRecorder } from '../../../operator/kube/events.ts';
import { type Answering, apiDouble } from './api-double.ts';
import { FakeClock, memoryLog, settled } from './fake.ts';

const running: { stop(): Promise<void> }[] = [];
afterEach(() => Promise.all(running.splice(0).map((one) => one.stop())));

const created = { body: { metadata: { name: 'e', uid: 'u', resourceVersion: '1' } } };
const about = { apiVersion: 'v1', kind: 'Pod', namespace: 'a', name: 'b', uid: 'u' };

async function rig(answering: Answering = () => created) {
  const double = await apiDouble(answering);
  const clock = new FakeClock();
  const client = new KubeClient({ kubeConfig: double.kubeConfig, clock });
  const log = memoryLog();
  let leads = true;
  const recorder = new EventRecorder({ client, clock, log, mayWrite: () => leads, component: 'c', instance: 'i' });
  recorder.start();
  running.push({
    stop: async () => {
      await stop();
      client.close();
      await double.stop();
    },
  });
  // Those that wait for their turn get it.
  const stop = async () => {
    const stopping = { done: false };
    void recorder.stop().then(() => (stopping.done = true));
    while (!stopping.done) {
      await clock.advance(10);
      await settled();
    }
  };
  const idle = async () => {
    while (recorder.size > 0) {
      await clock.advance(500);
      await settled();
    }
  };
  return { double, clock, recorder, log, idle, stop, depose: () => (leads = false) };
}

describe('EventRecorder', () => {
  it('cuts a flood about one object, not about others', async () => {
    const { double, recorder, idle, clock } = await rig();
    for (let n = 0; n < 100; n += 1) recorder.record({ about, type: 'Warning', reason: `R${n}`, message: 'm' });
    recorder.record({ about: { ...about, name: 'other' }, type: 'Normal', reason: 'R', message: 'm' });
    await idle();
    expect(double.asked).toHaveLength(26);
    await clock.advance(300_000);
    recorder.record({ about, type: 'Warning', reason: 'R', message: 'later' });
    await idle();
    expect(double.asked).toHaveLength(27);
  });

  it('drops what is refused at once, and what the server could not take for two minutes', async () => {
    const { double, recorder, idle, log } = await rig(({ body }) =>
      body.includes('forbidden') ? { status: 403, body: { reason: 'Forbidden' } } : { status: 503 },
    );
    recorder.record({ about, type: 'Normal', reason: 'R', message: 'forbidden' });
    await idle();
    expect(double.asked).toHaveLength(1);
    recorder.record({ about, type: 'Normal', reason: 'R', message: 'down' });
    await idle();
    expect(double.asked.length).toBeGreaterThan(5);
    expect(double.asked.length).toBeLessThan(25);
    expect(log.lines.map(({ message }) => message)).toEqual(['event dropped', 'event dropped']);
  });

  it('drops without a word what is told in a namespace that ends', async () => {
    const causes = [{ reason: 'NamespaceTerminating', field: 'metadata.namespace', message: 'm' }];
    const ends = { status: 403, body: { kind: 'Status', reason: 'Forbidden', details: { causes } } };
    const gone = { status: 404, body: { kind: 'Status', reason: 'NotFound' } };
    const { double, recorder, idle, log } = await rig(({ body }) => (body.includes('ends') ? ends : gone));
    for (const message of ['ends', 'gone']) recorder.record({ about, type: 'Normal', reason: 'R', message });
    await idle();
    expect([double.asked.length, log.lines]).toEqual([2, []]);
  });

  it('combines ever new messages of one reason about one object', async () => {
    const { double, recorder, idle } = await rig();
    for (let n = 0; n < 20; n += 1) recorder.record({ about, type: 'Warning', reason: 'R', message: `m${n}` });
    await idle();
    const notes = double.asked.map(({ body }) => (JSON.parse(body) as { message?: string }).message);
    expect(notes).toHaveLength(11);
    expect(notes.at(-1)).toBe('(combined from similar events)');
    expect(JSON.parse(double.asked.at(-1)?.body ?? '')).toMatchObject({ count: 10 });
  });

  it('neither grows nor floods when very many objects have something to tell', async () => {
    const { double, recorder, stop, log, clock } = await rig();
    const begun = clock.now();
    const flood = (from: number, count: number): void => {
      for (let n = from; n < from + count; n += 1) {
        const pod = { ...about, name: `p${n}`, uid: `u${n}` };
        recorder.record({ about: pod, type: 'Normal', reason: 'R', message: `m${n}` });
      }
    };
    flood(0, 10_000);
    expect(recorder.size).toBe(1000);
    expect(log.lines.map(({ message }) => message)).toEqual(Array(9).fill('too many events, some are not told'));
    while (recorder.size > 990) {
      await clock.advance(10);
      await settled();
    }
    expect((clock.now() - begun) / double.asked.length).toBeGreaterThanOrEqual(9);
    await stop();
    expect(recorder.kept).toBe(0);
    recorder.start();
    for (let round = 0; round < 10; round += 1) flood(round * 1000, 1000);
    expect(recorder.kept).toBeLessThanOrEqual(3 * 1024 + 1000);
    await stop();
  });

  it('is silent while it does not lead', async () => {
    const { double, recorder, idle, depose } = await rig();
    depose();
    recorder.record({ about, type: 'Normal', reason: 'R', message: 'm' });
    await idle();
    expect(double.asked).toEqual([]);
  });
});
