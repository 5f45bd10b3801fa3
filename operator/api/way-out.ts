// How subnets leave the cluster, as rows of tables: who may be their gateway, who is, and who cannot be reached.

/** A node by which a subnet may leave the cluster, and its addresses on the join subnet; none before they are assigned. */
export interface GatewayNode {
  readonly name: string;
  readonly joins: readonly string[];
}

/** By which nodes a centralized subnet of the default VPC leaves. Computed from `network`. */
export interface WayOut {
  /** All that may be chosen, in order of preference. */
  readonly listed: readonly GatewayNode[];
  /** Those that are. */
  readonly active: readonly GatewayNode[];
}

/** A node that others cannot reach by the join subnet, whatever its conditions say. Told by their agents. */
export interface LostRow {
  readonly node: string;
}

/** A ServiceCIDR: further ranges of the addresses of Services. */
export interface ServiceCidrRow {
  readonly cidrs: readonly string[];
}
