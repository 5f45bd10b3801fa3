// The rows in a real northbound database, and packets through what a real ovn-northd makes of them.
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installations, startOvn } from '../ovn-central.ts';
import type { OvnCentral } from '../ovn-central.ts';
import type { Change } from '../expand.ts';
import { enter, pod, put, rowsOf } from './northd.ts';
import { scenario } from './scenario.ts';

const secure = { 'ovn.kubernetes.io/port_security': 'true' };

/** Two nodes, a distributed and a centralized subnet of both families, and a VPC of its own. */
const cluster: readonly Change[] = [
  put('Vpc', 'ovn-cluster', {}),
  put('Vpc', 'v1', { staticRoutes: [{ cidr: '0.0.0.0/0', nextHopIP: '10.20.0.254', policy: 'policyDst' }] }),
  put('Subnet', 'ovn-default', { cidrBlock: '10.16.0.0/16,fd00:10:16::/112', default: true }),
  put('Subnet', 'join', { cidrBlock: '100.64.0.0/16,fd00:100:64::/112' }),
  put('Subnet', 'central', { cidrBlock: '10.17.0.0/16', gatewayType: 'centralized', gatewayNode: 'n2' }),
  put('Subnet', 'own', { vpc: 'v1', cidrBlock: '10.20.0.0/16' }),
  put('Vip', 'pair', { subnet: 'ovn-default', namespace: 'a', ip: '10.16.0.90', mac: '02:00:00:00:00:90' }),
  put('Vip', 'front', { subnet: 'ovn-default', type: 'switch_lb_vip', ip: '10.16.0.80,fd00:10:16::80' }),
  put('Namespace', 'a', {}),
  put('Node', 'n1', { ip: '172.18.0.2,fc00::2' }),
  put('Node', 'n2', { ip: '172.18.0.3,fc00::3' }),
  put('IP', 'node-n1', { for: 'n1', subnet: 'join', ip: '100.64.0.2,fd00:100:64::2', mac: '02:00:00:00:01:01' }),
  put('IP', 'node-n2', { for: 'n2', subnet: 'join', ip: '100.64.0.3,fd00:100:64::3', mac: '02:00:00:00:01:02' }),
  ...pod('p1', { node: 'n1', subnet: 'ovn-default', ip: '10.16.0.2,fd00:10:16::2', mac: '02:00:00:00:00:01' }),
  ...pod('p2', { node: 'n2', subnet: 'ovn-default', ip: '10.16.0.3,fd00:10:16::3', mac: '02:00:00:00:00:02' }),
  ...pod('p3', { node: 'n1', subnet: 'ovn-default', ip: '10.16.0.5', mac: '02:00:00:00:00:05' }, secure),
  ...pod(
    'p4',
    { node: 'n1', subnet: 'ovn-default', ip: '10.16.0.6', mac: '02:00:00:00:00:06' },
    { ...secure, 'ovn.kubernetes.io/aaps': '' },
  ),
  ...pod('c1', { node: 'n1', subnet: 'central', ip: '10.17.0.2', mac: '02:00:00:00:00:03' }),
  ...pod('o1', { node: 'n1', subnet: 'own', ip: '10.20.0.2', mac: '02:00:00:00:00:04' }),
];

describe.each(installations())('OVN $name', (installation) => {
  let ovn: OvnCentral;
  const wanted = rowsOf(cluster);
  const { macOf } = wanted;

  beforeAll(async () => {
    ovn = await startOvn(installation);
    await ovn.chassis('first', 'n1');
    await ovn.chassis('second', 'n2');
    await enter(ovn, wanted);
  });
  afterAll(() => ovn.stop());

  /** Where an ICMP echo from a port comes out; '' when it is dropped. */
  const echo = async (
    from: string,
    [subnet, router, mac]: readonly string[],
    src: string,
    dst: string,
  ): Promise<string> => {
    const v6 = dst.includes(':');
    const family = v6 ? 'icmp6.type == 128' : 'icmp4.type == 8';
    const fields = [
      `inport == "${from}"`,
      `eth.src == ${mac}`,
      `eth.dst == ${macOf(router ?? '')}`,
      `ip${v6 ? 6 : 4}.src == ${src}`,
    ];
    const packet = [...fields, `ip${v6 ? 6 : 4}.dst == ${dst}`, 'ip.ttl == 64', family].join(' && ');
    const text = await ovn.trace(subnet ?? '', packet);
    return /output\("(.*?)"\)/.exec(text)?.[1] ?? '';
  };
  const p1 = ['ovn-default', 'ovn-cluster-ovn-default', '02:00:00:00:00:01'];
  const c1 = ['central', 'ovn-cluster-central', '02:00:00:00:00:03'];
  const o1 = ['own', 'v1-own', '02:00:00:00:00:04'];
  const n2 = ['join', 'ovn-cluster-join', '02:00:00:00:01:02'];

  it.each<[string, string, string[], string, string, string]>([
    ['a pod to one of another subnet', 'p1.a', p1, '10.16.0.2', '10.17.0.2', 'c1.a'],
    ['back', 'c1.a', c1, '10.17.0.2', '10.16.0.2', 'p1.a'],
    ['a pod to its own node', 'p1.a', p1, '10.16.0.2', '172.18.0.2', 'node-n1'],
    ['a pod to another node', 'p1.a', p1, '10.16.0.2', '172.18.0.3', 'node-n2'],
    ['a pod to the world, by its own node', 'p1.a', p1, '10.16.0.2', '198.51.100.7', 'node-n1'],
    ['the same in IPv6', 'p1.a', p1, 'fd00:10:16::2', '2001:db8::7', 'node-n1'],
    ['a pod to another node in IPv6', 'p1.a', p1, 'fd00:10:16::2', 'fc00::3', 'node-n2'],
    [
      'a pod of a centralized subnet to the world, by the gateway node',
      'c1.a',
      c1,
      '10.17.0.2',
      '198.51.100.7',
      'node-n2',
    ],
    ['a node to a pod on another', 'node-n2', n2, '100.64.0.3', '10.16.0.2', 'p1.a'],
    ['a node to a pod, from its InternalIP', 'node-n2', n2, '172.18.0.3', '10.16.0.2', 'p1.a'],
    // The router asks for its next hop by ARP on the pod's own switch, and nowhere else.
    ['a pod of another VPC never to the default one', 'o1.a', o1, '10.20.0.2', '10.16.0.2', 'o1.a'],
  ])('%s', async (_, ...[port, place, src, dst, out]) => {
    expect(await echo(port, place, src, dst)).toBe(out);
  });

  it('switches between two pods of a subnet', async () => {
    const packet =
      'inport == "p1.a" && eth.src == 02:00:00:00:00:01 && eth.dst == 02:00:00:00:00:02 && ip4.src == 10.16.0.2 && ip4.dst == 10.16.0.3 && ip.ttl == 64';
    expect(await ovn.trace('ovn-default', packet)).toContain('output("p2.a")');
  });

  it('answers for the address of a load balancer with the MAC of the router', async () => {
    const arp = [
      'inport == "p1.a"',
      'eth.src == 02:00:00:00:00:01',
      'eth.dst == ff:ff:ff:ff:ff:ff',
      'arp.op == 1',
      'arp.sha == 02:00:00:00:00:01',
      'arp.spa == 10.16.0.2',
      'arp.tha == 00:00:00:00:00:00',
      'arp.tpa == 10.16.0.80',
    ];
    const text = await ovn.trace('ovn-default', arp.join(' && '));
    expect(text).toContain(`arp.sha = ${macOf('ovn-cluster-ovn-default')}`);
    expect(/output\("(.*?)"\)/.exec(text)?.[1]).toBe('p1.a');
    // What is sent there comes to the router, where load balancers are.
    expect(await echo('p1.a', p1, '10.16.0.2', '10.17.0.2')).toBe('c1.a');
  });

  it('knows by which ports an address may be held', async () => {
    const bindings = await ovn.sb.dump('Port_Binding');
    const pair = bindings.find((row) => row['logical_port'] === 'pair');
    expect(pair).toMatchObject({
      type: 'virtual',
      options: { 'virtual-ip': '10.16.0.90', 'virtual-parents': 'p1.a,p2.a,p3.a' },
    });
  });

  it.each([
    ['p3.a', '02:00:00:00:00:05', '10.16.0.5', true],
    ['p3.a', '02:00:00:00:00:05', '10.16.0.90', true],
    ['p3.a', '02:00:00:00:00:05', '10.16.0.91', false],
    ['p4.a', '02:00:00:00:00:06', '10.16.0.6', true],
    ['p4.a', '02:00:00:00:00:06', '10.16.0.90', false],
  ] as const)('with port security, %s with %s sends from %s: %s', async (port, mac, from, passes) => {
    const ethernet = `inport == "${port}" && eth.src == ${mac}`;
    const ip = `eth.dst == 02:00:00:00:00:02 && ip4.src == ${from} && ip4.dst == 10.16.0.3 && ip.ttl == 64`;
    expect((await ovn.trace('ovn-default', `${ethernet} && ${ip}`)).includes('output("p2.a")')).toBe(passes);
    const arp = `eth.dst == ff:ff:ff:ff:ff:ff && arp.op == 1 && arp.sha == ${mac} && arp.spa == ${from}`;
    const asks = await ovn.trace('ovn-default', `${ethernet} && ${arp} && arp.tpa == 10.16.0.99`);
    expect(asks.includes('output("p2.a")')).toBe(passes);
  });

  it('binds ports to the chassis with the hostname of the node', async () => {
    const [bindings, chassis] = await Promise.all([ovn.sb.dump('Port_Binding'), ovn.sb.dump('Chassis')]);
    const names = new Map(chassis.map((row) => [row['_uuid'], row['name']]));
    const asked = bindings.map((row) => [row['logical_port'], names.get(row['requested_chassis'])]);
    expect(Object.fromEntries(asked)).toMatchObject({ 'p1.a': 'first', 'p2.a': 'second', 'node-n2': 'second' });
  });

  it('leaves northd nothing to complain about', async () => {
    expect(await ovn.complaints()).toEqual([]);
  });
});

const files = globSync(join(import.meta.dirname, '*.world')).sort();

describe.each(installations())('OVN $name takes the rows of', (installation) => {
  it.each(files.map((file) => [basename(file, '.world'), file]))('%s', async (_, file) => {
    const ovn = await startOvn(installation);
    try {
      const wanted = rowsOf(scenario(readFileSync(file, 'utf8')).steps[0]?.state ?? []);
      for (const node of ['n1', 'n2', 'n3', 'n-2', 'c2', 'x.y']) await ovn.chassis(`of-${node}`, node);
      const written = await enter(ovn, wanted);
      expect(await ovn.complaints()).toEqual([]);
      const rows = written.filter((fact) => 'row' in fact);
      const tables = [...new Set(rows.map(({ row }) => row))];
      const present = await Promise.all(tables.map((table) => ovn.nb.dump(table, ['_uuid'])));
      expect(present.flat().map((row) => row['_uuid'])).toEqual(expect.arrayContaining(rows.map(({ id }) => id)));
    } finally {
      await ovn.stop();
    }
  });
});
