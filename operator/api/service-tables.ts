// The part of the graph's tables that load balancing is made of.
import type { EndpointSliceRow, ServiceRow } from './service-row.ts';
import type { Host, Network } from './tables.ts';

export interface ServiceTables {
  service: ServiceRow;
  endpointSlice: EndpointSliceRow;
}

export interface ServiceIndexes {
  /** By the key of their Service. */
  slicesByService: EndpointSliceRow;
  /** All whose chassis is known under one key, and by chassis. */
  hosts: Host;
  /** By the blocks of addresses that the CIDRs touch, whatever the VPC. */
  networksByBlock: Network;
}
