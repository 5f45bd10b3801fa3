// Original file: proto/plan.proto


/**
 * A node by which a centralized subnet may leave.
 */
export interface GatewayNode {
  'name'?: (string);
  'join_addresses'?: (string)[];
  /**
   * With which address what leaves by it leaves, one per family at most; else with the node's.
   */
  'egress_ips'?: (string)[];
}

/**
 * A node by which a centralized subnet may leave.
 */
export interface GatewayNode__Output {
  'name': (string);
  'join_addresses': (string)[];
  /**
   * With which address what leaves by it leaves, one per family at most; else with the node's.
   */
  'egress_ips': (string)[];
}
