// Priorities of everything that OVN orders by priority, highest first. Kube-OVN's numbers: users read them.

/** Logical_Router_Policy. */
export const routerPolicy = {
  /** To a subnet of the VPC: routed as usual, whatever the source. */
  subnet: 31000,
  /** To a node's own address: by the join port of that node. */
  node: 30000,
  /** From a subnet to anywhere else: by its gateway. */
  gateway: 29000,
} as const;
