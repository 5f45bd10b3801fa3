// What is refused of Subnets and Vpcs, and that nothing else is: each row is one request to a small cluster.
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../operator/api/fact.ts';
import { judged, object, request } from './stage.ts';

const held = (name: string, subnet: string, v4IpAddress: string): JsonObject =>
  object('IP', {
    name,
    spec: { subnet, v4IpAddress, namespace: 'shop', podName: name.split('.')[0] ?? '' },
    metadata: { annotations: { 'kubeloom.io/owner-uid': 'u1' }, finalizers: ['kubeovn.io/kube-ovn-controller'] },
  });

const shop = { cidrBlock: '10.20.0.0/24', gateway: '10.20.0.1', vpc: 'ovn-cluster' };
const cluster = [
  object('Vpc', { name: 'ovn-cluster', spec: {} }),
  object('Vpc', { name: 'lab', spec: { namespaces: ['lab'] } }),
  object('Subnet', { name: 'shop', spec: shop }),
  object('Subnet', { name: 'quiet', spec: { cidrBlock: '10.30.0.0/24' } }),
  object('Subnet', { name: 'wire', spec: { vlan: 'v7' } }),
  object('Vlan', { name: 'v7', spec: { provider: 'net', id: 7 } }),
  object('Node', {
    name: 'n1',
    status: { addresses: [{ type: 'InternalIP', address: '192.168.5.10' }] },
  }),
  object('Subnet', { name: 'heard', spec: { cidrBlock: '10.70.0.0/24' } }),
  object('IP', {
    name: 'mcast-querier.heard',
    spec: { subnet: 'heard', v4IpAddress: '10.70.0.2', podName: 'mcast-querier.heard', namespace: 'default' },
  }),
  held('web.shop', 'shop', '10.20.0.7'),
  held('api.shop', 'shop', '10.20.0.8'),
  object('Vip', {
    name: 'shared',
    spec: { subnet: 'quiet' },
    status: { v4ip: '10.30.0.9', mac: '00:00:00:00:00:09' },
  }),
];

const created = (name: string, spec: JsonObject): Promise<{ allowed: boolean; message: string }> =>
  judged(request('CREATE', object('Subnet', { name, spec })), cluster);

describe('a new Subnet', () => {
  it.each<[what: string, spec: JsonObject]>([
    ['with a range alone', { cidrBlock: '10.40.0.0/16' }],
    ['of both families', { cidrBlock: '10.40.0.0/16,fd00:40::/64' }],
    ['in a VPC that is not there yet', { cidrBlock: '10.20.0.0/24', vpc: 'later' }],
    ['on a Vlan that is not there yet', { cidrBlock: '10.40.0.0/16', vlan: 'v8' }],
    ['with the range of a subnet of another VPC', { cidrBlock: '10.20.0.0/24', vpc: 'lab' }],
    ['of another plugin, with any range', { cidrBlock: '10.20.0.0/24', provider: 'net.shop' }],
  ])('%s is taken', async (_, spec) => {
    expect(await created('new', spec)).toEqual({ allowed: true, message: '' });
  });

  it.each<[spec: JsonObject, message: string]>([
    [{ cidrBlock: '10.40.0.0/16', gateway: '100.16.0.1' }, 'gateway 100.16.0.1 is not in the CIDR 10.40.0.0/16'],
    [{ cidrBlock: '127.0.0.1/8' }, 'holds addresses that are not unicast'],
    [{ cidrBlock: '10.1.1.32/24,' }, 'cidrBlock 10.1.1.32/24, is not a CIDR'],
    [{ cidrBlock: '10.40.0.0/32' }, 'holds one address only'],
    [{ cidrBlock: 'FD00:40::/64' }, 'IPv6 must be written in lower case'],
    [
      { cidrBlock: '10.40.0.0/16', excludeIps: ['10.1.1.11..10.1.1.30..10.1.1.50'] },
      'is neither an address nor a range',
    ],
    [{ cidrBlock: '10.40.0.0/16', gatewayType: 'test' }, 'gatewayType test is none of'],
    [{ cidrBlock: '10.40.0.0/16', protocol: 'test' }, 'protocol test is none of'],
    [{ cidrBlock: '10.40.0.0/16', allowSubnets: ['10.1.1.302/24'] }, 'allowSubnets 10.1.1.302/24 is not a CIDR'],
    [{ cidrBlock: '10.96.0.0/16' }, "contains the API server's address 10.96.0.1"],
    [{ cidrBlock: '10.20.0.128/25' }, 'overlaps subnet shop (10.20.0.0/24)'],
    [{ cidrBlock: '10.20.0.0/16' }, 'overlaps subnet shop (10.20.0.0/24)'],
    [{ cidrBlock: '192.168.5.0/24' }, 'contains the address 192.168.5.10 of node n1'],
    [{ cidrBlock: '10.40.0.0/16', vpc: 'lab', namespaces: ['shop'] }, 'namespace shop is not one of VPC lab'],
    [{ cidrBlock: '10.40.0.0/16', namespaces: ['lab'] }, 'namespace lab is one of VPC lab'],
    [{ vlan: 'v7', gateway: '10.40.0.1' }, 'gateway 10.40.0.1 needs a cidrBlock'],
  ])('%j is refused', async (spec, message) => {
    const verdict = await created('new', spec);
    expect(verdict.allowed).toBe(false);
    expect(verdict.message).toContain(message);
  });

  it('may not have the name of a VPC, nor a VPC that of a subnet', async () => {
    expect((await created('lab', { cidrBlock: '10.40.0.0/16' })).message).toContain('a VPC has the name lab');
    const vpc = await judged(request('CREATE', object('Vpc', { name: 'shop', spec: {} })), cluster);
    expect(vpc.message).toContain('a subnet has the name shop');
  });
});

describe('a Subnet that is there', () => {
  const changed = (name: string, before: JsonObject, after: JsonObject): Promise<{ message: string }> =>
    judged(
      request('UPDATE', object('Subnet', { name, spec: after }), object('Subnet', { name, spec: before })),
      cluster,
    );

  it.each<[name: string, before: JsonObject, after: JsonObject, message: string]>([
    ['shop', shop, { ...shop, gateway: '10.20.0.254' }, 'gateway may not change from 10.20.0.1'],
    ['shop', shop, { ...shop, vpc: 'lab' }, 'vpc may not change: it is ovn-cluster'],
    [
      'shop',
      shop,
      { ...shop, cidrBlock: '10.20.0.0/29' },
      'cidrBlock 10.20.0.0/29 leaves addresses out: 10.20.0.8 (IP api.shop)',
    ],
    [
      'quiet',
      { cidrBlock: '10.30.0.0/24' },
      { cidrBlock: '10.30.0.0/29' },
      'leaves addresses out: 10.30.0.9 (Vip shared)',
    ],
    ['shop', shop, { ...shop, mtu: -1 }, 'mtu -1 is negative'],
    ['wire', { vlan: 'v7' }, { vlan: 'v7', cidrBlock: '10.50.0.0/24' }, 'may be neither added nor removed'],
    ['quiet', { cidrBlock: '10.30.0.0/24' }, { cidrBlock: '10.20.0.0/24' }, 'overlaps subnet shop'],
  ])('%s: %j may not become %j', async (name, before, after, message) => {
    expect((await changed(name, before, after)).message).toContain(message);
  });

  it.each<[what: string, name: string, before: JsonObject, after: JsonObject]>([
    ['may be made larger', 'shop', shop, { ...shop, cidrBlock: '10.20.0.0/23' }],
    ['may be told what it has by default', 'shop', { cidrBlock: shop.cidrBlock }, shop],
    [
      'may get another gateway while nobody uses it',
      'lone',
      { cidrBlock: '10.60.0.0/24' },
      { cidrBlock: '10.60.0.0/24', gateway: '10.60.0.254' },
    ],
    [
      'may get another gateway while only its own address is in use',
      'heard',
      { cidrBlock: '10.70.0.0/24' },
      { cidrBlock: '10.70.0.0/24', gateway: '10.70.0.254' },
    ],
    [
      'of another plugin may get a VPC',
      'lone',
      { cidrBlock: '10.60.0.0/24', provider: 'net.shop' },
      { cidrBlock: '10.60.0.0/24', provider: 'net.shop', vpc: 'lab' },
    ],
    [
      'may stay wrong in one thing while another changes',
      'shop',
      { ...shop, mtu: -1 },
      { ...shop, mtu: -1, private: true },
    ],
    [
      'may come from no VPC to the default one',
      'lone',
      { cidrBlock: '10.60.0.0/24', vpc: '' },
      { cidrBlock: '10.60.0.0/24', vpc: 'ovn-cluster' },
    ],
  ])('%s', async (_, name, before, after) => {
    expect(await changed(name, before, after)).toEqual({ allowed: true, message: '' });
  });

  it('may not be deleted while pods, nodes or Vips have addresses of it', async () => {
    const removed = (name: string): Promise<{ message: string }> =>
      judged(request('DELETE', object('Subnet', { name, spec: {} })), cluster);
    expect((await removed('shop')).message).toBe(
      'subnet shop may not be deleted: 10.20.0.8 (IP api.shop) and 1 more in use',
    );
    expect((await removed('quiet')).message).toContain('10.30.0.9 (Vip shared) in use');
    expect(await removed('heard')).toEqual({ allowed: true, message: '' });
    expect(await removed('wire')).toEqual({ allowed: true, message: '' });
  });
});

describe('a Vpc', () => {
  it.each<[spec: JsonObject, message: string]>([
    [{ staticRoutes: [{ cidr: 'x', nextHopIP: '10.0.0.1' }] }, 'static route x: neither a prefix nor an address'],
    [{ staticRoutes: [{ cidr: '0.0.0.0/0', nextHopIP: 'x' }] }, 'next hop x is not an address'],
    [{ staticRoutes: [{ cidr: '0.0.0.0/0', nextHopIP: '10.0.0.1', policy: 'policyX' }] }, 'unknown policy policyX'],
    [{ policyRoutes: [{ priority: 5, match: 'ip', action: 'jump' }] }, 'unknown action jump'],
    [{ policyRoutes: [{ priority: 5, match: 'ip', action: 'reroute', nextHopIP: '' }] }, 'is not an address'],
    [
      { vpcPeerings: [{ remoteVpc: 'lab', localConnectIP: '169.254.0.1' }] },
      'is not an address with its prefix length',
    ],
  ])('%j is refused', async (spec, message) => {
    const verdict = await judged(request('CREATE', object('Vpc', { name: 'new', spec })), cluster);
    expect(verdict.message).toContain(message);
  });

  it('may have a peering with one that is not there yet', async () => {
    const spec = { vpcPeerings: [{ remoteVpc: 'later', localConnectIP: '169.254.0.1/30' }] };
    expect((await judged(request('CREATE', object('Vpc', { name: 'new', spec })), cluster)).allowed).toBe(true);
  });

  it('may not be deleted while it has subnets', async () => {
    const removed = (name: string): Promise<{ message: string }> =>
      judged(request('DELETE', object('Vpc', { name, spec: {} })), cluster);
    expect((await removed('ovn-cluster')).message).toBe('VPC ovn-cluster has subnets: heard, quiet, shop, wire');
    expect((await removed('lab')).message).toBe('');
  });
});
