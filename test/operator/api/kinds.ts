// What kubectl and its users know of each kind of Kube-OVN (pkg/apis/kubeovn/v1 and its generated CRDs, v1.17.0): names,
// subresources, and the columns of `kubectl get`; `wide` are those of `-o wide`.

export interface KindFacts {
  readonly singular: string;
  readonly short: readonly string[];
  readonly namespaced?: true;
  readonly subresources: readonly string[];
  /** Names and types, after the object's name; without any of its own a kind has its age. */
  readonly columns: readonly string[];
  readonly wide?: readonly string[];
}

const status = ['status'];
const age = 'Age date';

const texts = (names: string): string[] => names.split(' ').map((name) => `${name} string`);
const numbers = (names: string): string[] => names.split(' ').map((name) => `${name} number`);
const flags = (names: string): string[] => names.split(' ').map((name) => `${name} boolean`);

export const kinds: Readonly<Record<string, KindFacts>> = {
  'bgp-confs': { singular: 'bgp-conf', short: [], subresources: [], columns: [age] },
  dnsnameresolvers: { singular: 'dnsnameresolver', short: ['dnr'], subresources: status, columns: [age] },
  'evpn-confs': { singular: 'evpn-conf', short: [], subresources: [], columns: [age] },
  ippools: {
    singular: 'ippool',
    short: ['ippool'],
    subresources: status,
    columns: [
      ...texts('Subnet'),
      ...flags('enableAddressSet'),
      ...texts('IPs'),
      ...numbers('V4Used V4Available V6Used V6Available'),
    ],
  },
  ips: { singular: 'ip', short: ['ip'], subresources: [], columns: texts('V4IP V6IP Mac Node Subnet') },
  'iptables-dnat-rules': {
    singular: 'iptables-dnat-rule',
    short: ['dnat'],
    subresources: status,
    columns: [...texts('Eip Protocol V4ip V6ip InternalIp ExternalPort InternalPort Type NatGwDp'), ...flags('Ready')],
  },
  'iptables-eips': {
    singular: 'iptables-eip',
    short: ['eip'],
    subresources: status,
    columns: [...texts('Namespace ExternalSubnet IP Mac Nat NatGwDp'), ...flags('Ready')],
  },
  'iptables-fip-rules': {
    singular: 'iptables-fip-rule',
    short: ['fip'],
    subresources: status,
    columns: [...texts('Eip V4ip InternalIp V6ip'), ...flags('Ready'), ...texts('NatGwDp')],
  },
  'iptables-snat-rules': {
    singular: 'iptables-snat-rule',
    short: ['snat'],
    subresources: status,
    columns: [...texts('EIP V4ip V6ip InternalCIDR NatGwDp'), ...flags('Ready')],
  },
  'ovn-dnat-rules': {
    singular: 'ovn-dnat-rule',
    short: ['odnat'],
    subresources: status,
    columns: [...texts('Vpc Eip Protocol V4Eip V6Eip V4Ip V6Ip InternalPort ExternalPort IpName'), ...flags('Ready')],
  },
  'ovn-eips': {
    singular: 'ovn-eip',
    short: ['oeip'],
    subresources: status,
    columns: [...texts('V4IP V6IP Mac Type Nat'), ...flags('Ready'), ...texts('ExternalSubnet')],
  },
  'ovn-fips': {
    singular: 'ovn-fip',
    short: ['ofip'],
    subresources: status,
    columns: [...texts('Vpc Type V4Eip V6Eip V4Ip V6Ip'), ...flags('Ready'), ...texts('IpType IpName')],
  },
  'ovn-snat-rules': {
    singular: 'ovn-snat-rule',
    short: ['osnat'],
    subresources: status,
    columns: [...texts('Vpc V4Eip V6Eip V4IpCidr V6IpCidr'), ...flags('Ready')],
  },
  'provider-networks': {
    singular: 'provider-network',
    short: ['pn'],
    subresources: status,
    columns: [...texts('DefaultInterface'), ...flags('Ready')],
  },
  'qos-policies': {
    singular: 'qos-policy',
    short: ['qos'],
    subresources: status,
    columns: texts('Shared BindingType'),
  },
  'router-lb-rules': {
    singular: 'router-lb-rule',
    short: ['rlr'],
    subresources: status,
    columns: [...texts('ovnEip vpc port(s) service'), 'age date'],
  },
  'security-groups': { singular: 'security-group', short: ['sg'], subresources: status, columns: [age] },
  subnets: {
    singular: 'subnet',
    short: ['subnet'],
    subresources: status,
    columns: [
      ...texts('Provider Vpc Vlan Protocol CIDR'),
      ...flags('Private NAT Default'),
      ...texts('GatewayType'),
      ...numbers('V4Used V4Available V6Used V6Available'),
      ...texts('ExcludeIPs U2OInterconnectionIP'),
    ],
  },
  'switch-lb-rules': {
    singular: 'switch-lb-rule',
    short: ['slr'],
    subresources: status,
    columns: [...texts('vip port(s) service'), 'age date'],
  },
  vips: { singular: 'vip', short: ['vip'], subresources: [], columns: texts('Namespace V4IP V6IP Mac Subnet Type') },
  vlans: {
    singular: 'vlan',
    short: ['vlan'],
    subresources: status,
    columns: [...texts('ID Provider'), ...flags('conflict')],
  },
  'vpc-dnses': {
    singular: 'vpc-dns',
    short: ['vpc-dns'],
    subresources: status,
    columns: [...flags('Active'), ...texts('Vpc Subnet Corefile')],
  },
  'vpc-egress-gateways': {
    singular: 'vpc-egress-gateway',
    short: ['vpc-egress-gw', 'veg'],
    namespaced: true,
    subresources: ['scale', 'status'],
    columns: [
      ...texts('Vpc'),
      'Replicas integer',
      ...flags('bfd'),
      'External Subnet string',
      ...texts('Phase'),
      ...flags('Ready'),
      age,
    ],
    wide: ['Internal IPs string', 'External IPs string', 'Working Nodes string'],
  },
  'vpc-nat-gateways': {
    singular: 'vpc-nat-gateway',
    short: ['vpc-nat-gw'],
    subresources: status,
    columns: [...texts('Namespace Vpc Subnet IPs'), 'Replicas integer', ...flags('Ready BFD'), age],
  },
  vpcs: {
    singular: 'vpc',
    short: ['vpc'],
    subresources: status,
    columns: [
      ...flags('EnableExternal EnableBfd Standby'),
      ...texts('Subnets ExtraExternalSubnets Namespaces DefaultSubnet'),
      age,
    ],
  },
};
