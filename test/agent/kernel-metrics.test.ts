import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { kernelGauges } from '../../agent/kernel-metrics.ts';

const snmp = `Tcp: RtoAlgorithm InCsumErrors
Tcp: 1 9
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti
Udp: 4 0 0 4 0 0 3 0
UdpLite: InDatagrams InCsumErrors
UdpLite: 0 7
`;
const files: Record<string, string> = {
  '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999\n',
  '/proc/net/snmp': snmp,
  '/etc/resolv.conf': 'search old.example\nnameserver 192.0.2.53\nsearch a.example  b.example .\n',
  '/proc/sys/net/ipv4/tcp_mtu_probing': '1\n',
  '/proc/sys/net/ipv4/tcp_mem': '1\t2\t3\n',
};

async function told(): Promise<string[]> {
  const registry = new Registry();
  kernelGauges(registry, 'n1', async (path) => {
    const text = files[path];
    if (text === undefined) throw new Error(`no ${path}`);
    return await Promise.resolve(text);
  });
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

it('tells what the kernel has, and nothing of what it has not', async () => {
  expect(await told()).toEqual([
    'ip_local_port_range{hostname="n1",start="32768",end="60999"} 1',
    'checksum_err_count{hostname="n1"} 3',
    'dns_search_domain{hostname="n1",additional="a.example"} 1',
    'dns_search_domain{hostname="n1",additional="b.example"} 1',
    'tcp_mtu_probing{hostname="n1"} 1',
    'tcp_mem{hostname="n1",minimum="1",pressure="2",maximum="3"} 1',
  ]);
});

it('says when there is no search domain', async () => {
  files['/etc/resolv.conf'] = 'nameserver 192.0.2.53\n';
  expect(await told()).toContain('dns_search_domain{hostname="n1",additional="no additional search domain"} 1');
});
