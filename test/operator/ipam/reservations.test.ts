// IP objects that somebody makes by hand, for a pod that is to have the address.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { IpRow } from '../../../operator/api/tables.ts';
import { finalizer } from '../../../operator/ipam/writer.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { type Cluster, ledCluster, network, podDemand } from './cluster.ts';

beforeAll(() => ensureBuilt('ipam'));

let cluster: Cluster;

beforeEach(() => {
  cluster = ledCluster();
});

const put = (pod: string, change: Partial<IpRow> = {}, name = `${pod}.ns`): void => {
  cluster.api.put({
    meta: {
      name,
      namespace: '',
      uid: cluster.api.newUid(),
      generation: 1,
      deleting: false,
      finalizers: [],
      labels: {},
      annotations: {},
    },
    created: cluster.api.now(),
    subnet: 's',
    podName: pod,
    namespace: 'ns',
    podType: '',
    node: '',
    addresses: [],
    mac: '',
    ownerUid: '',
    controllerUid: '',
    ...change,
  });
  cluster.watch(Infinity);
};

const shown = (name: string): unknown => {
  const row = cluster.api.objects.get(name);
  const { finalizers = [], labels = {} } = row?.meta ?? {};
  const isKept = finalizers.includes(finalizer);
  return row && [row.addresses.join(), row.ownerUid, isKept, labels['ovn.kubernetes.io/ip_reserved'] ?? ''];
};

describe('a reservation', () => {
  it('with an address gets our finalizer and a MAC, and waits', async () => {
    put('a', { addresses: ['10.0.0.2'] });
    cluster.demand(podDemand('b', 'u2'));
    await cluster.quiet();
    expect(shown('a.ns')).toEqual(['10.0.0.2', '', true, 'true']);
    expect(cluster.api.objects.get('a.ns')?.mac).not.toBe('');
    expect(shown('b.ns')).toEqual(['10.0.0.3', 'u2', true, 'false']);
    expect(cluster.api.log).toEqual(['adopt a.ns ok', 'create b.ns ok']);
  });

  it('without one is given one, and keeps the MAC that it names', async () => {
    put('a', { mac: '02:00:00:00:00:0a' });
    await cluster.quiet();
    expect(shown('a.ns')).toEqual(['10.0.0.2', '', true, 'true']);
    expect(cluster.api.objects.get('a.ns')?.mac).toBe('02:00:00:00:00:0a');
  });

  it('is its pod’s when that comes, and goes with it', async () => {
    put('a', { addresses: ['10.0.0.4'] });
    await cluster.quiet();
    cluster.demand(podDemand('a', 'u1'));
    await cluster.quiet();
    expect(shown('a.ns')).toEqual(['10.0.0.4', 'u1', true, 'false']);
    cluster.noDemand('a.ns');
    await cluster.quiet();
    expect(cluster.api.objects.size).toBe(0);
    expect(cluster.usage['s']?.families[0]).toMatchObject({ using: 0n });
  });

  it('is its pod’s also when that was there first', async () => {
    cluster.network(network('s', ['10.0.0.0/30'], ['10.0.0.1']));
    put('x', { addresses: ['10.0.0.2'] });
    cluster.demand(podDemand('a', 'u1'));
    await cluster.quiet();
    expect(cluster.unassigned['a.ns']?.reason).toBe('NoAvailableAddress');
    put('a');
    await cluster.quiet();
    expect(cluster.unassigned['a.ns']?.reason).toBe('NoAvailableAddress');
    cluster.api.removeByHand('x.ns');
    await cluster.quiet();
    expect(shown('a.ns')).toEqual(['10.0.0.2', 'u1', true, 'false']);
  });

  it('is free when somebody deletes it', async () => {
    put('a', { addresses: ['10.0.0.2'] });
    await cluster.quiet();
    cluster.api.removeByHand('a.ns');
    await cluster.quiet();
    expect(cluster.api.objects.size).toBe(0);
    cluster.demand({ ...podDemand('b', 'u2'), wish: { fixed: [['10.0.0.2']] } });
    await cluster.quiet();
    expect(shown('b.ns')).toEqual(['10.0.0.2', 'u2', true, 'false']);
  });

  it('keeps what was chosen for it while the API server does not answer', async () => {
    put('a');
    await cluster.clock.advance(1);
    cluster.api.answer(0, 'lost');
    cluster.demand(podDemand('b', 'u2'));
    await cluster.quiet();
    expect(shown('a.ns')).toEqual(['10.0.0.2', '', true, 'true']);
    expect(shown('b.ns')).toEqual(['10.0.0.3', 'u2', true, 'false']);
  });

  it('whose address an older object has is told so, and left alone', async () => {
    cluster.demand(podDemand('b', 'u2'));
    await cluster.quiet();
    put('a', { addresses: ['10.0.0.2'] });
    await cluster.quiet();
    expect(shown('a.ns')).toEqual(['10.0.0.2', '', false, '']);
    expect(cluster.unassigned['a.ns']).toMatchObject({ reason: 'AddressConflict', owner: { kind: 'IP' } });
  });

  it('of a subnet that is full or not there is told so', async () => {
    cluster.network(network('full', ['10.1.0.0/30'], ['10.1.0.1..10.1.0.2']));
    put('a', { subnet: 'full' });
    put('b', { subnet: 'none' });
    await cluster.quiet();
    expect(cluster.unassigned['a.ns']).toMatchObject({
      reason: 'NoAvailableAddress',
      owner: { kind: 'IP', name: 'a.ns' },
    });
    expect(cluster.unassigned['b.ns']).toMatchObject({ reason: 'NoSubnet' });
    cluster.network(network('none', ['10.9.0.0/24']));
    await cluster.quiet();
    expect(shown('b.ns')).toEqual(['10.9.0.1', '', true, 'true']);
  });

  it.each([
    ['whose name is not the pod’s', 'other', {}],
    ['of a type that no pod has', 'a.ns', { podType: 'Deployment' }],
    ['without a namespace', 'a.ns', { namespace: '' }],
  ])('%s is none', async (_, name, change) => {
    put('a', { addresses: ['10.0.0.2'], ...change }, name);
    await cluster.quiet();
    expect(cluster.api.log).toEqual([]);
    expect(cluster.unassigned).toEqual({});
    cluster.demand(podDemand('b', 'u2'));
    await cluster.quiet();
    expect(shown('b.ns')).toEqual(['10.0.0.3', 'u2', true, 'false']);
  });
});
