// The options of router advertisements that OVN knows (ovn-nb(5), Logical_Router_Port.ipv6_ra_configs) and what each
// may be. It passes over what it does not understand without a word, so its author is told here.
import { parseIp, parsePrefix } from '../../lib/net/index.ts';
import { commasOf, oneOf, optionList, within } from './option-list.ts';
import type { OptionList } from './option-list.ts';

/** Kube-OVN's, when the user says nothing. */
const usual = 'address_mode=dhcpv6_stateful,max_interval=30,min_interval=5,send_periodic=true';

const isRoute = (text: string): boolean => {
  const [, prefix = ''] = /^(?:HIGH|MEDIUM|LOW)-(.+)$/.exec(text) ?? [];
  return parsePrefix(prefix)?.ip.family === 6;
};

const known = {
  address_mode: oneOf('slaac', 'dhcpv6_stateful', 'dhcpv6_stateless'),
  router_preference: oneOf('HIGH', 'MEDIUM', 'LOW'),
  route_info: commasOf(isRoute),
  // RFC 8200 section 5; OVN leaves a smaller one out.
  mtu: within(1280, 0xffff),
  send_periodic: oneOf('true', 'false'),
  // RFC 4861 section 6.2.1.
  max_interval: within(4, 1800),
  min_interval: within(3, 1350),
  rdnss: (text: string) => (parseIp(text)?.family === 6 ? text : undefined),
  dnssl: commasOf((text) => /^[\w.-]+$/.test(text)),
};

export function raOptions(text: string): OptionList {
  const { options, faults } = optionList(text.trim() === '' ? usual : text, known);
  if (options['address_mode'] !== undefined) return { options, faults };
  return { options, faults: [...faults, 'nothing is advertised without address_mode'] };
}
