// The address of an OvnEip on the router of a VPC, in a real ovn-northd: whoever is on the external subnet reaches the
// backends by it, whether that is a physical network or a subnet of another VPC.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Change } from '../expand.ts';
import { installations, startOvn } from '../ovn-central.ts';
import type { OvnCentral } from '../ovn-central.ts';
import { enter, pod, put, rowsOf } from './northd.ts';

const rule = (vip: string, vpc: string): Record<string, unknown> => ({
  'ovn.kubernetes.io/router_lb_vip': vip,
  'ovn.kubernetes.io/logical_router': vpc,
  'kubeloom.io/owner': 'RouterLBRule//web',
});
const balanced = (vpc: string, vip: string, backends: readonly string[]): Change[] => [
  put('Service', `a/rlr-${vpc}`, { ports: ['80'], annotations: rule(vip, vpc) }),
  put('EndpointSlice', `a/rlr-${vpc}-4`, { for: `a/rlr-${vpc}`, ports: ['8080'], endpoints: backends }),
  put('RouterLBRule', vpc, {
    vpc,
    ovnEip: vpc,
    namespace: 'a',
    ports: [{ port: 80, targetPort: 8080 }],
    selector: ['a:b'],
  }),
];
/** An external subnet has the name of the VPC that leaves by it. */
const attached = (vpc: string, ip: string, mac: string): Change[] => [
  put('Vpc', vpc, { extraExternalSubnets: [`${vpc}-out`] }),
  put('IP', `vpc-external.${vpc}.${vpc}-out`, {
    for: `${vpc}-${vpc}-out`,
    owner: `uid-${vpc}`,
    subnet: `${vpc}-out`,
    ip,
    mac,
  }),
  put('OvnEip', `${vpc}-${vpc}-out`, { externalSubnet: `${vpc}-out`, type: 'lrp', ip }),
];

const cluster: readonly Change[] = [
  put('Vpc', 'ovn-cluster', {}),
  put('Subnet', 'ovn-default', { cidrBlock: '10.16.0.0/16', default: true }),
  put('Subnet', 'join', { cidrBlock: '100.64.0.0/16' }),
  put('Namespace', 'a', {}),
  put('Node', 'n1', {
    ip: '172.18.0.1',
    labels: { 'ovn.kubernetes.io/external-gw': 'true' },
    annotations: { 'ovn.kubernetes.io/chassis': 'of-n1' },
  }),
  ...attached('v1', '10.5.204.2', '02:00:00:00:01:01'),
  put('Vlan', 'v7', { id: 7, provider: 'net' }),
  put('Subnet', 'v1-out', { cidrBlock: '10.5.204.0/24', gateway: '10.5.204.254', vlan: 'v7' }),
  put('Subnet', 'v1-in', { vpc: 'v1', cidrBlock: '10.20.0.0/24', enableLb: true }),
  put('OvnEip', 'v1', { externalSubnet: 'v1-out', ip: '10.5.204.80' }),
  put('Vip', 'v1-in', { subnet: 'v1-in', ip: '10.20.0.200' }),
  ...pod('p1', { node: 'n1', subnet: 'v1-in', ip: '10.20.0.2', mac: '02:00:00:00:00:01' }),
  ...pod('p2', { node: 'n1', subnet: 'v1-in', ip: '10.20.0.3', mac: '02:00:00:00:00:02' }),
  ...balanced('v1', '10.5.204.80', ['10.20.0.2 p1 n1', '10.20.0.3 p2 n1']),
  ...attached('v2', '10.6.0.2', '02:00:00:00:02:01'),
  put('Subnet', 'v2-out', { cidrBlock: '10.6.0.0/24' }),
  put('Subnet', 'v2-in', { vpc: 'v2', cidrBlock: '10.21.0.0/24', enableLb: true }),
  put('OvnEip', 'v2', { externalSubnet: 'v2-out', ip: '10.6.0.80' }),
  ...pod('client', { node: 'n1', subnet: 'v2-out', ip: '10.6.0.7', mac: '02:00:00:00:00:07' }),
  ...pod('q1', { node: 'n1', subnet: 'v2-in', ip: '10.21.0.2', mac: '02:00:00:00:00:03' }),
  ...pod('q2', { node: 'n1', subnet: 'v2-in', ip: '10.21.0.3', mac: '02:00:00:00:00:04' }),
  ...balanced('v2', '10.6.0.80', ['10.21.0.2 q1 n1', '10.21.0.3 q2 n1']),
];

describe.each(installations())('OVN $name', (installation) => {
  let ovn: OvnCentral;

  beforeAll(async () => {
    ovn = await startOvn(installation);
    await ovn.chassis('of-n1', 'n1');
    await enter(ovn, rowsOf(cluster));
  });
  afterAll(() => ovn.stop());

  it('balances what comes from the physical network', async () => {
    const from = 'inport == "localnet.v1-out" && eth.src == 02:00:00:00:09:09 && eth.dst == 02:00:00:00:01:01';
    const packet = `${from} && ip4.src == 198.51.100.7 && ip4.dst == 10.5.204.80 && ip.ttl == 64 && tcp.dst == 80`;
    expect(await ovn.trace('v1-out', packet, 'trk,new')).toMatch(/output\("p[12]\.a"/);
  });

  it('balances what comes from a subnet of another VPC', async () => {
    const from = 'inport == "client.a" && eth.src == 02:00:00:00:00:07 && eth.dst == 02:00:00:00:02:01';
    const packet = `${from} && ip4.src == 10.6.0.7 && ip4.dst == 10.6.0.80 && ip.ttl == 64 && tcp.dst == 80`;
    expect(await ovn.trace('v2-out', packet, 'trk,new')).toMatch(/output\("q[12]\.a"/);
  });

  it('asks the backends whether they are there', async () => {
    const monitors = await ovn.sb.dump('Service_Monitor');
    const shown = monitors.map(({ ip, port, logical_port: lsp, src_ip: from }) => [ip, port, lsp, from].join(' '));
    expect(shown.sort()).toEqual(['10.20.0.2 8080 p1.a 10.20.0.200', '10.20.0.3 8080 p2.a 10.20.0.200']);
  });

  it('leaves northd nothing to complain about', async () => {
    expect(await ovn.complaints()).toEqual([]);
  });
});
