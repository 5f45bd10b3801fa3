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
      await recorder.stop();
      client.close();
      await double.stop();
    },
  });
  const idle = async () => {
    while (recorder.size > 0) {
      await clock.advance(500);
      await settled();
    }
  };
  return { double, clock, recorder, log, idle, depose: () => (leads = false) };
}

describe('EventRecorder', () => {
  it('cuts a flood about one object, not about others', async () => {
    const { double, recorder, idle, clock } = await rig();
    for (let n = 0; n < 100; n += 1) recorder.record({ about, type: 'Warning', reason: 'R', message: `m${n}` });
    recorder.record({ about: { ...about, name: 'other' }, type: 'Normal', reason: 'R', message: 'm' });
    await idle();
    expect(double.asked).toHaveLength(26);
    await clock.advance(300_000);
    recorder.record({ about, type: 'Warning', reason: 'R', message: 'later' });
    await idle();
    expect(double.asked).toHaveLength(27);
  });

  it('gives up after a few tries, and at once when refused', async () => {
    const { double, recorder, idle, log } = await rig(({ body }) =>
      body.includes('forbidden') ? { status: 403, body: { reason: 'Forbidden' } } : { status: 503 },
    );
    recorder.record({ about, type: 'Normal', reason: 'R', message: 'forbidden' });
    await idle();
    expect(double.asked).toHaveLength(1);
    recorder.record({ about, type: 'Normal', reason: 'R', message: 'down' });
    await idle();
    expect(double.asked).toHaveLength(5);
    expect(log.lines.map(({ message }) => message)).toEqual(['event dropped', 'event dropped']);
  });

  it('is silent while it does not lead', async () => {
    const { double, recorder, idle, depose } = await rig();
    depose();
    recorder.record({ about, type: 'Normal', reason: 'R', message: 'm' });
    await idle();
    expect(double.asked).toEqual([]);
  });
});
