// Addresses that move with what is asked for, and assignments without an address.
import { beforeAll, beforeEach, expect, it } from 'vitest';
import { subnetRef } from '../../../operator/api/refs.ts';
import type { Demand } from '../../../operator/api/tables.ts';
import { ensureBuilt } from '../../../policies/build.ts';
import { type Cluster, ledCluster, network, podDemand } from './cluster.ts';

beforeAll(() => ensureBuilt('ipam'));

let cluster: Cluster;

beforeEach(() => {
  cluster = ledCluster();
});

const name = 'u2o-interconnection.v.s';

const subnetDemand = (...fixed: string[]): Demand => ({
  ip: name,
  owner: subnetRef('s'),
  uid: 'u-s',
  node: '',
  subnets: ['s'],
  podName: name,
  namespace: 'default',
  podType: '',
  labels: {},
  moves: true,
  ...(fixed.length > 0 && { wish: { fixed: [fixed] } }),
});

const held = (ip: string): readonly string[] | undefined => cluster.api.objects.get(ip)?.addresses;

it('gives a subnet the address that it asks for, and another one when it asks for another', async () => {
  cluster.demand(subnetDemand('10.0.0.5'));
  await cluster.quiet();
  expect(held(name)).toEqual(['10.0.0.5']);
  cluster.demand(subnetDemand('10.0.0.6'));
  await cluster.quiet();
  expect(held(name)).toEqual(['10.0.0.6']);
  expect(cluster.api.log.filter((line) => line.startsWith('create'))).toHaveLength(2);
});

it('leaves the address where it is when any will do', async () => {
  cluster.demand(subnetDemand('10.0.0.5'));
  await cluster.quiet();
  cluster.demand(subnetDemand());
  await cluster.quiet();
  expect(held(name)).toEqual(['10.0.0.5']);
});

it('waits for an address that somebody has, without one', async () => {
  cluster.demand(podDemand('a', 'u1'));
  await cluster.quiet();
  cluster.demand(subnetDemand('10.0.0.5'));
  await cluster.quiet();
  cluster.demand(subnetDemand('10.0.0.2'));
  await cluster.quiet();
  expect(held(name)).toBeUndefined();
  expect(cluster.unassigned[name]?.reason).toBe('AddressConflict');
  expect(held('a.ns')).toEqual(['10.0.0.2']);
});

it('never moves a pod', async () => {
  const demand = podDemand('a', 'u1');
  cluster.demand(demand);
  await cluster.quiet();
  cluster.demand({ ...demand, wish: { fixed: [['10.0.0.6']] } });
  await cluster.quiet();
  expect(held('a.ns')).toEqual(['10.0.0.2']);
});

it('gives a MAC alone in a subnet without addresses', async () => {
  cluster.network(network('macs', []));
  cluster.demand(podDemand('a', 'u1', ['macs']));
  await cluster.quiet();
  const row = cluster.api.objects.get('a.ns');
  expect(row).toMatchObject({ addresses: [], mac: expect.stringMatching(/^..(?::..){5}$/) as string });
  expect(cluster.unassigned).toEqual({});
  cluster.restart(true);
  cluster.restore();
  await cluster.quiet();
  expect(cluster.api.objects.get('a.ns')).toEqual(row);
  cluster.noDemand('a.ns');
  await cluster.quiet();
  expect(cluster.api.objects.size).toBe(0);
});
