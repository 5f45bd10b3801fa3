// The part of the graph's tables that load balancing is made of.
import type { DeploymentRow, NatConfigRow } from './gateway-row.ts';
import type { LbRuleRow } from './lb-rule-row.ts';
import type { AnnouncementRow, EndpointSliceRow, ServiceRow } from './service-row.ts';
import type { Host, Network, PodRow } from './tables.ts';

export interface ServiceTables {
  service: ServiceRow;
  endpointSlice: EndpointSliceRow;
  /** By the key of the ServiceL2Status. */
  announcement: AnnouncementRow;
  /** Of ours alone. */
  deployment: DeploymentRow;
  natConfig: NatConfigRow;
  switchLbRule: LbRuleRow;
  routerLbRule: LbRuleRow;
}

export interface ServiceIndexes {
  /** By the key of their Service. */
  slicesByService: EndpointSliceRow;
  /** By the key of their Service. */
  announcementsByService: AnnouncementRow;
  /** Pods that need an address, by the Service that they pass on to. */
  podsByService: PodRow;
  /** All under one key: there is one. */
  natConfigs: NatConfigRow;
  /** By protocol, address and port. */
  servicesByFrontend: ServiceRow;
  /** RouterLBRules, by OvnEip. */
  lbRulesByEip: LbRuleRow;
  /** All whose chassis is known under one key, and by chassis. */
  hosts: Host;
  /** By the blocks of addresses that the CIDRs touch, whatever the VPC. */
  networksByBlock: Network;
}
