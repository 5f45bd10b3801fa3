import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../operator/api/fact.ts';
import { subnetRow } from '../../../operator/api/project.ts';
import { checkedSubnet } from '../../../operator/api/subnet-check.ts';
import type { CheckedSubnet } from '../../../operator/api/tables.ts';
import { defaults } from '../../worlds/process.ts';

const check = (spec: JsonObject, name = 's', held: JsonObject = {}): CheckedSubnet => {
  const managedFields = [{ manager: 'kube-ovn-defaults', operation: 'Apply', fieldsV1: { 'f:spec': held } }];
  return checkedSubnet(subnetRow({ metadata: { name, uid: `uid-${name}`, managedFields }, spec }), defaults);
};

describe('defaults', () => {
  it.each<[string, JsonObject, JsonObject]>([
    ['host bits are cleared', { cidrBlock: '10.1.2.3/16' }, { cidrBlock: '10.1.0.0/16' }],
    ['the gateway is the first address', { cidrBlock: '10.1.0.0/16' }, { gateway: '10.1.0.1' }],
    [
      'each family has a gateway',
      { cidrBlock: '10.1.0.0/16,fd00::/64', gateway: '10.1.0.9' },
      { gateway: '10.1.0.9,fd00::1' },
    ],
    [
      'the gateway is excluded',
      { cidrBlock: '10.1.0.0/16', excludeIps: ['10.1.0.20..10.1.0.30', '10.1.0.2'] },
      { excludeIps: ['10.1.0.1..10.1.0.2', '10.1.0.20..10.1.0.30'] },
    ],
    ['the families make the protocol', { cidrBlock: 'fd00::/64' }, { protocol: 'IPv6' }],
    ['both make Dual', { cidrBlock: '10.1.0.0/16,fd00::/64' }, { protocol: 'Dual' }],
    ['an underlay without addresses is Mac', { vlan: 'v' }, { protocol: 'Mac' }],
    ['provider and VPC', { cidrBlock: '10.1.0.0/16' }, { provider: 'ovn', vpc: 'ovn-cluster' }],
    ['the gateway is distributed', { cidrBlock: '10.1.0.0/16', gatewayType: '' }, { gatewayType: 'distributed' }],
    ['only one subnet is the default', { cidrBlock: '10.1.0.0/16', default: true }, { default: false }],
    ['load balancing as the setting has it', { cidrBlock: '10.1.0.0/16' }, { enableLb: true }],
    [
      'interconnection needs a vlan',
      { cidrBlock: '10.1.0.0/16', u2oInterconnection: true, u2oInterconnectionIP: '10.1.0.7' },
      { u2oInterconnection: false, u2oInterconnectionIP: '' },
    ],
  ])('%s', (_, spec, expected) => {
    expect(check(spec).defaults).toMatchObject(expected);
  });

  it('are nothing for a spec that is complete', () => {
    const spec = {
      cidrBlock: '10.1.0.0/16',
      gateway: '10.1.0.1',
      excludeIps: ['10.1.0.1'],
      protocol: 'IPv4',
      provider: 'ovn',
      vpc: 'ovn-cluster',
      gatewayType: 'distributed',
      enableLb: false,
    };
    expect(check(spec).defaults).toEqual({});
  });

  it('keep saying what they hold, or it would be withdrawn', () => {
    const first = check({ cidrBlock: '10.1.0.0/16' }).defaults;
    const held = Object.fromEntries(Object.keys(first).map((field) => [`f:${field}`, {}]));
    expect(check({ cidrBlock: '10.1.0.0/16', ...first }, 's', held).defaults).toEqual(first);
    expect(check({ cidrBlock: '10.1.0.0/16', ...first, gatewayType: 'centralized' }, 's', held).defaults).toEqual({
      ...first,
      gatewayType: 'centralized',
    });
  });

  it('leave the VPC of other providers and enableLb of the join subnet alone', () => {
    expect(check({ cidrBlock: '10.1.0.0/16', provider: 'nad.ns' }).defaults).not.toHaveProperty('vpc');
    expect(check({ cidrBlock: '10.1.0.0/16' }, 'join').defaults).not.toHaveProperty('enableLb');
    expect(check({ cidrBlock: '10.1.0.0/16', default: true }, 'ovn-default').defaults).not.toHaveProperty('default');
  });

  it('are idempotent', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const block = fc
      .tuple(octet, octet, octet, fc.integer({ min: 0, max: 33 }))
      .map(([a, b, c, length]) => `${a}.${b}.${c}.7/${length}`);
    const spec = fc.record({
      cidrBlock: block,
      gateway: fc.constantFrom('', '10.0.0.1', 'x'),
      excludeIps: fc.array(fc.constantFrom('10.0.0.1..10.0.0.9', '10.0.0.5', 'y'), { maxLength: 3 }),
      gatewayType: fc.constantFrom('', 'centralized'),
    });
    fc.assert(
      fc.property(spec, (given) => {
        const { defaults: written } = check(given);
        expect(check({ ...given, ...written }).defaults).toEqual({});
      }),
    );
  });
});

describe('rules', () => {
  it.each<[string, JsonObject]>([
    ['no CIDR', {}],
    ['a malformed CIDR', { cidrBlock: '10.1.0.0/33' }],
    ['two of one family', { cidrBlock: '10.1.0.0/16,10.2.0.0/16' }],
    ['a single address', { cidrBlock: '10.1.0.1/32' }],
    ['loopback', { cidrBlock: '127.0.0.0/16' }],
    ['multicast', { cidrBlock: '239.0.0.0/16' }],
    ['everything', { cidrBlock: '0.0.0.0/0' }],
    ['IPv6 in upper case', { cidrBlock: 'fd00::/64', gateway: 'FD00::9' }],
    ['a gateway outside', { cidrBlock: '10.1.0.0/16', gateway: '10.2.0.1' }],
    ['the network address as gateway', { cidrBlock: '10.1.0.0/16', gateway: '10.1.0.0' }],
    ['the broadcast address as gateway', { cidrBlock: '10.1.0.0/16', gateway: '10.1.255.255' }],
    ['two gateways of one family', { cidrBlock: '10.1.0.0/16', gateway: '10.1.0.1,10.1.0.2' }],
    ['a gateway that is none', { cidrBlock: '10.1.0.0/16', gateway: 'first' }],
    ['a backward range', { cidrBlock: '10.1.0.0/16', excludeIps: ['10.1.0.9..10.1.0.2'] }],
    ['allowSubnets that are none', { cidrBlock: '10.1.0.0/16', allowSubnets: ['10.0.0.0'] }],
    ['an unknown gateway type', { cidrBlock: '10.1.0.0/16', gatewayType: 'both' }],
    ['an unknown protocol', { cidrBlock: '10.1.0.0/16/8', protocol: 'IPX' }],
    ['an MTU below what IPv6 needs', { cidrBlock: 'fd00::/64', mtu: 1279 }],
    ['a negative MTU', { cidrBlock: '10.1.0.0/16', mtu: -1 }],
    ['the name of its VPC', { cidrBlock: '10.1.0.0/16', vpc: 's' }],
    ["the API server's address", { cidrBlock: '10.96.0.0/16' }],
    ['NAT and an egress gateway', { cidrBlock: '10.1.0.0/16', natOutgoing: true, externalEgressGateway: '172.18.0.9' }],
    ['an egress gateway of another family', { cidrBlock: '10.1.0.0/16', externalEgressGateway: 'fd00::9' }],
    ['three egress gateways', { cidrBlock: '10.1.0.0/16', externalEgressGateway: '172.18.0.7,172.18.0.8,172.18.0.9' }],
    ['a vip outside', { cidrBlock: '10.1.0.0/16', vips: ['10.2.0.1'] }],
    [
      'a logical gateway with interconnection',
      { cidrBlock: '10.1.0.0/16', vlan: 'v', logicalGateway: true, u2oInterconnection: true },
    ],
    [
      'the gateway as interconnection address',
      { cidrBlock: '10.1.0.0/16', vlan: 'v', u2oInterconnection: true, u2oInterconnectionIP: '10.1.0.1' },
    ],
    [
      'overlay routing without interconnection',
      { cidrBlock: '10.1.0.0/16', u2oFeatures: { overlayOnlyRouting: true } },
    ],
    [
      'rules of two families',
      {
        cidrBlock: '10.1.0.0/16',
        natOutgoingPolicyRules: [{ action: 'nat', match: { srcIPs: '10.1.0.1', dstIPs: 'fd00::1' } }],
      },
    ],
    ['an excluded address without a range', { vlan: 'v', excludeIps: ['10.1.0.1'] }],
  ])('refuse %s', (_, spec) => {
    const { findings, network } = check(spec);
    expect(findings.map(({ reason }) => reason)).toContain('ValidateLogicalSwitchFailed');
    expect(network).toBeUndefined();
  });

  it.each<[string, JsonObject]>([
    ['a plain one', { cidrBlock: '10.1.0.0/16' }],
    ['a point-to-point one', { cidrBlock: '10.1.0.0/31' }],
    ['both families', { cidrBlock: '10.1.0.0/16,fd00::/64', externalEgressGateway: '172.18.0.9,fd01::9' }],
    ['the API server in another VPC', { cidrBlock: '10.96.0.0/16', vpc: 'v1' }],
    ['a small MTU without IPv6', { cidrBlock: '10.1.0.0/16', mtu: 900 }],
  ])('allow %s', (_, spec) => {
    expect(check(spec).findings).toEqual([]);
  });
});

it('makes a network with IPv4 first and gateways in the order of the CIDRs', () => {
  const { network } = check({
    cidrBlock: 'fd00::/64,10.1.0.0/16',
    gateway: 'fd00::9,10.1.0.9',
    gatewayNode: 'n1:172.18.0.5, n2',
  });
  expect(network).toMatchObject({
    cidrs: ['10.1.0.0/16', 'fd00::/64'],
    gateways: ['10.1.0.9', 'fd00::9'],
    gatewayNodes: ['n1', 'n2'],
    switched: true,
    link: 'gateway',
  });
});

it.each<[string, JsonObject, string]>([
  ['an overlay: the router is the gateway', { cidrBlock: '10.1.0.0/16' }, 'gateway'],
  ['an underlay: a physical one is', { cidrBlock: '10.1.0.0/16', vlan: 'v' }, 'none'],
  ['an underlay with logicalGateway', { cidrBlock: '10.1.0.0/16', vlan: 'v', logicalGateway: true }, 'gateway'],
  ['an overlay that states logicalGateway', { cidrBlock: '10.1.0.0/16', logicalGateway: true }, 'gateway'],
  ['an interconnected underlay', { cidrBlock: '10.1.0.0/16', vlan: 'v', u2oInterconnection: true }, 'interconnection'],
  ['an underlay without addresses', { vlan: 'v', logicalGateway: true }, 'none'],
  ['another provider', { cidrBlock: '10.1.0.0/16', provider: 'nad.ns' }, 'none'],
])('links %s', (_, spec, link) => {
  expect(check(spec).network?.link).toBe(link);
});
