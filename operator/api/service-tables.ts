// The part of the graph's tables that load balancing is made of.
import type { LbRuleRow } from './lb-rule-row.ts';
import type { AnnouncementRow, EndpointSliceRow, ServiceRow } from './service-row.ts';
import type { Host, Network } from './tables.ts';

export interface ServiceTables {
  service: ServiceRow;
  endpointSlice: EndpointSliceRow;
  /** By the key of the ServiceL2Status. */
  announcement: AnnouncementRow;
  switchLbRule: LbRuleRow;
  routerLbRule: LbRuleRow;
}

export interface ServiceIndexes {
  /** By the key of their Service. */
  slicesByService: EndpointSliceRow;
  /** By the key of their Service. */
  announcementsByService: AnnouncementRow;
  /** By protocol, address and port. */
  servicesByFrontend: ServiceRow;
  /** RouterLBRules, by OvnEip. */
  lbRulesByEip: LbRuleRow;
  /** All whose chassis is known under one key, and by chassis. */
  hosts: Host;
  /** By the blocks of addresses that the CIDRs touch, whatever the VPC. */
  networksByBlock: Network;
}
