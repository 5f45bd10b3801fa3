// What is copied of the northbound database: the columns that are written, and those by which rows hold each other.
// A table or column that the server's schema does not have is left out, and a fact that names it is refused.

import type { RowFact } from '../../lib/delta/fact.ts';
import { aclTier, adminAcl } from './priorities.ts';

/** Columns by table. Every column of a fact must be here; so must strong references to rows of ours. */
export const columns: Readonly<Record<string, readonly string[]>> = {
  NB_Global: ['external_ids', 'options'],
  Logical_Router: ['name', 'options', 'external_ids', 'ports', 'static_routes', 'policies', 'nat', 'load_balancer'],
  Logical_Router_Port: [
    'name',
    'mac',
    'networks',
    'peer',
    'options',
    'ipv6_ra_configs',
    'external_ids',
    'gateway_chassis',
    'ha_chassis_group',
  ],
  Logical_Router_Static_Route: [
    'ip_prefix',
    'nexthop',
    'policy',
    'route_table',
    'output_port',
    'bfd',
    'options',
    'external_ids',
  ],
  Logical_Router_Policy: ['priority', 'match', 'action', 'nexthops', 'options', 'external_ids'],
  // Those of others too, to which routes of users refer.
  BFD: ['logical_port', 'dst_ip', 'min_tx', 'min_rx', 'detect_mult', 'external_ids'],
  Gateway_Chassis: ['name', 'chassis_name', 'priority', 'external_ids'],
  HA_Chassis_Group: ['name', 'ha_chassis', 'external_ids'],
  HA_Chassis: ['chassis_name', 'priority', 'external_ids'],
  Logical_Switch: [
    'name',
    'other_config',
    'external_ids',
    'ports',
    'acls',
    'load_balancer',
    'load_balancer_group',
    'qos_rules',
  ],
  Load_Balancer: [
    'name',
    'protocol',
    'vips',
    'health_check',
    'ip_port_mappings',
    'selection_fields',
    'options',
    'external_ids',
  ],
  Load_Balancer_Group: ['name', 'load_balancer'],
  Load_Balancer_Health_Check: ['vip', 'options', 'external_ids'],
  Chassis_Template_Var: ['chassis', 'variables', 'external_ids'],
  Logical_Switch_Port: [
    'name',
    'type',
    'addresses',
    'port_security',
    'options',
    'tag',
    'dhcpv4_options',
    'dhcpv6_options',
    'external_ids',
    'ha_chassis_group',
  ],
  DHCP_Options: ['cidr', 'options', 'external_ids'],
  ACL: [
    'direction',
    'priority',
    'match',
    'action',
    'tier',
    'options',
    'log',
    'name',
    'severity',
    'meter',
    'external_ids',
  ],
  Meter: ['name', 'unit', 'bands', 'external_ids'],
  Meter_Band: ['action', 'rate', 'burst_size', 'external_ids'],
  Port_Group: ['name', 'ports', 'acls', 'external_ids'],
  Address_Set: ['name', 'addresses', 'external_ids'],
};

/** Columns that older schemas lack and that are left out of rows there: what they say is a refinement. */
export const optional: Readonly<Record<string, readonly string[]>> = {
  // OVN 23.06: before, all rules are judged together.
  ACL: ['tier'],
};

/**
 * Rows that are left out where all rules are judged together: what hands on to the next tier has none to hand on to, and
 * what is behind others would beat them.
 */
export const needsTiers = ({ row, columns: { action, tier, priority } }: Pick<RowFact, 'row' | 'columns'>): boolean =>
  row === 'ACL' && (action === 'pass' || tier === aclTier.baseline) && Number(priority) > adminAcl.lowest;

/** Rows that cost northd a full computation however they come: they wait a moment for company. */
export const structural: readonly string[] = [
  'Logical_Switch',
  'Logical_Router',
  'Logical_Router_Port',
  'Logical_Router_Static_Route',
  'Logical_Router_Policy',
  'Gateway_Chassis',
  'HA_Chassis_Group',
  'HA_Chassis',
  'ACL',
  // With the rules that name them, or northd computes twice. Who is in them does not wait.
  'Port_Group',
  'Address_Set',
];
