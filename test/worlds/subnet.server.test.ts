// What a subnet's options come to in a real ovn-northd: packets through what it makes of the rows.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { knownV4, knownV6 } from '../../operator/api/dhcp-options.ts';
import type { Change } from '../expand.ts';
import { installations, startOvn } from '../ovn-central.ts';
import type { OvnCentral } from '../ovn-central.ts';
import { enter, pod, put, rowsOf } from './northd.ts';

const cluster: readonly Change[] = [
  put('Vpc', 'ovn-cluster', {}),
  put('Subnet', 'ovn-default', { cidrBlock: '10.16.0.0/16', default: true }),
  put('Subnet', 'join', { cidrBlock: '100.64.0.0/16,fd00:100:64::/112' }),
  put('Subnet', 'dhcp', {
    cidrBlock: '10.17.0.0/16,fd00:17::/112',
    enableDHCP: true,
    dhcpV4Options: 'dns_server={8.8.8.8;1.1.1.1},domain_name=example.com,classless_static_route={10.0.0.0/8;10.17.0.9}',
  }),
  put('Namespace', 'a', {}),
  put('Node', 'n1', { ip: '172.18.0.2' }),
  ...pod('d1', { node: 'n1', subnet: 'dhcp', ip: '10.17.0.2,fd00:17::2', mac: '02:00:00:00:00:01' }),
];

describe.each(installations())('OVN $name', (installation) => {
  let ovn: OvnCentral;
  const wanted = rowsOf(cluster);

  beforeAll(async () => {
    ovn = await startOvn(installation);
    await ovn.chassis('first', 'n1');
    await enter(ovn, wanted);
  });
  afterAll(() => ovn.stop());

  it('answers a pod that asks for its address', async () => {
    const discover =
      'inport == "d1.a" && eth.src == 02:00:00:00:00:01 && eth.dst == ff:ff:ff:ff:ff:ff && ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255 && udp.src == 68 && udp.dst == 67 && ip.ttl == 64';
    const text = await ovn.trace('dhcp', discover);
    expect(text).toContain('dns_server = {8.8.8.8, 1.1.1.1}');
    expect(text).toContain('output("d1.a")');
  });

  it('has every option that is let through', async () => {
    const names = async (table: string): Promise<unknown[]> => (await ovn.sb.dump(table)).map(({ name }) => name);
    // Read by northd itself: they are no options on the wire.
    const own = ['server_mac', 'dhcpv6_stateless'];
    const known = (all: object): string[] => Object.keys(all).filter((name) => !own.includes(name));
    expect(await names('DHCP_Options')).toEqual(expect.arrayContaining(known(knownV4)));
    expect(await names('DHCPv6_Options')).toEqual(expect.arrayContaining(known(knownV6)));
  });

  it('leaves northd nothing to complain about', async () => {
    expect(await ovn.complaints()).toEqual([]);
  });
});
