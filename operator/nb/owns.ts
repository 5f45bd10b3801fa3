// The keys that are ours in map columns. Only these are compared and written; every other key belongs to someone else
// (northd, ovn-controller, an administrator), also in rows of ours.

import type { Owns } from '../../lib/delta/options.ts';
import type { Row } from '../../lib/ovsdb/index.ts';
import { isBalancerGroupName, localnetPortName } from './names.ts';

const tag = ['vendor', 'kubeloom-owner', 'kubeloom-id'] as const;

/** A map column that is not here is never written; members of a group that nobody wants are taken out. */
export const owns: Owns = {
  NB_Global: {
    external_ids: ['kube-ovn-version', 'kubeloom-epoch'],
    options: ['use_ct_inv_match', 'use_logical_dp_groups'],
  },
  Logical_Router: {
    external_ids: tag,
    options: ['mac_binding_age_threshold', 'dynamic_neigh_routers', 'always_learn_from_arp_request'],
    load_balancer: 'ours',
  },
  Logical_Router_Port: { external_ids: [...tag, 'lr'], options: ['route_table', 'bfd-only'], ipv6_ra_configs: 'all' },
  Logical_Router_Static_Route: { external_ids: [...tag, 'subnet'], options: ['ecmp_symmetric_reply'] },
  // Names of gateway nodes are keys there, with the addresses that are next hops; a predecessor's have to go.
  Logical_Router_Policy: { external_ids: [...tag, '*'] },
  BFD: { external_ids: tag },
  Gateway_Chassis: { external_ids: [...tag, 'lrp'] },
  HA_Chassis_Group: { external_ids: [...tag, 'lrp'] },
  HA_Chassis: { external_ids: [...tag, 'group'] },
  Logical_Switch: {
    external_ids: tag,
    other_config: ['mcast_snoop', 'mcast_querier', 'mcast_eth_src', 'mcast_ip4_src', 'mcast_ip6_src'],
    load_balancer: 'ours',
    load_balancer_group: 'ours',
  },
  Load_Balancer: {
    external_ids: [...tag, 'service', 'vpc', 'kube-ovn.io/local-external-vip/*'],
    options: ['affinity_timeout', 'address-family', 'ct_flush', 'hairpin_snat_ip', 'reject', 'template'],
    vips: 'all',
    ip_port_mappings: 'all',
  },
  Load_Balancer_Group: { load_balancer: 'all' },
  Load_Balancer_Health_Check: { external_ids: [...tag, 'switch_lb_subnet'], options: 'all' },
  Chassis_Template_Var: { external_ids: tag, variables: 'all' },
  Logical_Switch_Port: {
    external_ids: [
      ...tag,
      'ls',
      'pod',
      'vips',
      'attach-vips',
      'ipv4_network',
      'ipv6_network',
      'security_groups',
      'associated_sg_*',
    ],
    options: [
      'router-port',
      'arp_proxy',
      'requested-chassis',
      'activation-strategy',
      'network_name',
      'virtual-ip',
      'virtual-parents',
    ],
  },
  DHCP_Options: { external_ids: [...tag, 'ls', 'protocol', 'port'], options: 'all' },
  ACL: { external_ids: [...tag, 'subnet', 'parent'], options: ['apply-after-lb'] },
  Port_Group: { external_ids: [...tag, 'node', 'np', 'lr', 'u2o', 'selection', 'port', 'type', 'sg'], ports: 'all' },
  Meter: { external_ids: tag },
  Meter_Band: { external_ids: tag },
  Address_Set: {
    external_ids: [
      ...tag,
      'ippool',
      'subnet',
      'vpc',
      'isU2ORoutePolicy',
      'isU2OOverlayCIDRs',
      'np',
      'selection',
      'port',
      'sg',
    ],
    addresses: 'all',
  },
};

/** Columns by which a row of a Kube-OVN that ran before is known for ours, in tables without a unique index. */
export const adoptBy: Readonly<Record<string, readonly string[]>> = {
  Logical_Router: ['name'],
  Logical_Switch: ['name'],
  Logical_Router_Policy: ['priority', 'match'],
  Logical_Router_Static_Route: ['ip_prefix', 'nexthop', 'policy', 'route_table'],
  HA_Chassis: ['chassis_name'],
  ACL: ['direction', 'priority', 'match'],
  Load_Balancer: ['name'],
};

/** Rows of ours in tables without external_ids. */
export const ours: Readonly<Record<string, (row: Row) => boolean>> = {
  Load_Balancer_Group: ({ name }) => typeof name === 'string' && isBalancerGroupName(name),
};

/** Kube-OVN tags the port to a physical network only when it writes it for the second time. */
export const untagged: Readonly<Record<string, (row: Row) => boolean>> = {
  Logical_Switch_Port: ({ type, name }) =>
    type === 'localnet' && typeof name === 'string' && name.startsWith(localnetPortName('')),
};

/** Columns of such a row that are taken as found: the MAC of a router port is in the neighbour tables of running pods. */
export const keep: Readonly<Record<string, readonly string[]>> = { Logical_Router_Port: ['mac'] };
