// Where pods are that pass traffic on: found by what Open vSwitch has of their ports.
import { expect, it } from 'vitest';
import { Gateways, gatewayWant } from '../../agent/gateways.ts';
import type { Row, RowChange } from '../../lib/ovsdb/types.ts';
import { OvsReplica } from '../../agent/drivers/ovs-replica.ts';
import type { GatewaySpec } from '../../agent/items.ts';
import { state } from './samples.ts';

const item: GatewaySpec = {
  kind: 'gateway',
  pod: { namespace: 'a', name: 'lb-svc-web-x', uid: 'u' },
  ifaceId: 'lb-svc-web-x.a',
  ifname: 'net1',
  addresses: ['192.0.2.5/24'],
  gateways: ['192.0.2.254'],
  innerIfname: 'eth0',
  innerGateways: ['10.16.0.1'],
  forwards: [{ protocol: 'tcp', address: '192.0.2.5', port: 80, target: '10.96.0.10', sources: [] }],
};
const gateways = [{ key: 'gateway/a/lb-svc-web-x', item }];

/** A row as an ADD writes it. */
const row = (uid: string, netns: string): Row => ({
  name: 'port',
  external_ids: new Map([
    ['iface-id', 'lb-svc-web-x.a'],
    ['kubeloom-uid', uid],
    ['pod_netns', netns],
  ]),
});
const change = (uuid: string, rows: Pick<RowChange, 'old' | 'new'>): RowChange[] => [
  { table: 'Interface', uuid, ...rows },
];

it('are nowhere until a port of theirs is there, and follow it when a sandbox is made anew', () => {
  const replica = new OvsReplica();
  const found = new Gateways();
  expect(found.of(gateways, replica)).toEqual([]);
  replica.changed(change('earlier', { new: row('of another', '/run/netns/other') }));
  expect(found.of(gateways, replica)).toEqual([]);
  replica.changed(change('first', { new: row('u', '/run/netns/one') }));
  const [one] = found.of(gateways, replica);
  expect(one?.netns).toBe('/run/netns/one');
  expect(found.of(gateways, replica)[0]).toBe(one);
  replica.changed(change('first', { old: row('u', '/run/netns/one') }));
  replica.changed(change('second', { new: row('u', '/run/netns/two') }));
  expect(found.of(gateways, replica)[0]?.netns).toBe('/run/netns/two');
});

it('have what passes on in one text, in words of what is there; nothing is known of it before the plan is whole', () => {
  const placed = [{ key: 'gateway/a/lb-svc-web-x', item, netns: '/run/netns/one' }];
  expect(gatewayWant(state({ complete: false, gateways: placed }))).toBeUndefined();
  expect(
    gatewayWant(state({ gateways: placed }))
      ?.get('/run/netns/one')
      ?.text.split('\n'),
  ).toEqual([
    'address net1 192.0.2.5/24',
    'forwarding 4',
    'loose net1',
    'nat 4 -A LB-SVC-DNAT -d 192.0.2.5/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.96.0.10:80',
    'nat 4 -A LB-SVC-SNAT -d 10.96.0.10/32 -j MASQUERADE',
    'nat 4 -A POSTROUTING -j LB-SVC-SNAT',
    'nat 4 -A PREROUTING -j LB-SVC-DNAT',
    'route 4 0.0.0.0/0 via 192.0.2.254 dev net1',
    'route 4 10.96.0.10/32 via 10.16.0.1 dev eth0',
    'route 4 192.0.2.0/24 dev net1',
    'rule 4 iif eth0',
    'rule 4 iif net1',
    'up net1',
  ]);
});
