// The options of DHCP that OVN knows (ovn-nb(5), table DHCP_Options) and what each may be. One that it does not know, or
// a value of another type, would keep ovn-controller from answering the port at all, so neither gets into a row.
import { canonicalMac, parseIp, parsePrefix } from '../../lib/net/index.ts';
import { listOf, oneOf, optionList, quoted, within } from './option-list.ts';
import type { OptionList, Spelling } from './option-list.ts';

const isFamily =
  (family: 4 | 6) =>
  (text: string): boolean =>
    parseIp(text)?.family === family;

const ipv4 = listOf(isFamily(4));
const routes = listOf((text) => isFamily(4)(text) || parsePrefix(text)?.ip.family === 4);
const flag = oneOf('0', '1');
const byte = within(0, 0xff);
const word = within(0, 0xffff_ffff);
const mac: Spelling = (value) => canonicalMac(value);
const host: Spelling = (value) => ipv4(value) ?? quoted(value);

const all = <K extends string>(keys: readonly K[], spelling: Spelling): Record<K, Spelling> =>
  Object.fromEntries(keys.map((key) => [key, spelling])) as Record<K, Spelling>;

/** By name, of OVN 25.03. */
export const knownV4: Readonly<Record<string, Spelling>> = {
  server_mac: mac,
  ...all(['server_id', 'router', 'netmask', 'dns_server', 'log_server', 'lpr_server', 'swap_server'], ipv4),
  ...all(['policy_filter', 'router_solicitation', 'nis_server', 'ntp_server', 'netbios_name_server'], ipv4),
  ...all(['broadcast_address', 'next_server', 'offerip', 'tftp_server_address'], ipv4),
  ...all(['classless_static_route', 'ms_classless_static_route'], routes),
  ...all(['ip_forward_enable', 'router_discovery', 'ethernet_encap'], flag),
  ...all(['default_ttl', 'tcp_ttl', 'netbios_node_type'], byte),
  ...all(['lease_time', 'T1', 'T2', 'arp_cache_timeout', 'tcp_keepalive_interval'], word),
  ...all(['domain_name', 'domain_search_list', 'hostname', 'bootfile_name', 'bootfile_name_alt'], quoted),
  ...all(['path_prefix', 'wpad'], quoted),
  mtu: within(68, 0xffff),
  tftp_server: host,
};

export const knownV6: Readonly<Record<string, Spelling>> = {
  server_id: mac,
  dns_server: listOf(isFamily(6)),
  domain_search: quoted,
  dhcpv6_stateless: oneOf('true', 'false'),
};

export const dhcpOptions = (family: 4 | 6, text: string): OptionList =>
  optionList(text, family === 4 ? knownV4 : knownV6);
