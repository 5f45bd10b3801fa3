// What is refused of IP objects, Vips and IPPools.
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../operator/api/fact.ts';
import { judged, object, request } from './stage.ts';

const cluster = [
  object('Subnet', { name: 'shop', spec: { cidrBlock: '10.20.0.0/24,fd00:20::/64' } }),
  object('Subnet', { name: 'broken', spec: { cidrBlock: 'x' } }),
  object('IP', { name: 'web.shop', spec: { subnet: 'shop', v4IpAddress: '10.20.0.7' } }),
  object('IPPool', { name: 'tills', spec: { subnet: 'shop', ips: ['10.20.0.100..10.20.0.110'] } }),
];

const created = (kind: string, spec: JsonObject): Promise<{ allowed: boolean; message: string }> =>
  judged(request('CREATE', object(kind, { name: 'new', spec })), cluster);

type Row = [kind: string, spec: JsonObject, message: string];

describe('a new object', () => {
  it.each<Row>([
    ['IP', { v4IpAddress: '10.20.0.9' }, 'subnet is empty'],
    ['IP', { subnet: 'gone' }, 'subnet gone does not exist'],
    ['IP', { subnet: 'shop', v4IpAddress: '10.20.1.9' }, 'v4IpAddress 10.20.1.9 is not in the CIDR'],
    ['IP', { subnet: 'shop', v4IpAddress: '10.20.0' }, 'v4IpAddress 10.20.0 is not an IPv4 address'],
    ['IP', { subnet: 'shop', v4IpAddress: 'fd00:20::9' }, 'is not an IPv4 address'],
    ['IP', { subnet: 'shop', v6IpAddress: 'fd00:20::A' }, 'v6IpAddress fd00:20::A: IPv6 must be written in lower case'],
    ['IP', { subnet: 'shop', v6IpAddress: 'fd00:21::a' }, 'is not in the CIDR'],
    ['IP', { subnet: 'shop', macAddress: '00:00:00' }, 'macAddress 00:00:00 is not a MAC'],
    ['IP', { subnet: 'shop', podType: 'Deployment' }, 'podType Deployment is none of'],
    ['IP', { subnet: 'shop', v4IpAddress: '10.20.0.7' }, 'address 10.20.0.7 of subnet shop is that of IP web.shop'],
    ['Vip', { v4ip: '10.20.0.9' }, 'no subnet is named'],
    ['Vip', { subnet: 'gone' }, 'subnet gone does not exist'],
    ['Vip', { subnet: 'shop', v4ip: '10.20.1.9' }, 'v4ip 10.20.1.9 is not in the CIDR'],
    ['Vip', { subnet: 'shop', v4ip: 'x' }, 'v4ip x is not an IPv4 address'],
    ['Vip', { subnet: 'shop', v6ip: 'fd00:20::A' }, 'v6ip fd00:20::A is not in lower case'],
    ['Vip', { subnet: 'shop', type: 'odd' }, 'unknown type odd'],
    ['IPPool', { subnet: 'shop', ips: ['10.20.0.5..10.20.0.1'] }, 'is neither an address nor a CIDR nor a range'],
    ['IPPool', { subnet: 'shop', ips: ['10.20.0.110'] }, 'has conflict IPs with ippool tills: 10.20.0.110'],
  ])('%s %j is refused', async (kind, spec, message) => {
    const verdict = await created(kind, spec);
    expect(verdict.allowed).toBe(false);
    expect(verdict.message).toContain(message);
  });

  it.each<[kind: string, spec: JsonObject]>([
    ['IP', { subnet: 'shop', v4IpAddress: '10.20.0.9', v6IpAddress: 'fd00:20::9', podType: 'StatefulSet' }],
    ['IP', { subnet: 'broken', v4IpAddress: '10.99.0.9' }],
    ['Vip', { subnet: 'shop' }],
    ['Vip', { subnet: 'shop', v4ip: '10.20.0.9', v6ip: 'fd00:20::9', type: 'switch_lb_vip' }],
    ['IPPool', { subnet: 'shop', ips: ['10.20.0.111'] }],
    ['IPPool', { subnet: 'later', ips: ['10.20.0.110'] }],
  ])('%s %j is taken', async (kind, spec) => {
    expect(await created(kind, spec)).toEqual({ allowed: true, message: '' });
  });
});

it('an IP that is made anew under its name is not in its own way', async () => {
  const again = object('IP', { name: 'web.shop', spec: { subnet: 'shop', v4IpAddress: '10.20.0.7' } });
  expect(await judged(request('CREATE', again), cluster)).toEqual({ allowed: true, message: '' });
});

describe('an object that is there', () => {
  const changed = (before: JsonObject, after: JsonObject): Promise<{ message: string }> =>
    judged(request('UPDATE', after, before), cluster);

  it.each([
    ['subnet', 'shop', 'broken'],
    ['namespace', 'shop', 'other'],
    ['podName', 'web', 'api'],
    ['podType', 'StatefulSet', ''],
    ['v4IpAddress', '10.20.0.7', '10.20.0.8'],
    ['v6IpAddress', 'fd00:20::7', ''],
    ['macAddress', '00:00:00:00:00:07', '00:00:00:00:00:08'],
  ])('IP: %s may not change from %s', async (field, old, now) => {
    const ip = (value: string): JsonObject =>
      object('IP', { name: 'web.shop', spec: { subnet: 'shop', [field]: value } });
    expect((await changed(ip(old), ip(now))).message).toContain(
      `${field} may not change once it is set: it is "${old}"`,
    );
  });

  it('IP: what is not set yet may be set', async () => {
    const ip = (spec: JsonObject): JsonObject => object('IP', { name: 'new', spec: { subnet: 'shop', ...spec } });
    const verdict = await changed(ip({ podName: '' }), ip({ podName: 'web', v4IpAddress: '10.20.0.9' }));
    expect(verdict).toEqual({ allowed: true, message: '' });
  });

  it('Vip: the spec stays once it has an address', async () => {
    const vip = (subnet: string, status: JsonObject): JsonObject =>
      object('Vip', { name: 'v', spec: { subnet }, status });
    expect((await changed(vip('gone', {}), vip('shop', {}))).message).toBe('');
    const has = { v4ip: '10.20.0.9', mac: '00:00:00:00:00:09' };
    expect((await changed(vip('shop', has), vip('broken', has))).message).toBe(
      'spec may not change any more: the Vip has 10.20.0.9 00:00:00:00:00:09',
    );
    expect((await changed(vip('shop', {}), vip('shop', has))).message).toBe('');
  });
});
