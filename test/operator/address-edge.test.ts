import { expect, it } from 'vitest';
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { holderOf, ipNamesOf, releasing } from '../../operator/address-edge.ts';
import { ipRow } from '../../operator/api/project.ts';
import { podRef } from '../../operator/api/refs.ts';
import { put } from '../worlds/northd.ts';
import { build } from '../worlds/objects.ts';
import { feed, start } from '../worlds/process.ts';

it.each([
  ['a pod', 'web.a', 'a/web', 'Pod/a/web'],
  ['a further interface of a pod', 'web.a.blue.net.ovn', 'a/web', 'Pod/a/web'],
  ['a node', 'node-n1', 'n1', 'Node//n1'],
  ['the querier of a subnet', 'mcast-querier.s', 'default/mcast-querier.s', 'Subnet//s'],
  ['an OvnEip', 'ovn-eip-e', 'e', 'OvnEip//e'],
  ['a VPC in an external subnet', 'vpc-external.v.s', 'v-s', 'Vpc//v/external/s'],
  ['the router in a subnet', 'u2o-interconnection.v.s', 'default/u2o-interconnection.v.s', 'Subnet//s'],
])('rows of %s stand on its IP object', (_, name, claimant, owner) => {
  const fields = { for: claimant, subnet: 's', ip: '10.0.0.2' };
  const holder = holderOf(ipRow(build('IP', name, fields)));
  expect(holder).toBe(owner);
  const process = start();
  feed(process, [put('Vpc', 'v', {}), put('IP', name, fields)]);
  expect(ipNamesOf(holder, process.world)).toContain(name);
  expect(ipNamesOf(ownerOf(podRef('a', 'other')), process.world)).toEqual(['other.a']);
});

it('tells of IP objects of pods that are let go, once they are', async () => {
  const process = start();
  const ofPod = { for: 'a/web', subnet: 's', ip: '10.0.0.2' };
  feed(process, [
    put('IP', 'web.a', ofPod),
    put('IP', 'other.a', { ...ofPod, for: 'a/other', ip: '10.0.0.3' }),
    put('IP', 'node-n1', { for: 'n1', subnet: 'join', ip: '100.64.0.2' }),
    put('IP', 'mcast-querier.s', { for: 'default/mcast-querier.s', subnet: 's', ip: '10.0.0.4' }),
  ]);
  const released: string[] = [];
  const idle = (): Promise<never> => Promise.reject(new Error('not called'));
  let refuses = true;
  const dropFinalizer = (): Promise<void> => (refuses ? Promise.reject(new Error('refused')) : Promise.resolve());
  const writer = releasing({ create: idle, adopt: idle, remove: idle, dropFinalizer }, process.world.ip, (row) => {
    released.push(row.meta.name);
  });
  await expect(writer.dropFinalizer('web.a', 'uid-web.a')).rejects.toThrow('refused');
  expect(released).toEqual([]);
  refuses = false;
  for (const name of ['web.a', 'node-n1', 'mcast-querier.s', 'gone.a']) await writer.dropFinalizer(name, `uid-${name}`);
  await writer.dropFinalizer('other.a', 'an earlier one');
  expect(released).toEqual(['web.a']);
});
