// Addresses that are kept in a Vip: they are given like all others, and lent to a pod that asks for the very Vip.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { vipKey, vipRef } from '../../../operator/api/refs.ts';
import type { Demand } from '../../../operator/api/tables.ts';
import { finalizer } from '../../../operator/ipam/writer.ts';
import { heldBy } from '../../../operator/reconcilers/vip-holding.ts';
import { vipRow } from '../../../operator/api/vip-row.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { type Cluster, ledCluster, podDemand } from './cluster.ts';

beforeAll(() => ensureBuilt('ipam'));

let cluster: Cluster;
beforeEach(() => {
  cluster = ledCluster();
});

const vipDemand = (name: string, more: Partial<Demand> = {}): Demand => ({
  ...podDemand(name, `uid-${name}`),
  ip: vipKey(name),
  owner: vipRef(name),
  node: '',
  namespace: '',
  ...more,
});

const shown = (address: string | undefined): object => ({
  spec: { subnet: 's' },
  status: { v4ip: address, mac: '02:00:00:00:00:09' },
});

/** What the table `holding` says of a Vip that has an address. */
function holds(name: string, address: string | undefined): void {
  const row = heldBy(
    vipRow({
      metadata: { name, uid: `uid-${name}`, finalizers: [finalizer] },
      ...shown(address),
    }),
  );
  cluster.assignments.inputs.ip.replace(`holding/${vipKey(name)}`, address === undefined ? [] : [row]);
}

describe('a Vip', () => {
  it('gets an address under a name that no IP object can have', async () => {
    cluster.demand(vipDemand('v', { wish: { fixed: [['10.0.0.5']] } }));
    await cluster.quiet();
    expect(cluster.api.objects.get('vip/v')).toMatchObject({ addresses: ['10.0.0.5'], ownerUid: 'uid-v', node: '' });
    expect(cluster.usage['s']?.families[0]).toMatchObject({ using: 1n, available: 4n });
  });

  it('shares the MAC of the gateway with others, and nobody else is given it', async () => {
    const mac = '02:00:00:00:00:77';
    for (const name of ['a', 'b']) cluster.demand(vipDemand(name, { mac }));
    await cluster.quiet();
    expect(['a', 'b'].map((name) => cluster.api.objects.get(vipKey(name))?.mac)).toEqual([mac, mac]);
    cluster.demand({ ...podDemand('web', 'u1'), wish: { mac } });
    await cluster.quiet();
    expect(cluster.unassigned['web.ns']?.reason).toBe('AddressConflict');
  });

  it('keeps its address over a restart, and a pod that asks for it by hand waits', async () => {
    holds('v', '10.0.0.2');
    cluster.demand(vipDemand('v'));
    cluster.demand({ ...podDemand('web', 'u1'), wish: { fixed: [['10.0.0.2']] } });
    cluster.demand(podDemand('other', 'u2'));
    await cluster.quiet();
    expect(cluster.api.objects.get('other.ns')?.addresses).toEqual(['10.0.0.3']);
    expect(cluster.unassigned['web.ns']?.reason).toBe('AddressConflict');
    expect(cluster.api.objects.has('vip/v')).toBe(false);
  });

  it('lends its address to the pod that asks for it, at once, and to no other', async () => {
    holds('v', '10.0.0.2');
    cluster.demand(vipDemand('v'));
    await cluster.quiet();
    // Lent: the table holds it no more, and nobody demands one for the Vip.
    holds('v', undefined);
    cluster.noDemand(vipKey('v'));
    cluster.demand(podDemand('other', 'u2'));
    cluster.demand({ ...podDemand('web', 'u1'), wish: { fixed: [['10.0.0.2']], mac: '02:00:00:00:00:09' } });
    await cluster.quiet();
    expect(cluster.api.objects.get('web.ns')).toMatchObject({ addresses: ['10.0.0.2'], mac: '02:00:00:00:00:09' });
    expect(cluster.api.objects.get('other.ns')?.addresses).toEqual(['10.0.0.3']);
    expect(cluster.usage['s']?.families[0]).toMatchObject({ using: 2n });
    // And has it back.
    cluster.noDemand('web.ns');
    await cluster.quiet();
    holds('v', '10.0.0.2');
    cluster.demand(vipDemand('v'));
    await cluster.quiet();
    expect(cluster.unassigned).toEqual({});
    expect(cluster.usage['s']?.families[0]).toMatchObject({ using: 2n, usingRange: '10.0.0.2-10.0.0.3' });
  });

  it('of an older Kube-OVN is given the finalizer, and keeps what it has', async () => {
    cluster.api.put(heldBy(vipRow({ metadata: { name: 'v', uid: 'uid-v' }, ...shown('10.0.0.4') })));
    cluster.watch(1);
    cluster.demand(vipDemand('v', { mac: '02:00:00:00:00:77' }));
    await cluster.quiet();
    expect(cluster.api.log).toEqual(['adopt vip/v ok']);
    expect(cluster.api.objects.get('vip/v')).toMatchObject({ addresses: ['10.0.0.4'], mac: '02:00:00:00:00:09' });
  });

  it('loses an address that an older object has, and is given another', async () => {
    const vip = heldBy(
      vipRow({ metadata: { name: 'v', uid: 'uid-v', finalizers: [finalizer] }, ...shown('10.0.0.4') }),
    );
    const meta = { ...vip.meta, name: 'old.ns', uid: 'a' };
    cluster.api.put({ ...vip, meta, podName: 'old', namespace: 'ns', ownerUid: '', created: -1 });
    cluster.api.put(vip);
    cluster.watch(2);
    cluster.demand(vipDemand('v'));
    await cluster.quiet();
    expect(cluster.api.log).toEqual(['remove vip/v ok', 'finish vip/v ok', 'create vip/v ok']);
    expect(cluster.api.objects.get('vip/v')?.addresses).toEqual(['10.0.0.2']);
    expect(cluster.unassigned).toEqual({});
  });
});
