// Addresses that wait for their pod to come back under its name.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Demand, Wish } from '../../../operator/api/tables.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { Cluster, network, podDemand } from './cluster.ts';

beforeAll(() => ensureBuilt('ipam'));

let cluster: Cluster;

const pod = (uid: string, wish: Wish = {}, more: Partial<Demand> = {}): Demand => ({
  ...podDemand('web-0', uid),
  podType: 'StatefulSet',
  controllerUid: 'set-1',
  wish,
  ...more,
});

/** web-0 has 10.0.0.2, and goes; its address is kept. */
beforeEach(async () => {
  cluster = new Cluster();
  cluster.network(network('s', ['10.0.0.0/29'], ['10.0.0.1']));
  cluster.assignments.start();
  cluster.restore();
  cluster.demand(pod('u1'));
  await cluster.quiet();
  cluster.keep('web-0.ns', true);
  cluster.noDemand('web-0.ns');
  await cluster.quiet();
  cluster.api.log.length = 0;
});

const held = (): string | undefined => cluster.api.objects.get('web-0.ns')?.addresses.join();

describe('a kept address', () => {
  it('stays, and nobody else is given it', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) cluster.demand(podDemand(name, `u-${name}`));
    await cluster.quiet();
    expect(held()).toBe('10.0.0.2');
    expect(Object.keys(cluster.unassigned)).toEqual(['e.ns']);
    expect(cluster.usage['s']?.families[0]).toMatchObject({ using: 5n, available: 0n });
  });

  it('is adopted by the pod that comes back, in one write', async () => {
    cluster.demand(pod('u2', {}, { node: 'node2' }));
    await cluster.quiet();
    expect(cluster.api.log).toEqual(['adopt web-0.ns ok']);
    expect(cluster.api.objects.get('web-0.ns')).toMatchObject({
      ownerUid: 'u2',
      node: 'node2',
      controllerUid: 'set-1',
      addresses: ['10.0.0.2'],
    });
  });

  it('goes with what kept it', async () => {
    cluster.keep('web-0.ns', false);
    await cluster.quiet();
    expect(cluster.api.log).toEqual(['remove web-0.ns ok', 'finish web-0.ns ok']);
    expect(held()).toBeUndefined();
  });

  it('is given up by hand: the pod that comes back gets another', async () => {
    cluster.api.removeByHand('web-0.ns');
    await cluster.quiet();
    expect(held()).toBeUndefined();
    cluster.demand(pod('u2'));
    await cluster.quiet();
    expect(held()).toBe('10.0.0.3');
  });

  it('is kept over a restart', async () => {
    cluster.restart(false);
    cluster.keep('web-0.ns', true);
    cluster.restore();
    cluster.demand(podDemand('a', 'u-a'));
    await cluster.quiet();
    expect(cluster.api.log).toEqual(['create a.ns ok']);
    expect(held()).toBe('10.0.0.2');
  });

  it.each<[string, Wish, Partial<Demand>]>([
    ['an address', { fixed: [['10.0.0.5']] }, {}],
    ['a MAC', { mac: '02:00:00:00:00:05' }, {}],
    ['a subnet', {}, { subnets: ['t'] }],
    ['a pool', { pools: ['p'] }, {}],
  ])('is exchanged when the pod comes back and asks for %s', async (_, wish, more) => {
    cluster.network(network('t', ['10.1.0.0/24']));
    cluster.pool({ name: 'p', subnet: 's', ranges: ['10.0.0.4'], precedence: 'p' });
    cluster.demand(pod('u2', wish, more));
    await cluster.quiet();
    expect(cluster.api.log).toEqual(['remove web-0.ns ok', 'finish web-0.ns ok', 'create web-0.ns ok']);
    expect(cluster.unassigned).toEqual({});
  });

  it.each<[string, Wish]>([
    ['by itself', { fixed: [['10.0.0.2']] }],
    ['in a list', { fixed: [['10.0.0.5'], ['10.0.0.2']] }],
    ['by its pool', { pools: ['q'] }],
    ['by its family', { family: 4 }],
    ['and says nothing that can be understood', { invalid: 'nonsense' }],
  ])('stays the same when the pod asks for it %s', async (_, wish) => {
    cluster.pool({ name: 'q', subnet: 's', ranges: ['10.0.0.2..10.0.0.3'], precedence: 'q' });
    cluster.demand(pod('u2', wish));
    await cluster.quiet();
    expect(cluster.api.log).toEqual(['adopt web-0.ns ok']);
  });

  it('is not adopted by a pod of the name when nothing keeps it', async () => {
    cluster.keep('web-0.ns', false);
    cluster.demand(pod('u2'));
    await cluster.quiet();
    expect(cluster.api.log).toEqual(['remove web-0.ns ok', 'finish web-0.ns ok', 'create web-0.ns ok']);
    expect(held()).toBe('10.0.0.3');
  });
});

it('an object whose pod runs on another node is told so', async () => {
  cluster.demand(pod('u2'));
  await cluster.quiet();
  cluster.demand(pod('u2', {}, { node: 'node9' }));
  await cluster.quiet();
  expect(cluster.api.objects.get('web-0.ns')?.node).toBe('node9');
  expect(cluster.api.log).toEqual(['adopt web-0.ns ok', 'adopt web-0.ns ok']);
});
