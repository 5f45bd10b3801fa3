// A VPC's port on an external subnet in a real ovn-northd: packets of its pods leave there, and come from there.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Change } from '../expand.ts';
import { installations, startOvn } from '../ovn-central.ts';
import type { OvnCentral } from '../ovn-central.ts';
import { enter, pod, put, rowsOf } from './northd.ts';

const gateway = '10.5.204.254';
const node = (name: string): Change =>
  put('Node', name, {
    ip: `172.18.0.${name.slice(1)}`,
    labels: { 'ovn.kubernetes.io/external-gw': 'true' },
    annotations: { 'ovn.kubernetes.io/chassis': `of-${name}` },
  });

const cluster: readonly Change[] = [
  put('Vpc', 'ovn-cluster', {}),
  put('Vpc', 'v1', {
    enableExternal: true,
    enableBfd: true,
    staticRoutes: [{ cidr: '0.0.0.0/0', nextHopIP: gateway, policy: 'policyDst' }],
  }),
  put('Subnet', 'ovn-default', { cidrBlock: '10.16.0.0/16', default: true }),
  put('Subnet', 'join', { cidrBlock: '100.64.0.0/16' }),
  put('Subnet', 'inner', { vpc: 'v1', cidrBlock: '10.20.0.0/16' }),
  put('Vpc', 'v2', {
    policyRoutes: [{ priority: 10, match: 'ip4.src == 10.30.0.2', action: 'reroute', nextHopIP: '10.30.0.9' }],
  }),
  put('Subnet', 'alone', { vpc: 'v2', cidrBlock: '10.30.0.0/16' }),
  put('Vlan', 'v7', { id: 7, provider: 'net' }),
  put('Subnet', 'external', { cidrBlock: '10.5.204.0/24', gateway, vlan: 'v7' }),
  put('Namespace', 'a', {}),
  node('n1'),
  node('n2'),
  put('IP', 'vpc-external.v1.external', {
    for: 'v1-external',
    owner: 'uid-v1',
    subnet: 'external',
    ip: '10.5.204.2',
    mac: '02:00:00:00:01:01',
  }),
  ...pod('q1', { node: 'n1', subnet: 'alone', ip: '10.30.0.2', mac: '02:00:00:00:00:02' }),
  ...pod('q2', { node: 'n1', subnet: 'alone', ip: '10.30.0.9', mac: '02:00:00:00:00:03' }),
  ...pod('p1', { node: 'n1', subnet: 'inner', ip: '10.20.0.2', mac: '02:00:00:00:00:01' }),
];

describe.each(installations())('OVN $name', (installation) => {
  let ovn: OvnCentral;
  const wanted = rowsOf(cluster);

  beforeAll(async () => {
    ovn = await startOvn(installation);
    await ovn.chassis('of-n1', 'n1');
    await ovn.chassis('of-n2', 'n2');
    await enter(ovn, wanted);
    const [port] = (await ovn.sb.dump('Port_Binding')).filter((row) => row['logical_port'] === 'v1-external');
    const datapath = ['uuid', port?.['datapath']];
    const neighbour = { logical_port: 'v1-external', ip: gateway, mac: '02:00:00:00:09:09', datapath };
    await ovn.sb.transact([{ op: 'insert', table: 'MAC_Binding', row: neighbour }]);
  });
  afterAll(() => ovn.stop());

  const echo = async (switched: string, fields: readonly string[]): Promise<string> => {
    const text = await ovn.trace(switched, [...fields, 'ip.ttl == 64', 'icmp4.type == 8'].join(' && '));
    return [...text.matchAll(/output\("(.*?)"/g)].map(([, port]) => port).join();
  };

  it('sends what goes to the world out by the physical network', async () => {
    const out = await echo('inner', [
      'inport == "p1.a"',
      'eth.src == 02:00:00:00:00:01',
      `eth.dst == ${wanted.macOf('v1-inner')}`,
      'ip4.src == 10.20.0.2',
      'ip4.dst == 198.51.100.7',
    ]);
    expect(out).toBe('localnet.external');
  });

  it('asks the policies of a VPC that has no route of its own', async () => {
    const out = await echo('alone', [
      'inport == "q1.a"',
      'eth.src == 02:00:00:00:00:02',
      `eth.dst == ${wanted.macOf('v2-alone')}`,
      'ip4.src == 10.30.0.2',
      'ip4.dst == 198.51.100.7',
    ]);
    expect(out).toBe('q2.a');
  });

  it('takes in what comes from there', async () => {
    const out = await echo('external', [
      'inport == "localnet.external"',
      'eth.src == 02:00:00:00:09:09',
      'eth.dst == 02:00:00:00:01:01',
      'ip4.src == 198.51.100.7',
      'ip4.dst == 10.20.0.2',
    ]);
    expect(out).toBe('p1.a');
  });

  it('lets both nodes host it, one before the other, and watches the gateway', async () => {
    const [chassis, groups, sessions] = await Promise.all([
      ovn.sb.dump('Chassis'),
      ovn.sb.dump('HA_Chassis'),
      ovn.sb.dump('BFD'),
    ]);
    const names = new Map(chassis.map((row) => [row['_uuid'], row['name']]));
    expect(new Set(groups.map((row) => names.get(row['chassis'])))).toEqual(new Set(['of-n1', 'of-n2']));
    expect(new Set(groups.map((row) => row['priority']))).toEqual(new Set([99, 100]));
    expect(sessions).toMatchObject([{ logical_port: 'v1-external', dst_ip: gateway, min_tx: 100, detect_mult: 3 }]);
  });

  it('leaves northd nothing to complain about', async () => {
    expect(await ovn.complaints()).toEqual([]);
  });
});
