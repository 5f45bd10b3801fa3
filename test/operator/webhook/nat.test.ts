// What is refused of EIPs, of the rules on them and of NAT gateways: each row is one request to a small cluster.
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../operator/api/fact.ts';
import { judged, object, request } from './stage.ts';

const dnat = (name: string, spec: JsonObject): JsonObject =>
  object('IptablesDnatRule', { name, spec: { internalIp: '10.0.1.5', internalPort: '80', protocol: 'tcp', ...spec } });

const going = { deletionTimestamp: '2026-01-02T00:00:00Z', finalizers: ['kubeovn.io/kube-ovn-controller'] };

const cluster = [
  object('Vpc', { name: 'lab', spec: { enableBfd: false } }),
  object('Vpc', { name: 'watched', spec: { enableBfd: true } }),
  object('Subnet', { name: 'external', spec: { cidrBlock: '172.20.0.0/24', vlan: 'v1' } }),
  object('Subnet', { name: 'inside', spec: { cidrBlock: '10.0.1.0/24', vpc: 'lab' } }),
  object('Subnet', {
    name: 'ovn-vpc-external-network',
    spec: { cidrBlock: '172.18.0.0/24', provider: 'x.kube-system' },
  }),
  object('VpcNatGateway', { name: 'gw', spec: { vpc: 'lab', subnet: 'inside' } }),
  object('VpcNatGateway', { name: 'idle', spec: { vpc: 'lab', subnet: 'inside' } }),
  object('IptablesEIP', { name: 'free', spec: { natGwDp: 'gw', v4ip: '172.18.0.5' } }),
  object('IptablesEIP', { name: 'six', spec: { natGwDp: 'gw', v6ip: 'fd00::5' } }),
  object('IptablesEIP', { name: 'ports', spec: { natGwDp: 'gw', v4ip: '172.18.0.6' } }),
  object('IptablesEIP', { name: 'whole', spec: { natGwDp: 'gw', v4ip: '172.18.0.7' } }),
  object('IptablesEIP', { name: 'leaving', spec: { natGwDp: 'gw', v4ip: '172.18.0.8' } }),
  dnat('web', { eip: 'ports', externalPort: '80' }),
  dnat('shared', { eip: 'ports', externalPort: '90', type: 'share' }),
  object('IptablesFIPRule', { name: 'all', spec: { eip: 'whole', internalIp: '10.0.1.7' } }),
  object('IptablesFIPRule', { name: 'old', spec: { eip: 'leaving', internalIp: '10.0.1.8' }, metadata: going }),
  object('OvnEip', { name: 'oeip', spec: { externalSubnet: 'external' } }),
  object('OvnEip', { name: 'ofree', spec: { externalSubnet: 'external' } }),
  object('OvnFip', { name: 'ofip', spec: { ovnEip: 'oeip', ipName: 'web.shop' } }),
];

const refused = (kind: string, spec: JsonObject): Promise<{ message: string }> =>
  judged(request('CREATE', object(kind, { name: 'new', spec })), cluster);

const inside = { internalIp: '10.0.1.5', internalPort: '80', protocol: 'tcp' };
const toWeb = { ovnEip: 'oeip', ipName: 'web.shop' };
const gateway = { vpc: 'lab', subnet: 'inside' };

describe('a new object', () => {
  it.each<[kind: string, spec: JsonObject, message: string]>([
    ['OvnEip', { externalSubnet: 'gone' }, 'subnet gone does not exist'],
    ['OvnEip', { v4Ip: '10.0.0.1' }, 'v4Ip 10.0.0.1 is not in the CIDR 172.20.0.0/24 of subnet external'],
    ['OvnEip', { v4Ip: 'x' }, 'v4Ip x is not an IPv4 address'],
    ['OvnEip', { type: 'odd' }, 'type odd is none of nat, lrp, lsp'],
    ['OvnEip', { macAddress: 'x' }, 'macAddress x is not a MAC'],
    ['OvnFip', { ipName: 'web.shop' }, 'ovnEip is empty'],
    ['OvnFip', { ...toWeb, ovnEip: 'gone' }, 'OvnEip gone does not exist'],
    ['OvnFip', { ovnEip: 'oeip' }, 'ipName or one of v4Ip, v6Ip is needed'],
    ['OvnFip', { ovnEip: 'oeip', v4Ip: 'fd00::1' }, 'v4Ip fd00::1 is not an IPv4 address'],
    ['OvnFip', { ...toWeb, ipType: 'pod' }, 'ipType pod is not vip'],
    ['OvnDnatRule', { ...toWeb, internalPort: '80', protocol: 'tcp' }, 'externalPort is empty'],
    [
      'OvnDnatRule',
      { ...toWeb, externalPort: '0', internalPort: '80', protocol: 'tcp' },
      'externalPort 0 is not a port',
    ],
    [
      'OvnDnatRule',
      { ...toWeb, externalPort: '80', internalPort: '65536', protocol: 'tcp' },
      'internalPort 65536 is not a port',
    ],
    ['OvnDnatRule', { ...toWeb, externalPort: '80', internalPort: '80', protocol: 'icmp' }, 'protocol icmp is none of'],
    ['OvnSnatRule', { ovnEip: 'oeip' }, 'one of vpcSubnet, ipName, v4IpCidr, v6IpCidr is needed'],
    ['OvnSnatRule', { ovnEip: 'oeip', vpcSubnet: 'inside', ipName: 'x' }, 'vpcSubnet and ipName exclude each other'],
    ['OvnSnatRule', { ovnEip: 'oeip', v4IpCidr: '10.0.1.0/24' }, 'v4IpCidr and v6IpCidr need vpc beside them'],
    ['OvnSnatRule', { ovnEip: 'oeip', vpc: 'lab', v4IpCidr: '10.0.1' }, '10.0.1 is neither an address nor a CIDR'],
    ['VpcNatGateway', { subnet: 'inside' }, 'vpc is empty'],
    ['VpcNatGateway', { ...gateway, vpc: 'gone' }, 'VPC gone does not exist'],
    ['VpcNatGateway', { vpc: 'lab' }, 'subnet is empty'],
    ['VpcNatGateway', { ...gateway, lanIp: '10.9.0.1' }, 'lanIp 10.9.0.1 is not in the CIDR'],
    ['VpcNatGateway', { ...gateway, bfd: { enabled: true } }, 'bfd needs enableBfd of VPC lab'],
    ['VpcNatGateway', { ...gateway, tolerations: [{ operator: 'Odd' }] }, 'operator Odd of a toleration'],
    ['VpcNatGateway', { ...gateway, tolerations: [{ effect: 'Odd' }] }, 'effect Odd of a toleration'],
    ['IptablesEIP', {}, 'natGwDp is empty'],
    ['IptablesEIP', { natGwDp: 'gone' }, 'VpcNatGateway gone does not exist'],
    ['IptablesEIP', { natGwDp: 'gw', externalSubnet: 'gone' }, 'subnet gone does not exist'],
    ['IptablesEIP', { natGwDp: 'gw', v4ip: '10.0.0.1' }, 'v4ip 10.0.0.1 is not in the CIDR 172.18.0.0/24'],
    ['IptablesEIP', { natGwDp: 'gw', v6ip: 'FD00::1' }, 'v6ip FD00::1: IPv6 must be written in lower case'],
    ['IptablesDnatRule', { ...inside, externalPort: '80' }, 'eip is empty'],
    ['IptablesDnatRule', { ...inside, eip: 'gone', externalPort: '80' }, 'IptablesEIP gone does not exist'],
    ['IptablesDnatRule', { ...inside, eip: 'free', externalPort: '080' }, 'externalPort 080 is not a port'],
    [
      'IptablesDnatRule',
      { ...inside, eip: 'free', externalPort: '80', internalIp: 'x' },
      'internalIp x is not an address',
    ],
    [
      'IptablesDnatRule',
      { ...inside, eip: 'free', externalPort: '80', protocol: 'sctp' },
      'protocol sctp is none of tcp, udp',
    ],
    [
      'IptablesDnatRule',
      { ...inside, eip: 'six', externalPort: '80', type: 'share' },
      'type share is for IPv4, and IptablesEIP six has IPv6 only',
    ],
    [
      'IptablesDnatRule',
      { ...inside, eip: 'free', externalPort: '80', internalIp: 'fd00::1', type: 'share' },
      'type share is for IPv4, and internalIp is IPv6',
    ],
    [
      'IptablesDnatRule',
      { ...inside, eip: 'ports', externalPort: '80' },
      '80/tcp of IptablesEIP ports is that of IptablesDnatRule web',
    ],
    [
      'IptablesDnatRule',
      { ...inside, eip: 'ports', externalPort: '80', type: 'share' },
      '80/tcp of IptablesEIP ports is that of IptablesDnatRule web',
    ],
    [
      'IptablesDnatRule',
      { ...inside, eip: 'ports', externalPort: '90' },
      '90/tcp of IptablesEIP ports is that of IptablesDnatRule shared',
    ],
    [
      'IptablesDnatRule',
      { ...inside, eip: 'whole', externalPort: '80' },
      'IptablesEIP whole is in use by IptablesFIPRule all',
    ],
    ['IptablesFIPRule', { eip: 'ports', internalIp: '10.0.1.9' }, 'IptablesEIP ports is in use by IptablesDnatRule'],
    ['IptablesFIPRule', { eip: 'whole', internalIp: '10.0.1.9' }, 'IptablesEIP whole is in use by IptablesFIPRule all'],
    ['IptablesFIPRule', { eip: 'free', internalIp: '' }, 'is not an address'],
    [
      'IptablesSnatRule',
      { eip: 'free', internalCIDR: '10.0.1' },
      'internalCIDR 10.0.1 is neither an address nor a CIDR',
    ],
    ['IptablesSnatRule', { eip: 'free' }, 'is neither an address nor a CIDR'],
    ['IptablesSnatRule', { eip: 'gone', internalCIDR: '10.0.1.0/24' }, 'IptablesEIP gone does not exist'],
  ])('%s %j is refused', async (kind, spec, message) => {
    expect((await refused(kind, spec)).message).toContain(message);
  });

  it.each<[kind: string, spec: JsonObject]>([
    ['OvnEip', { v4Ip: '172.20.0.9' }],
    ['OvnFip', { ovnEip: 'ofree', vpc: 'lab', v4Ip: '10.0.1.5' }],
    ['OvnDnatRule', { ...toWeb, externalPort: '80', internalPort: '8080', protocol: 'sctp' }],
    ['OvnSnatRule', { ovnEip: 'oeip', vpcSubnet: 'inside' }],
    ['OvnSnatRule', { ovnEip: 'oeip', vpc: 'lab', v4IpCidr: '10.0.1.0/24' }],
    ['VpcNatGateway', { ...gateway, lanIp: '10.0.1.254', tolerations: [{ key: 'x', effect: 'NoSchedule' }] }],
    ['VpcNatGateway', { ...gateway, replicas: 2, lanIp: '10.9.0.1' }],
    ['VpcNatGateway', { vpc: 'watched', subnet: 'inside', bfd: { enabled: true } }],
    ['IptablesEIP', { natGwDp: 'gw' }],
    ['IptablesDnatRule', { ...inside, eip: 'ports', externalPort: '80', protocol: 'UDP' }],
    ['IptablesDnatRule', { ...inside, eip: 'ports', externalPort: '90', type: 'share' }],
    ['IptablesDnatRule', { ...inside, eip: 'leaving', externalPort: '80' }],
    ['IptablesFIPRule', { eip: 'free', internalIp: '10.0.1.9' }],
    ['IptablesSnatRule', { eip: 'ports', internalCIDR: '10.0.1.0/24' }],
    ['IptablesSnatRule', { eip: 'ports', internalCIDR: '10.0.1.5' }],
  ])('%s %j is taken', async (kind, spec) => {
    expect(await refused(kind, spec)).toEqual({ allowed: true, message: '' });
  });
});

it('what is made anew under its name is not in its own way', async () => {
  const again = [
    dnat('web', { eip: 'ports', externalPort: '80' }),
    object('IptablesFIPRule', { name: 'all', spec: { eip: 'whole', internalIp: '10.0.1.9' } }),
  ];
  for (const rule of again)
    expect(await judged(request('CREATE', rule), cluster)).toEqual({ allowed: true, message: '' });
});

describe('an object that is there', () => {
  const changed = (kind: string, [was, is]: readonly [JsonObject, JsonObject], status: JsonObject = {}) =>
    judged(
      request(
        'UPDATE',
        object(kind, { name: 'web', spec: is, status }),
        object(kind, { name: 'web', spec: was, status }),
      ),
      cluster,
    );
  const ready = { ready: true };

  it.each<[kind: string, was: JsonObject, is: JsonObject, message: string]>([
    [
      'OvnEip',
      { v4Ip: '172.20.0.9' },
      { v4Ip: '172.20.0.10' },
      'v4Ip may not change while it is ready: it is "172.20.0.9"',
    ],
    ['OvnFip', toWeb, { ...toWeb, ipName: 'api.shop' }, 'ipName may not change while it is ready'],
    ['IptablesEIP', { natGwDp: 'gw' }, { natGwDp: 'idle' }, 'natGwDp may not change once it is set: it is "gw"'],
    ['IptablesEIP', { natGwDp: 'gw', v4ip: '172.18.0.9' }, { natGwDp: 'gw' }, 'v4ip may not change while it is ready'],
    [
      'IptablesDnatRule',
      { ...inside, eip: 'free', externalPort: '1' },
      { ...inside, eip: 'free', externalPort: '1', type: 'share' },
      'type may not change: it is exclusive',
    ],
    ['VpcNatGateway', gateway, { ...gateway, namespace: 'lab' }, 'namespace may not change'],
    ['VpcNatGateway', gateway, { ...gateway, replicas: 2 }, 'replicas may not change between one and several'],
    [
      'VpcNatGateway',
      { ...gateway, replicas: 3 },
      { ...gateway, replicas: 1 },
      'replicas may not change between one and several',
    ],
  ])('%s: %j may not become %j', async (kind, was, is, message) => {
    expect((await changed(kind, [was, is], ready)).message).toContain(message);
  });

  it.each<[kind: string, was: JsonObject, is: JsonObject, status: JsonObject]>([
    ['OvnFip', toWeb, { ...toWeb, ipName: 'api.shop' }, {}],
    ['OvnEip', {}, { v4Ip: '172.20.0.9' }, ready],
    ['IptablesEIP', { natGwDp: 'gw', qosPolicy: 'a' }, { natGwDp: 'gw', qosPolicy: 'b' }, ready],
    [
      'IptablesDnatRule',
      { ...inside, eip: 'ports', externalPort: '80' },
      { ...inside, eip: 'ports', externalPort: '80', type: 'exclusive' },
      ready,
    ],
    ['VpcNatGateway', { ...gateway, replicas: 2 }, { ...gateway, replicas: 3 }, ready],
    ['VpcNatGateway', gateway, { ...gateway, replicas: 1 }, ready],
  ])('%s: %j may become %j', async (kind, was, is, status) => {
    expect(await changed(kind, [was, is], status)).toEqual({ allowed: true, message: '' });
  });

  it.each([
    ['OvnEip', 'oeip', 'OvnEip oeip is in use by OvnFip ofip'],
    ['OvnEip', 'ofree', ''],
    ['IptablesEIP', 'ports', 'IptablesEIP ports is in use by IptablesDnatRule shared, IptablesDnatRule web'],
    ['IptablesEIP', 'free', ''],
    ['IptablesEIP', 'leaving', ''],
    ['VpcNatGateway', 'gw', 'VpcNatGateway gw has IptablesEIPs: free, leaving, ports, six, whole'],
    ['VpcNatGateway', 'idle', ''],
  ])('deletion of %s %s: %s', async (kind, name, message) => {
    expect((await judged(request('DELETE', object(kind, { name, spec: {} })), cluster)).message).toBe(message);
  });
});
