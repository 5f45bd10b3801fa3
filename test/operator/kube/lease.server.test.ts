import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KubeClient } from '../../../operator/kube/client.ts';
import { systemClock } from '../../../operator/kube/clock.ts';
import { LeaderLease } from '../../../operator/kube/lease.ts';
import { resources } from '../../../operator/kube/resources.ts';
import { eventually } from '../../eventually.ts';
import { type ApiServer, startApiServer } from '../../kube-apiserver.ts';
import { memoryLog } from './fake.ts';

let api: ApiServer;
let client: KubeClient;
beforeAll(async () => {
  api = await startApiServer();
  client = new KubeClient({ kubeConfig: api.kubeConfig(), clock: systemClock });
});
afterAll(async () => {
  client.close();
  await api.stop();
});

const times = { duration: 3000, deadline: 1500, retry: 200 };
const address = 'kubeloom.io/plan-address';

/** A candidate whose process can be made to vanish: from then on none of its requests leaves it. */
function candidate(name: string, identity: string) {
  const events: string[] = [];
  const own = new KubeClient({ kubeConfig: api.kubeConfig(), clock: systemClock });
  const lease = new LeaderLease({
    client: own,
    clock: systemClock,
    log: memoryLog(),
    namespace: 'default',
    name,
    identity,
    annotations: { [address]: `${identity}:10670` },
    times,
    onElected: () => events.push('elected'),
    onDeposed: () => events.push('deposed'),
  });
  const vanish = () => {
    own.get = own.update = () => new Promise(() => undefined);
  };
  lease.start();
  return { lease, events, vanish };
}

const shown = (name: string) => client.get({ ...resources.Lease, namespace: 'default', name });

describe('LeaderLease', () => {
  it('lets one of two lead, and hands over when it leaves', async () => {
    const one = candidate('handover', 'one');
    await eventually(() => one.lease.mayWrite());
    const two = candidate('handover', 'two');
    await eventually(() => two.lease.holder === 'one');
    expect(two.lease.mayWrite()).toBe(false);
    expect((await shown('handover')).metadata.annotations?.[address]).toBe('one:10670');
    const left = performance.now();
    await one.lease.stop();
    await eventually(() => two.lease.mayWrite());
    expect(performance.now() - left).toBeLessThan(times.duration);
    const { metadata, spec } = await shown('handover');
    expect(metadata.annotations?.[address]).toBe('two:10670');
    expect(spec).toMatchObject({ holderIdentity: 'two', leaseDurationSeconds: 3, leaseTransitions: 2 });
    expect([one.events, two.events]).toEqual([['elected'], ['elected']]);
    await two.lease.stop();
    expect((await shown('handover')).spec?.holderIdentity).toBe('');
    expect((await shown('handover')).metadata.annotations?.[address]).toBeUndefined();
  });

  it('takes over from one that vanished only after its lease has expired, when it no longer writes', async () => {
    const one = candidate('vanish', 'one');
    await eventually(() => one.lease.mayWrite());
    const two = candidate('vanish', 'two');
    await eventually(() => two.lease.holder === 'one');
    const { spec } = await shown('vanish');
    one.vanish();
    const both = new Set<string>();
    await eventually(() => {
      if (one.lease.mayWrite() && two.lease.mayWrite()) both.add('both write');
      return two.lease.mayWrite();
    });
    expect([...both]).toEqual([]);
    expect(one.events).toEqual(['elected', 'deposed']);
    const time = (value: unknown) => Date.parse(typeof value === 'string' ? value : '');
    const acquired = time((await shown('vanish')).spec?.acquireTime);
    expect(acquired - time(spec?.renewTime)).toBeGreaterThanOrEqual(times.duration);
    await two.lease.stop();
  });

  it('is deposed while the API server is away for longer than its deadline, and elected again', async () => {
    const one = candidate('restart', 'one');
    await eventually(() => one.lease.mayWrite());
    await api.kill();
    await eventually(() => one.events.includes('deposed') || undefined);
    expect(one.lease.mayWrite()).toBe(false);
    await api.start();
    await eventually(() => one.lease.mayWrite());
    expect(one.events).toEqual(['elected', 'deposed', 'elected']);
    await one.lease.stop();
  });

  it.each([
    ['deleted', () => client.delete({ ...resources.Lease, namespace: 'default', name: 'by-hand-deleted' })],
    [
      'struck',
      () =>
        client.patch(
          { ...resources.Lease, namespace: 'default', name: 'by-hand-struck' },
          { type: 'merge', body: { spec: { holderIdentity: null } } },
        ),
    ],
  ])('is kept by its holder when someone has %s it', async (what, edit) => {
    const name = `by-hand-${what}`;
    const one = candidate(name, 'one');
    await eventually(() => one.lease.mayWrite());
    const two = candidate(name, 'two');
    await eventually(() => two.lease.holder === 'one');
    const before = await shown(name);
    await edit();
    const after = await eventually(async () => {
      const lease = await shown(name);
      return lease.spec?.holderIdentity === 'one' && lease.metadata.resourceVersion !== before.metadata.resourceVersion
        ? lease
        : undefined;
    });
    expect(after.spec?.acquireTime).toBe(before.spec?.acquireTime);
    expect(after.metadata.annotations?.[address]).toBe('one:10670');
    expect([one.events, two.events]).toEqual([['elected'], []]);
    await one.lease.stop();
    await two.lease.stop();
  });
});
