import { describe, expect, it } from 'vitest';
import { dhcpOptions } from '../../../operator/api/dhcp-options.ts';

describe('IPv4', () => {
  it.each([
    ['blanks count for nothing', ' lease_time = 600 , mtu=1400 ', { lease_time: '600', mtu: '1400' }],
    ['a list', 'dns_server={8.8.8.8;1.1.1.1}', { dns_server: '{8.8.8.8,1.1.1.1}' }],
    ['a list without braces', 'ntp_server=10.0.0.1;10.0.0.2', { ntp_server: '{10.0.0.1,10.0.0.2}' }],
    [
      'a list of one keeps its form',
      'dns_server={8.8.8.8},router=10.0.0.1',
      { dns_server: '{8.8.8.8}', router: '10.0.0.1' },
    ],
    ['routes', 'classless_static_route={10.0.0.0/8;10.1.0.1}', { classless_static_route: '{10.0.0.0/8,10.1.0.1}' }],
    ['text gets its quotes', 'domain_name=example.com', { domain_name: '"example.com"' }],
    ['text keeps its quotes', 'domain_name="example.com"', { domain_name: '"example.com"' }],
    ['several domains', 'domain_search_list={a.test;b.test}', { domain_search_list: '"a.test,b.test"' }],
    ['an address or a text', 'tftp_server=10.0.0.9', { tftp_server: '10.0.0.9' }],
    ['a text or an address', 'tftp_server=boot.test', { tftp_server: '"boot.test"' }],
    ['a MAC', 'server_mac=02-00-00-00-00-0A', { server_mac: '02:00:00:00:00:0a' }],
    ['of two with one key the last', 'mtu=1400,mtu=1300', { mtu: '1300' }],
    ['a value with an equals sign', 'wpad=http://w?a=b', { wpad: '"http://w?a=b"' }],
    ['nothing', '', {}],
  ])('%s', (_, text, options) => {
    expect(dhcpOptions(4, text)).toEqual({ options, faults: [] });
  });

  it.each([
    ['junk', 'junk is not key=value'],
    ['=1', '=1 is not key=value'],
    ['mtu=', 'mtu= is not key=value'],
    ['lease=1', 'lease is not known to OVN'],
    ['toString=1', 'toString is not known to OVN'],
    ['mtu=9000x', 'mtu=9000x has a value that OVN does not take'],
    ['mtu=67', 'mtu=67 has a value that OVN does not take'],
    ['ip_forward_enable=true', 'ip_forward_enable=true has a value that OVN does not take'],
    ['router=nobody', 'router=nobody has a value that OVN does not take'],
    ['router=fd00::1', 'router=fd00::1 has a value that OVN does not take'],
    ['dns_server={8.8.8.8;}', 'dns_server={8.8.8.8;} has a value that OVN does not take'],
    ['domain_name=a"b', 'domain_name=a"b has a value that OVN does not take'],
  ])('%s is left out, and what is beside it stays', (text, fault) => {
    expect(dhcpOptions(4, `${text},lease_time=7`)).toEqual({ options: { lease_time: '7' }, faults: [fault] });
  });
});

it('knows the options of IPv6', () => {
  const text =
    'dns_server={fd00::1;fd00::2},domain_search=example.com,dhcpv6_stateless=true,server_id=02:00:00:00:00:01';
  expect(dhcpOptions(6, text).options).toEqual({
    dns_server: '{fd00::1,fd00::2}',
    domain_search: '"example.com"',
    dhcpv6_stateless: 'true',
    server_id: '02:00:00:00:00:01',
  });
  expect(dhcpOptions(6, 'mtu=1400,dns_server=8.8.8.8').faults).toHaveLength(2);
});
