// Kube-OVN's rules for a Subnet, each by its text: a spec that breaks it and one that just keeps it. What concerns other
// objects as well is in test/worlds: rivals, bad-subnet, underlay-broken.
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../operator/api/fact.ts';
import { subnetRow } from '../../../operator/api/project.ts';
import { checkedSubnet } from '../../../operator/api/subnet-check.ts';
import { defaults } from '../../worlds/process.ts';

const messages = (spec: JsonObject): string[] =>
  checkedSubnet(subnetRow({ metadata: { name: 's', uid: 'u' }, spec }), defaults).findings.map(
    ({ message }) => message,
  );

const v4 = { cidrBlock: '10.1.0.0/16' };
const v6 = { cidrBlock: 'fd00::/64' };
const dual = { cidrBlock: '10.1.0.0/16,fd00::/64' };
const wire = { ...dual, vlan: 'v' };
const rule = (match: JsonObject, action = 'nat'): JsonObject => ({ natOutgoingPolicyRules: [{ action, match }] });

type Case = readonly [spec: JsonObject, named: string];

/** By the text of the rule: specs that break it, each with a word of the message, and specs that keep it. */
const rules: Readonly<Record<string, { readonly broken: readonly Case[]; readonly kept: readonly JsonObject[] }>> = {
  'IPv6 text must be lower case in gateway, CIDR, excludeIps, vips, allowSubnets, egress gateway, u2o IP': {
    broken: [
      [{ ...v6, gateway: 'FD00::1' }, 'gateway'],
      [{ ...v6, vips: ['fd00::AB'] }, 'vips'],
      [{ ...v6, allowSubnets: ['FD01::/64'] }, 'allowSubnets'],
      [{ ...v6, externalEgressGateway: 'FD01::1' }, 'externalEgressGateway'],
      [{ ...wire, u2oInterconnection: true, u2oInterconnectionIP: '10.1.0.7,fd00::AB' }, 'u2oInterconnectionIP'],
    ],
    kept: [
      { ...v6, gateway: 'fd00::1', excludeIps: ['fd00::a..fd00::b'], vips: ['fd00::ab'], allowSubnets: ['fd01::/64'] },
      // What defaulting prints anew is in lower case before it is looked at.
      { cidrBlock: 'FD00::/64', excludeIps: ['fd00::A..fd00::B'] },
    ],
  },
  'gateway must be inside the CIDR and neither network nor broadcast address': {
    broken: [
      [{ ...v4, gateway: '10.2.0.1' }, 'not in the CIDR'],
      [{ ...v4, gateway: '10.1.0.0' }, 'network or broadcast'],
      [{ ...v4, gateway: '10.1.255.255' }, 'network or broadcast'],
      [{ ...v6, gateway: 'fd00::' }, 'network or broadcast'],
      [{ ...dual, gateway: '10.1.0.1,fd01::1' }, 'not in the CIDR'],
    ],
    kept: [
      { ...v4, gateway: '10.1.255.254' },
      { cidrBlock: '10.1.0.0/31', gateway: '10.1.0.0' },
    ],
  },
  'CIDR must parse, be global unicast, not special, and not /32 or /128': {
    broken: [
      [{ cidrBlock: '10.1.0.0' }, 'not a CIDR'],
      [{ cidrBlock: '10.1.0.0/33' }, 'not a CIDR'],
      [{ cidrBlock: '10.1.0.0/16,' }, 'not a CIDR'],
      [{ cidrBlock: '224.0.0.0/16' }, 'unicast'],
      [{ cidrBlock: '169.254.0.0/24' }, 'unicast'],
      [{ cidrBlock: 'fe80::/64' }, 'unicast'],
      [{ cidrBlock: '10.1.0.1/32' }, 'one address'],
      [{ cidrBlock: 'fd00::1/128' }, 'one address'],
    ],
    kept: [{ cidrBlock: '10.1.0.0/30' }, { cidrBlock: 'fd00::/127' }, { cidrBlock: '203.0.113.0/24' }],
  },
  'excludeIps: single IP or a..b with a ≤ b': {
    broken: [
      [{ ...v4, excludeIps: ['10.1.0.9..10.1.0.8'] }, 'excludeIps'],
      [{ ...v4, excludeIps: ['10.1.0.0/24'] }, 'excludeIps'],
      [{ ...v4, excludeIps: ['10.1.0.1-10.1.0.9'] }, 'excludeIps'],
      [{ ...dual, excludeIps: ['10.1.0.1..fd00::9'] }, 'excludeIps'],
    ],
    kept: [{ ...v4, excludeIps: ['10.1.0.8..10.1.0.8', '10.1.0.9'] }],
  },
  'allowSubnets: parseable CIDRs': {
    broken: [[{ ...v4, allowSubnets: ['10.2.0.0'] }, 'allowSubnets']],
    kept: [{ ...v4, allowSubnets: ['10.2.0.0/16', 'fd01::/64'] }],
  },
  'gatewayType is "", distributed or centralized': {
    broken: [[{ ...v4, gatewayType: 'Distributed' }, 'gatewayType']],
    kept: [
      { ...v4, gatewayType: '' },
      { ...v4, gatewayType: 'centralized' },
    ],
  },
  'protocol is "", IPv4, IPv6, Dual or Mac': {
    // Any other is rewritten by the CIDR before it is looked at, so it shows only where there is none.
    broken: [[{ cidrBlock: 'x', protocol: 'ipv4' }, 'protocol']],
    kept: [
      { ...v4, protocol: 'IPv6' },
      { vlan: 'v', protocol: '' },
    ],
  },
  'mtu > 0 and < 1280 is refused when the CIDR contains IPv6': {
    broken: [
      [{ ...v6, mtu: 1279 }, '1280'],
      [{ ...dual, mtu: 1 }, '1280'],
    ],
    kept: [
      { ...dual, mtu: 1280 },
      { ...dual, mtu: 0 },
      { ...v4, mtu: 500 },
    ],
  },
  'subnet name must differ from the VPC name': {
    broken: [[{ ...v4, vpc: 's' }, 'different names']],
    kept: [{ ...v4, vpc: 't' }],
  },
  'in the default VPC the CIDR must not contain the API server address': {
    broken: [[{ cidrBlock: '10.96.0.0/12' }, 'API server']],
    kept: [{ cidrBlock: '10.96.0.0/12', vpc: 'v1' }, { cidrBlock: '10.97.0.0/16' }],
  },
  'natOutgoing and externalEgressGateway are mutually exclusive; at most two; families match unless the CIDR is dual': {
    broken: [
      [{ ...v4, natOutgoing: true, externalEgressGateway: '172.18.0.9' }, 'exclude each other'],
      [{ ...dual, externalEgressGateway: '172.18.0.7,172.18.0.8,fd01::9' }, 'one or two'],
      [{ ...v4, externalEgressGateway: 'gw' }, 'one or two'],
      [{ ...v4, externalEgressGateway: '172.18.0.9,fd01::9' }, 'family'],
      [{ ...v6, externalEgressGateway: '172.18.0.9' }, 'family'],
    ],
    kept: [
      { ...v4, externalEgressGateway: '172.18.0.8,172.18.0.9' },
      { ...dual, externalEgressGateway: '172.18.0.9' },
      { ...dual, externalEgressGateway: '172.18.0.9,fd01::9' },
    ],
  },
  'vips must be in the CIDR': {
    broken: [
      [{ ...v4, vips: ['10.1.0.9', '10.2.0.9'] }, 'vips 10.2.0.9'],
      [{ ...v4, vips: ['fd00::9'] }, 'vips'],
      [{ ...v4, vips: ['nine'] }, 'vips'],
    ],
    kept: [{ ...dual, vips: ['10.1.0.9', 'fd00::9'] }],
  },
  'logicalGateway and u2oInterconnection exclude each other': {
    broken: [[{ ...wire, logicalGateway: true, u2oInterconnection: true }, 'exclude each other']],
    // Without a vlan the interconnection is switched off first.
    kept: [
      { ...wire, logicalGateway: true },
      { ...v4, logicalGateway: true, u2oInterconnection: true },
    ],
  },
  'u2oFeatures.overlayOnlyRouting needs u2oInterconnection and a vlan': {
    broken: [
      [{ ...wire, u2oFeatures: { overlayOnlyRouting: true } }, 'overlayOnlyRouting'],
      [{ ...v4, u2oInterconnection: true, u2oFeatures: { overlayOnlyRouting: true } }, 'overlayOnlyRouting'],
    ],
    kept: [
      { ...wire, u2oInterconnection: true, u2oFeatures: { overlayOnlyRouting: true } },
      { ...v4, u2oFeatures: { overlayOnlyRouting: false } },
    ],
  },
  'u2oInterconnectionIP must be in the CIDR and different from the gateway': {
    broken: [
      [{ ...wire, u2oInterconnection: true, u2oInterconnectionIP: '10.2.0.1' }, 'not in the CIDR'],
      [{ ...wire, u2oInterconnection: true, u2oInterconnectionIP: '10.1.0.1' }, 'is the gateway'],
      [{ ...wire, u2oInterconnection: true, u2oInterconnectionIP: '10.1.0.7,fd00::0:1' }, 'is the gateway'],
    ],
    kept: [{ ...wire, u2oInterconnection: true, u2oInterconnectionIP: '10.1.0.7,fd00::7' }],
  },
  'natOutgoingPolicyRules: lists of IP or CIDR, of one family inside a list, and equal between src and dst': {
    broken: [
      [{ ...dual, ...rule({ srcIPs: '10.1.0.1,fd00::1' }) }, 'natOutgoingPolicyRules[0]'],
      [{ ...dual, ...rule({ srcIPs: '10.1.0.1', dstIPs: 'fd00::/64' }) }, 'natOutgoingPolicyRules[0]'],
      [{ ...dual, ...rule({ dstIPs: '10.1.0.1-10.1.0.9' }) }, 'natOutgoingPolicyRules[0]'],
    ],
    kept: [
      { ...dual, ...rule({ srcIPs: '10.1.0.1, 10.1.8.0/24', dstIPs: '10.9.0.0/16' }) },
      { ...dual, ...rule({ dstIPs: 'fd01::/64' }, 'forward') },
      { ...dual, ...rule({}) },
    ],
  },
  'MAC-only subnet: gateway, excludeIps, vips, u2oInterconnectionIP must be empty': {
    broken: [
      [{ vlan: 'v', gateway: '10.1.0.1' }, 'gateway'],
      [{ vlan: 'v', excludeIps: ['10.1.0.1'] }, 'excludeIps'],
      [{ vlan: 'v', vips: ['10.1.0.1'] }, 'vips'],
      [{ vlan: 'v', u2oInterconnection: true, u2oInterconnectionIP: '10.1.0.1' }, 'u2oInterconnectionIP'],
      [{}, 'not a CIDR'],
    ],
    kept: [{ vlan: 'v' }, { vlan: 'v', gateway: '', excludeIps: [] }],
  },
};

describe.each(Object.entries(rules))('%s', (_, { broken, kept }) => {
  it.each(broken.map(([spec, named]) => [JSON.stringify(spec), spec, named] as const))(
    'refuses %s',
    (_text, spec, named) => {
      expect(messages(spec)).toEqual(expect.arrayContaining([expect.stringContaining(named)]));
    },
  );

  it.each(kept.map((spec) => [JSON.stringify(spec), spec] as const))('takes %s', (_text, spec) => {
    expect(messages(spec)).toEqual([]);
  });
});
