// What the options of a subnet come to in a real ovn-northd: packets through what it makes of the rows.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { knownV4, knownV6 } from '../../operator/api/dhcp-options.ts';
import type { Change } from '../expand.ts';
import { installations, startOvn } from '../ovn-central.ts';
import type { OvnCentral } from '../ovn-central.ts';
import { enter, pod, put, rowsOf } from './northd.ts';

/** The address that a subnet has for itself. */
const own = (name: string, subnet: string, ip: string, mac: string): Change =>
  put('IP', name, { for: `default/${name}`, owner: `uid-${subnet}`, subnet, ip, mac });

const gateway = '172.18.0.254';

const cluster: readonly Change[] = [
  put('Vpc', 'ovn-cluster', {}),
  put('Subnet', 'ovn-default', { cidrBlock: '10.16.0.0/16', default: true, vips: ['10.16.0.99'] }),
  put('Subnet', 'join', { cidrBlock: '100.64.0.0/16,fd00:100:64::/112' }),
  put('Subnet', 'served', {
    cidrBlock: '10.17.0.0/16,fd00:17::/64',
    enableDHCP: true,
    dhcpV4Options: 'dns_server={8.8.8.8;1.1.1.1},domain_name=example.com,classless_static_route={10.0.0.0/8;10.17.0.9}',
    enableIPv6RA: true,
    enableMulticastSnoop: true,
  }),
  put('Vlan', 'v7', { id: 7, provider: 'net' }),
  put('Vlan', 'v8', { id: 8, provider: 'net' }),
  put('Vlan', 'v9', { id: 9, provider: 'net' }),
  put('Subnet', 'wire', { cidrBlock: '172.18.0.0/16', gateway, vlan: 'v7', u2oInterconnection: true }),
  put('Subnet', 'narrow', {
    cidrBlock: '172.19.0.0/16',
    gateway: '172.19.0.254',
    vlan: 'v8',
    u2oInterconnection: true,
    u2oFeatures: { overlayOnlyRouting: true },
  }),
  ...['bare', 'bare-narrow'].flatMap((name, at): Change[] => [
    put('Vlan', `of-${name}`, { id: 20 + at, provider: 'net' }),
    put('Subnet', name, {
      cidrBlock: `172.2${at + 1}.0.0/16`,
      gateway: `172.2${at + 1}.0.254`,
      vlan: `of-${name}`,
      u2oInterconnection: true,
      u2oFeatures: { overlayOnlyRouting: name === 'bare-narrow' },
      enableLb: false,
    }),
  ]),
  put('Subnet', 'routed', { cidrBlock: '172.20.0.0/16', vlan: 'v9', logicalGateway: true }),
  put('Namespace', 'a', {}),
  put('Node', 'n1', { ip: '172.18.0.2' }),
  put('IP', 'node-n1', { for: 'n1', subnet: 'join', ip: '100.64.0.2,fd00:100:64::2', mac: '02:00:00:00:01:01' }),
  own('mcast-querier.served', 'served', '10.17.0.8,fd00:17::8', '02:00:00:00:02:01'),
  own('u2o-interconnection.ovn-cluster.wire', 'wire', '172.18.0.3', '02:00:00:00:02:02'),
  own('u2o-interconnection.ovn-cluster.narrow', 'narrow', '172.19.0.3', '02:00:00:00:02:03'),
  own('u2o-interconnection.ovn-cluster.bare', 'bare', '172.21.0.3', '02:00:00:00:02:04'),
  own('u2o-interconnection.ovn-cluster.bare-narrow', 'bare-narrow', '172.22.0.3', '02:00:00:00:02:05'),
  ...pod('d1', { node: 'n1', subnet: 'served', ip: '10.17.0.2,fd00:17::2', mac: '02:00:00:00:00:01' }),
  ...pod('w1', { node: 'n1', subnet: 'wire', ip: '172.18.0.9', mac: '02:00:00:00:00:02' }),
  ...pod('s1', { node: 'n1', subnet: 'narrow', ip: '172.19.0.9', mac: '02:00:00:00:00:03' }),
  ...pod('r1', { node: 'n1', subnet: 'routed', ip: '172.20.0.9', mac: '02:00:00:00:00:04' }),
  ...pod('b1', { node: 'n1', subnet: 'bare', ip: '172.21.0.9', mac: '02:00:00:00:00:06' }),
  ...pod('b2', { node: 'n1', subnet: 'bare-narrow', ip: '172.22.0.9', mac: '02:00:00:00:00:07' }),
  put('Pod', 'a/p1', { node: 'n1', annotations: { 'ovn.kubernetes.io/port_vips': '10.16.0.99' } }),
  put('IP', 'p1.a', { for: 'a/p1', subnet: 'ovn-default', ip: '10.16.0.2', mac: '02:00:00:00:00:05' }),
];

/** Where each pod is: its switch, its MAC, the router's port there. */
const places: Readonly<Record<string, readonly [subnet: string, mac: string, ip: string]>> = {
  w1: ['wire', '02:00:00:00:00:02', '172.18.0.9'],
  s1: ['narrow', '02:00:00:00:00:03', '172.19.0.9'],
  r1: ['routed', '02:00:00:00:00:04', '172.20.0.9'],
  p1: ['ovn-default', '02:00:00:00:00:05', '10.16.0.2'],
  b1: ['bare', '02:00:00:00:00:06', '172.21.0.9'],
  b2: ['bare-narrow', '02:00:00:00:00:07', '172.22.0.9'],
};

describe.each(installations())('OVN $name', (installation) => {
  let ovn: OvnCentral;
  const wanted = rowsOf(cluster);

  beforeAll(async () => {
    ovn = await startOvn(installation);
    await ovn.chassis('first', 'n1');
    await enter(ovn, wanted);
    await learned('ovn-cluster-wire', gateway);
    await learned('ovn-cluster-narrow', '172.19.0.254');
    await learned('ovn-cluster-bare', '172.21.0.254');
    await learned('ovn-cluster-bare-narrow', '172.22.0.254');
  });
  afterAll(() => ovn.stop());

  /** As if a neighbour of the router had answered it. */
  async function learned(port: string, ip: string): Promise<void> {
    const [binding] = await ovn.sb
      .dump('Port_Binding')
      .then((all) => all.filter((row) => row['logical_port'] === port));
    const datapath = ['uuid', binding?.['datapath']];
    const row = { logical_port: port, ip, mac: '02:00:00:00:09:09', datapath };
    await ovn.sb.transact([{ op: 'insert', table: 'MAC_Binding', row }]);
  }

  /** The ports at which an ICMP echo by the router comes out. */
  async function echo(from: string, dst: string): Promise<string> {
    const [subnet = '', mac = '', src = ''] = places[from] ?? [];
    const router = wanted.macOf(`ovn-cluster-${subnet}`);
    const fields = [`inport == "${from}.a"`, `eth.src == ${mac}`, `eth.dst == ${router}`, `ip4.src == ${src}`];
    const packet = [...fields, `ip4.dst == ${dst}`, 'ip.ttl == 64', 'icmp4.type == 8'].join(' && ');
    const text = await ovn.trace(subnet, packet);
    return [...text.matchAll(/output\("(.*?)"/g)].map(([, port]) => port).join();
  }

  it.each([
    ['an interconnected pod to an overlay', 'w1', '10.16.0.2', 'p1.a'],
    ['an overlay to an interconnected pod', 'p1', '172.18.0.9', 'w1.a'],
    ['an interconnected pod to the world, by the physical gateway', 'w1', '198.51.100.7', 'localnet.wire'],
    ['an interconnected pod to a node, by the physical gateway', 'w1', '172.18.0.2', 'localnet.wire'],
    ['an overlay to a node, by the join subnet', 'p1', '172.18.0.2', 'node-n1'],
    ['to an overlay where only that takes the router', 's1', '10.16.0.2', 'p1.a'],
    ['from an overlay to there', 'p1', '172.19.0.9', 's1.a'],
    ['to another underlay, by the physical gateway', 's1', '172.18.0.9', 'localnet.narrow'],
    ['from there to the world, by the physical gateway', 's1', '198.51.100.7', 'localnet.narrow'],
    ['without load balancers, to a Service by the node', 'b1', '10.96.0.10', 'node-n1'],
    ['and to the world by the physical gateway', 'b1', '198.51.100.7', 'localnet.bare'],
    ['to a Service by the node where only overlays take the router', 'b2', '10.96.0.10', 'node-n1'],
    ['and from there to the world by the physical gateway', 'b2', '198.51.100.7', 'localnet.bare-narrow'],
    ['an underlay whose gateway the router is, to an overlay', 'r1', '10.16.0.2', 'p1.a'],
    ['and to the world, by the node', 'r1', '198.51.100.7', 'node-n1'],
  ])('routes %s', async (_, from, dst, out) => {
    expect(await echo(from, dst)).toBe(out);
  });

  it('tags what goes to a physical network', async () => {
    const bindings = await ovn.sb.dump('Port_Binding');
    const localnets = bindings.filter(({ type }) => type === 'localnet');
    expect(Object.fromEntries(localnets.map((row) => [row['logical_port'], row['tag']]))).toEqual({
      'localnet.wire': 7,
      'localnet.narrow': 8,
      'localnet.routed': 9,
      'localnet.bare': 20,
      'localnet.bare-narrow': 21,
    });
  });

  it('answers a pod that asks for its address', async () => {
    const discover =
      'inport == "d1.a" && eth.src == 02:00:00:00:00:01 && eth.dst == ff:ff:ff:ff:ff:ff && ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255 && udp.src == 68 && udp.dst == 67 && ip.ttl == 64';
    const text = await ovn.trace('served', discover);
    expect(text).toContain('dns_server = {8.8.8.8, 1.1.1.1}');
    expect(text).toContain('output("d1.a")');
  });

  it('advertises the router, by itself and to a pod that asks', async () => {
    const [bindings, flows] = await Promise.all([ovn.sb.dump('Port_Binding'), ovn.sb.dump('Logical_Flow')]);
    const port = bindings.find((row) => row['logical_port'] === 'ovn-cluster-served');
    expect(port?.['options']).toMatchObject({
      ipv6_ra_send_periodic: 'true',
      ipv6_ra_max_interval: '30',
      ipv6_ra_prefixes: expect.stringContaining('fd00:17::/64') as string,
    });
    const answers = flows.filter(({ actions }) => String(actions).includes('put_nd_ra_opts('));
    expect(answers.map(({ match }) => match)).toEqual([expect.stringContaining('"ovn-cluster-served"')]);
  });

  it('has every option that is let through', async () => {
    const names = async (table: string): Promise<unknown[]> => (await ovn.sb.dump(table)).map(({ name }) => name);
    // Read by northd itself: they are no options on the wire.
    const ofNorthd = ['server_mac', 'dhcpv6_stateless'];
    const known = (all: object): string[] => Object.keys(all).filter((name) => !ofNorthd.includes(name));
    expect(await names('DHCP_Options')).toEqual(expect.arrayContaining(known(knownV4)));
    expect(await names('DHCPv6_Options')).toEqual(expect.arrayContaining(known(knownV6)));
  });

  it('asks for listeners from the address of the subnet', async () => {
    const snooping = (await ovn.sb.dump('IP_Multicast')).filter(({ enabled }) => enabled === true);
    expect(snooping).toEqual([
      expect.objectContaining({
        querier: true,
        eth_src: '02:00:00:00:02:01',
        ip4_src: '10.17.0.8',
        ip6_src: 'fe80::ff:fe00:201',
      }),
    ]);
  });

  it('binds an address that pods take over from each other', async () => {
    const [virtual] = (await ovn.sb.dump('Port_Binding')).filter(({ type }) => type === 'virtual');
    expect(virtual?.['options']).toEqual({ 'virtual-ip': '10.16.0.99', 'virtual-parents': 'p1.a' });
  });

  it('leaves northd nothing to complain about', async () => {
    expect(await ovn.complaints()).toEqual([]);
  });
});
