import { expect, it } from 'vitest';
import { owner as ownerOf } from '../../lib/delta/ids.ts';
import { holderOf, ipNamesOf } from '../../operator/address-edge.ts';
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
